"""`tuner worker`: one worker of a study."""

from __future__ import annotations

import click

from tuner.cli.options import storage_option


@click.command("worker")
@click.argument("name")
@storage_option
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0,1 or auto.")
def command(name: str, url: str, devices: str) -> None:
    """Run one trial of the study NAME at a time, on one device, until its budget is spent."""
    from tuner import service
    from tuner.cli.running import run_and_report

    run_and_report(name, url, 1, devices, lambda machine, watch: service.resume(name, url, machine, watch))

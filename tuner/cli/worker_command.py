"""`tuner worker`: one worker of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuner.cli.options import allow_pickle_option, elsewhere_options, pace_options, storage_option

if TYPE_CHECKING:
    from tuner.pace import Pace
    from tuner.service import Elsewhere


@click.command("worker")
@click.argument("name")
@storage_option
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0,1 or auto.")
@allow_pickle_option
@elsewhere_options
@pace_options
def command(name: str, url: str, devices: str, elsewhere: Elsewhere, pace: Pace) -> None:
    """Run one trial of the study NAME at a time, on one device, until its budget is spent."""
    from tuner import service
    from tuner.cli.running import run_and_report

    run_and_report(
        name,
        url,
        1,
        devices,
        pace,
        lambda machine, watch: service.resume(name, url, machine, watch, elsewhere=elsewhere, lift=False),
    )

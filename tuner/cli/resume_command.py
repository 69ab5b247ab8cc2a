"""`tuner resume`: go on with a study from the database alone."""

from __future__ import annotations

import click

from tuner.cli.options import storage_option, worker_options


@click.command("resume")
@click.argument("name")
@storage_option
@worker_options
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="Budget, in place of the study's.")
def command(name: str, url: str, workers: int | None, devices: str, trials: int | None) -> None:
    """Go on with the study NAME from what the database says alone."""
    from tuner import service
    from tuner.cli.running import run_and_report

    run_and_report(
        name,
        url,
        workers,
        devices,
        lambda machine, watch: service.resume(name, url, machine, watch, trials=trials),
    )

"""`tuner resume`: go on with a study from the database alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuner.cli.options import allow_pickle_option, elsewhere_options, pace_options, storage_option, worker_options

if TYPE_CHECKING:
    from tuner.pace import Pace
    from tuner.service import Elsewhere


@click.command("resume")
@click.argument("name")
@storage_option
@worker_options
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="Budget, in place of the study's.")
@allow_pickle_option
@elsewhere_options
@pace_options
def command(
    name: str,
    url: str,
    workers: int | None,
    devices: str,
    trials: int | None,
    elsewhere: Elsewhere,
    pace: Pace,
) -> None:
    """Go on with the study NAME from what the database says alone, on any machine; a paused study is opened again."""
    from tuner import service
    from tuner.cli.running import run_and_report

    run_and_report(
        name,
        url,
        workers,
        devices,
        pace,
        lambda machine, watch: service.resume(name, url, machine, watch, trials=trials, elsewhere=elsewhere),
    )

"""`tuner script`: a plain script that repeats a trial."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.options import overrides_options, storage_option

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides


@click.command("script")
@click.argument("name")
@click.argument("trial", type=click.IntRange(min=0))
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write script.py to this new folder, with the rows or the fitted head where it cannot do without.",
)
@overrides_options
@storage_option
def command(name: str, trial: int, folder: Path | None, overrides: MachineOverrides, url: str) -> None:
    """Print a Python script that repeats trial TRIAL of the study NAME without tuner.

    It needs torch, transformers and the study's data alone. It trains with the trial's hyperparameters and prints the
    losses and the metric of each evaluation, which on the CPU are those that were recorded.
    """
    from storage import History, TrialState
    from tuner.cli.reading import opened
    from tuner.service.script import script
    from tuner.study.script import SCRIPT

    with opened(name, url) as (database, study):
        text = script(database, study, trial, folder, overrides=overrides, debug="--debug" in sys.argv)
        record = History(database, study).trial(trial)
    if record.state != TrialState.COMPLETE:
        last = record.steps[-1][0]
        click.echo(f"Trial {trial} is {record.state}: the script ends with its last evaluation, at {last} %.", err=True)
    if folder is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"Wrote {folder / SCRIPT}", err=True)

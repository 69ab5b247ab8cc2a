"""`tuner refit`: train the best trial of a study on all rows but those of the test split."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.options import json_option, overrides_options, print_json, storage_option, timing_options

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides
    from tuner.supervisor.timing import Timing


@click.command("refit")
@click.argument("name")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Which trial. [default: the best]")
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0 or auto.")
@timing_options
@overrides_options
@json_option
@storage_option
def command(
    name: str,
    folder: Path,
    trial: int | None,
    devices: str,
    timing: Timing,
    overrides: MachineOverrides,
    as_json: bool,
    url: str,
) -> None:
    """Train the best trial of the study NAME on the training and the validation split, and write it to FOLDER.

    It has no score of its own: no row is left that could tell one. It may be stopped, and goes on where it was.
    """
    from rich.console import Console

    from storage import waiting_for_connections
    from tuner.cli.reading import opened
    from tuner.reporting.events import Notice
    from tuner.reporting.terminal import progress
    from tuner.service.refit import refit
    from tuner.service.run import Machine

    machine = Machine(devices=devices, workers=1, debug="--debug" in sys.argv, timing=timing)
    with (
        opened(name, url) as (database, study),
        progress(Console(stderr=True)) as watch,
        waiting_for_connections(lambda text: watch(Notice(text=text))),
    ):
        outcome = refit(database, study, folder, machine, watch, trial=trial, overrides=overrides)
    if as_json:
        print_json(outcome)
        return
    click.echo(f"Wrote trial {outcome['trial']}, trained on the training and the validation split, to {folder}")
    click.echo("It has no score of its own: no row is left that could tell one.")

"""`tuner export`: write a trial's model for transformers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.options import elsewhere_options, json_option, print_json, storage_option

if TYPE_CHECKING:
    from tuner.service import Elsewhere


@click.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Which trial. [default: the best]")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Evaluate what was written.")
@elsewhere_options
@json_option
@storage_option
def command(
    name: str, folder: Path, trial: int | None, verify: bool, elsewhere: Elsewhere, as_json: bool, url: str
) -> None:
    """Write the best model of the study NAME, and its tokenizer, to FOLDER for `from_pretrained`."""
    from tuner.cli.reading import opened
    from tuner.export import export

    with opened(name, url) as (database, study):
        outcome = export(
            database, study, folder, trial=trial, verify=verify, elsewhere=elsewhere, debug="--debug" in sys.argv
        )
    if as_json:
        print_json(outcome)
        return
    click.echo(f"Wrote trial {outcome['trial']} to {folder}")
    if outcome["verified"] is not None:
        click.echo(f"Evaluated again: {outcome['metric']} {outcome['verified']:.6f}, recorded {outcome['value']:.6f}")

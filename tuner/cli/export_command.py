"""`tuner export`: write a trial's model for transformers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.options import json_option, overrides_options, print_json, storage_option

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides


@click.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Which trial. [default: the best]")
@click.option(
    "--soup",
    type=click.IntRange(min=2),
    metavar="N",
    help="The mean of the weights of up to N of the best trials, if it is better than the best one on validation.",
)
@click.option("--adapter", is_flag=True, help="Write the adapter (LoRA) alone, for peft, instead of merging it.")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Evaluate the written model.")
@overrides_options
@json_option
@storage_option
def command(
    name: str,
    folder: Path,
    trial: int | None,
    soup: int | None,
    adapter: bool,
    verify: bool,
    overrides: MachineOverrides,
    as_json: bool,
    url: str,
) -> None:
    """Write the best model of the study NAME, and its tokenizer, to FOLDER for `from_pretrained`."""
    if soup is not None and trial is not None:
        raise click.UsageError("--soup averages the best trials; leave --trial out")
    if soup is not None and adapter:
        raise click.UsageError("--soup averages merged weights; leave --adapter out")

    from tuner.cli.reading import opened
    from tuner.reporting.model_card import latency_words
    from tuner.service.doubts import doubts
    from tuner.service.export import ExportForm, export

    with opened(name, url) as (database, study):
        outcome = export(
            database,
            study,
            folder,
            ExportForm(verify=verify, soup=soup, adapter=adapter),
            trial=trial,
            overrides=overrides,
            debug="--debug" in sys.argv,
        )
        warnings = doubts(database, study, outcome["value"], is_chosen=trial is None)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if as_json:
        print_json(outcome)
        return
    members = ", ".join(map(str, outcome["soup"] or ()))
    written = f"the mean of trials {members}" if members else f"trial {outcome['trial']}"
    click.echo(f"Wrote {written} to {folder}")
    if outcome["verified"] is not None:
        click.echo(f"Evaluated again: {outcome['metric']} {outcome['verified']:.6f}, recorded {outcome['value']:.6f}")
        click.echo(f"{latency_words(outcome['latency'])}.")

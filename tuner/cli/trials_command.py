"""`tuner trials`: every trial of a study."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from storage.states import TrialState
from tuner.cli.options import json_option, print_json, storage_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage import TrialRecord


@click.command("trials")
@click.argument("name")
@click.option(
    "--sort",
    default=None,
    metavar="KEY",
    help="By number, value (the best first), time (the longest first), or a hyperparameter.  [default: number; with "
    "--top, value]",
)
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Only the first N trials.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([each.value for each in TrialState]),
    metavar="STATE",
    help=f"Only trials that are {', '.join(TrialState)}. May be given several times.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print all columns as csv, numbers in full precision.")
@json_option
@storage_option
def command(
    name: str, sort: str | None, top: int | None, states: tuple[str, ...], as_csv: bool, as_json: bool, url: str
) -> None:
    """Show the trials of the study NAME in columns: how each ended, and the settings that differ."""
    from storage import History
    from tuner.cli.reading import opened
    from tuner.reporting.trials_table import Selection, print_trials, write_csv

    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two forms of one answer; give one of them")
    order = sort or ("number" if top is None else "value")
    with opened(name, url) as (database, study):
        history = History(database, study)
        every = history.trials()
    _check_order(order, every)
    chosen = Selection(sort=order, top=top, states=states).of(every, history.direction)
    if as_json:
        from tuner.reporting.views import trial_view

        print_json({"study": name, "trials": [trial_view(trial) for trial in chosen]})
    elif as_csv:
        write_csv(sys.stdout, chosen, every)
    elif not every:
        click.echo(f"No trial of study {name} has begun.", err=True)
    else:
        from tuner.reporting.columns import console

        print_trials(chosen, every, str(study.config["metric"]["name"]), console().width)


def _check_order(order: str, trials: Sequence[TrialRecord]) -> None:
    from search_spaces import suggestion
    from tuner.reporting.trials_table import ORDERS, full_name, parameters_of

    known = [*ORDERS, *parameters_of(trials)]
    if full_name(order) not in known:
        raise click.UsageError(f"--sort {order}: no trial has it{suggestion(order, known)}; known: {', '.join(known)}")

"""`tuner show`: all that is recorded of one trial."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("show")
@click.argument("name")
@click.argument("trial", type=click.IntRange(min=0))
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also show how things were computed, every metric, and the checkpoints that are kept.",
)
@json_option
@storage_option
def command(name: str, trial: int, everything: bool, as_json: bool, url: str) -> None:
    """Show trial TRIAL of the study NAME: its settings, its learning curve and what was trained."""
    from storage import History
    from tuner.cli.reading import opened
    from tuner.reporting.views import show_view

    with opened(name, url) as (database, study):
        record = History(database, study).trial(trial)
    view = show_view(study, record)
    if as_json:
        print_json(view)
        return
    from dataclasses import replace

    from tuner.reporting.columns import console, print_lines
    from tuner.reporting.text import stored_recipe_words
    from tuner.reporting.trial_page import trial_page

    recipe = stored_recipe_words(study.facts, record.hyperparameters) if trial == 0 else None
    in_order = replace(record, hyperparameters=view["hyperparameters"])
    page = trial_page(in_order, name, view["metric"], console().width, recipe=recipe, everything=everything)
    print_lines(page)

"""`tuner show`: all that is recorded of one trial."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("show")
@click.argument("name")
@click.argument("trial", type=click.IntRange(min=0))
@json_option
@storage_option
def command(name: str, trial: int, as_json: bool, url: str) -> None:
    """Show all that is recorded of trial TRIAL of the study NAME."""
    from storage import History
    from tuner.cli.reading import opened
    from tuner.reporting.text import stored_recipe_words
    from tuner.reporting.trial_note import trial_note
    from tuner.reporting.views import show_view

    with opened(name, url) as (database, study):
        record = History(database, study).trial(trial)
        view = show_view(study, record)
    if as_json:
        print_json(view)
        return
    click.echo(f"Trial {trial} of {name}, {view['metric']}")
    for key, value in view["hyperparameters"].items():
        click.echo(f"  {key}: {value}")
    click.echo("")
    note = trial_note(
        state=record.state,
        value=record.value,
        reason=record.reason,
        effective=record.effective,
        curve=record.evaluations,
        recipe=stored_recipe_words(study.facts, record.hyperparameters) if trial == 0 else None,
    )
    click.echo(note)

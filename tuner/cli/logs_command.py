"""`tuner logs`: the events of a study's trials."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("logs")
@click.argument("name")
@click.argument("trial", required=False, type=click.IntRange(min=0))
@json_option
@storage_option
def command(name: str, trial: int | None, as_json: bool, url: str) -> None:
    """Show the events of the trials of the study NAME, or of TRIAL: attempts, checkpoints, how it ended."""
    from storage import Events, History
    from tuner.cli.reading import opened
    from tuner.reporting.views import event_line, event_view

    with opened(name, url) as (database, study):
        if trial is not None:
            History(database, study).trial(trial)
        events = Events(database, study.id).all(trial=trial)
    if as_json:
        print_json({"study": name, "events": [event_view(event) for event in events]})
        return
    for event in events:
        click.echo(event_line(event))

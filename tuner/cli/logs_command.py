"""`tuner logs`: the events of a study's trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuner.cli.options import json_option, print_json, storage_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage import Database, EventRecord, StudyRecord


@click.command("logs")
@click.argument("name")
@click.argument("trial", required=False, type=click.IntRange(min=0))
@click.option(
    "--follow", "-f", is_flag=True, help="Show what happens from now on, too, until the study is over or Ctrl-C."
)
@json_option
@storage_option
@click.pass_context
def command(ctx: click.Context, name: str, trial: int | None, follow: bool, as_json: bool, url: str) -> None:
    """Show the events of the trials of the study NAME, or of TRIAL: attempts, evaluations, checkpoints, ends.

    Times are local ones of this machine; those of --json are UTC.
    """
    from storage import Events, History
    from tuner.cli.reading import opened

    if follow and as_json:
        raise click.UsageError("--json prints one object, and cannot follow; give one of --follow and --json")
    with opened(name, url) as (database, study):
        if trial is not None:
            History(database, study).trial(trial)
        if follow:
            try:
                _follow(database, study, trial)
            except KeyboardInterrupt:
                ctx.exit(130)
            return
        events = Events(database, study.id).all(trial=trial)
        if not as_json:
            _print(database, study, events)
            return
    from tuner.reporting.views import event_view

    print_json({"study": name, "events": [event_view(event) for event in events]})


def _follow(database: Database, study: StudyRecord, trial: int | None) -> None:
    from tuner.service.follow import follow

    for events in follow(database, study, trial=trial, notice=lambda text: click.echo(text, err=True)):
        _print(database, study, events)


def _print(database: Database, study: StudyRecord, events: Iterable[EventRecord]) -> None:
    from storage import EventKind, History
    from tuner.reporting.columns import printable
    from tuner.reporting.event_lines import event_line, schedules_of

    events = list(events)
    has_saved = any(event.kind == EventKind.CHECKPOINT for event in events)
    schedules = schedules_of(History(database, study).trials()) if has_saved else {}
    for event in events:
        click.echo(printable(event_line(event, schedules)))

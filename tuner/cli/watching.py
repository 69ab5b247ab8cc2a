"""Watches a study that others run, for `tuner status --watch`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console

from storage import Database, Studies, Workers, describe_outage
from tuner.reporting.events import Notice
from tuner.reporting.following import Follower
from tuner.reporting.lines import Lines
from tuner.reporting.live.view import WATCH_HINT, LiveView, is_shown_on

if TYPE_CHECKING:
    from tuner.reporting.events import Watcher

#: Seconds between two looks into the database.
LOOK_S = 2.0


def watch_study(name: str | None, url: str) -> str:
    """Show a study until it is over, or until Ctrl-C; return its name.

    Args:
        name: The study; None for the one that workers run, or the only one.
        url: URL of the database.

    Raises:
        StudyNotFound: There is no study of that name, or it was deleted.
        UsageError: No study is named, and there are several.
    """
    with Database(url) as database:
        name = name or _only(database)
        study = Studies(database).get(name)
        with contextlib.suppress(KeyboardInterrupt), _shown() as show:
            _follow(Follower(database, study), show)
    return name


@contextmanager
def _shown() -> Iterator[Watcher]:
    console = Console(stderr=True)
    if not is_shown_on(console):
        yield Lines(console)
        return
    with LiveView(console, hint=WATCH_HINT, keep=True) as view:
        yield view


def _follow(follower: Follower, show: Watcher) -> None:
    is_away = False
    while not follower.is_over:
        try:
            for event in follower.poll():
                show(event)
        except Exception as error:
            outage = describe_outage(error)
            if outage is None:
                raise
            if not is_away:
                show(Notice(text=f"the database does not answer; what is shown is old: {outage}"))
            is_away = True
        else:
            if is_away:
                show(Notice(text="the database answers again"))
            is_away = False
        if not follower.is_over:
            time.sleep(LOOK_S)


def _only(database: Database) -> str:
    """Return the study that is meant where none is named."""
    studies = Studies(database)
    names = studies.names()
    run = [each for each in names if Workers(database, studies.get(each).id).alive()]
    found = run if len(run) == 1 else names
    if len(found) == 1:
        return found[0]
    told = f"there are {len(found)}: {', '.join(found[:5])}" if found else "there is none"
    raise click.UsageError(f"name the study to watch; {told}")

"""Following the event log of a study while it runs, for `tuner logs --follow`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from storage import Database, EventRecord, Events, History, Studies, StudyRecord, describe_outage, give_back
from tuner.reporting.views import Standing, overview

#: Seconds between two looks at the log.
LOOK_S = 1.0


def follow(
    database: Database,
    study: StudyRecord,
    *,
    trial: int | None,
    notice: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[EventRecord]]:
    """Yield the events of a study as they are written, those that are there first, until the study is over.

    An outage of the database does not end it: it goes on once the database answers again.

    Args:
        database: The database.
        study: The study.
        trial: Yield only the events of the trial with this number, until that trial is over; None yields all.
        notice: Told of each outage once, and of its end.
        sleep: Waits for so many seconds.

    Raises:
        StudyNotFound: The study was deleted meanwhile.
    """
    last, away = 0, False
    while True:
        try:
            # Asked first: what is written between the two questions is then still read.
            over = _is_over(database, study, trial)
            events = Events(database, study.id).all(trial=trial, after=last)
        except Exception as error:
            outage = describe_outage(error)
            if outage is None:
                raise
            if not away:
                notice(f"Warning: the database does not answer, trying again: {outage}")
            away = True
        else:
            if away:
                notice("The database answers again.")
            away = False
            if events:
                last = events[-1].id
                yield events
            if over:
                return
        give_back()  # others may need the connection meanwhile
        sleep(LOOK_S)


def _is_over(database: Database, study: StudyRecord, trial: int | None) -> bool:
    if trial is not None:
        return History(database, study).trial(trial).state.is_over
    now = Studies(database).get(study.name)
    return overview(database, now)["state"] in (Standing.FINISHED, Standing.STOPPED)

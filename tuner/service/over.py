"""Whether a study is over: no trial of it is to begin or to go on, unless its budget is raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import Plans, Slots, StudyState
from tuner.study.search_over import SearchOver, is_searched_by_plan

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.study.config import StudyConfig


def is_over(database: Database, record: StudyRecord, config: StudyConfig) -> bool:
    """Return whether a study is over; one whose trials stay put aside, as it asks for, is."""
    if record.state == StudyState.STOPPED:
        return True
    slots = Slots(database, record.id)
    if slots.unfinished() or (slots.shelved() and not config.keep_shelved):
        return False
    return search_is_over(database, record, config)


def search_is_over(database: Database, record: StudyRecord, config: StudyConfig) -> bool:
    """Return whether no trial is to begin beside those that have slots."""
    content = Plans(database, record.id).content() if is_searched_by_plan(record.facts) else None
    return content is None or SearchOver.parse(content, config.to_dict()) is not None

"""The studies that follow from another one, as their names and facts tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import Studies
from tuner.study.parents import parent_of, shared_facts

if TYPE_CHECKING:
    from storage import Database, StudyRecord

#: What names of children add to that of their study, before a number.
CONFIRMS, REFITS = ".confirm-", ".refit-"
SUFFIXES = (CONFIRMS, REFITS)


def children_of(database: Database, study: StudyRecord, suffix: str) -> list[StudyRecord]:
    """Return the studies of a kind whose names are those of another one's children, the oldest first."""
    studies = Studies(database)
    found: list[StudyRecord] = []
    while (record := studies.find(f"{study.name}{suffix}{len(found) + 1}")) is not None:
        found.append(record)
    return found


def all_children(database: Database, study: StudyRecord) -> list[StudyRecord]:
    """Return all studies that follow from another one."""
    return [
        each
        for suffix in SUFFIXES
        for each in children_of(database, study, suffix)
        if parent_of(each.facts) == study.name
    ]


def is_child(child: StudyRecord, study: StudyRecord) -> bool:
    """Return whether a study follows from another one, and not from a deleted one of the same name."""
    is_named = parent_of(child.facts) == study.name
    return is_named and shared_facts(child.facts, child.config) == shared_facts(study.facts, study.config)

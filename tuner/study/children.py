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
    found = (studies.find(f"{study.name}{suffix}{number}") for number in _numbers(database, study, suffix))
    return [record for record in found if record is not None]


def next_child(database: Database, study: StudyRecord, suffix: str) -> str:
    """Return the name of the next study of a kind that follows from another one."""
    return f"{study.name}{suffix}{max(_numbers(database, study, suffix), default=0) + 1}"


def _numbers(database: Database, study: StudyRecord, suffix: str) -> list[int]:
    begins = f"{study.name}{suffix}"
    rests = [name.removeprefix(begins) for name in Studies(database).names() if name.startswith(begins)]
    return sorted(int(rest) for rest in rests if rest.isdecimal() and rest.isascii())


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

"""Studies that follow from another one: they train its trials again, with leases and checkpoints of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage import Studies, StudyExists
from tuner.errors import ConfigError
from tuner.study.config import MOST_CHARACTERS
from tuner.study.parents import parent_of, shared_facts
from tuner.study.study_file import parse_stored, stored_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage import Database, StudyRecord

#: What names of children add to that of their study, before a number.
CONFIRMS, REFITS = ".confirm-", ".refit-"
SUFFIXES = (CONFIRMS, REFITS)
#: Facts that hold for the search alone.
_OF_THE_SEARCH = ("arms", "warm_start", "file_budget")


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


def create_child(
    database: Database,
    study: StudyRecord,
    name: str,
    points: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
    *,
    trials: int,
) -> StudyRecord:
    """Create a study whose trials are points of another one, each trained to its end.

    Args:
        database: The database.
        study: The other study.
        name: The name of the new one.
        points: Hyperparameters of its trials, in order.
        facts: What it has beside the facts of the other one.
        trials: How many of them are trained at first.
    """
    studies, config = Studies(database), stored_config(study, database)
    if len(name) > MOST_CHARACTERS:
        source = f"study {study.name!r} in {database.url}"
        raise ConfigError(
            source, "name", f"is too long for {name!r}; a name of {MOST_CHARACTERS - 15} characters is not"
        )
    written = {
        **config.to_dict(),
        "name": name,
        "search": "plain",
        "pruner": "none",
        "early_stopping": None,
        "warm_start": "none",
        "stop": None,
        "confirm": None,
        "test": "none",
        "keep_shelved": False,
        "budget": {"trials": trials},
    }
    checked = parse_stored(written, source=f"study {name!r} in {database.url}")
    own = {key: value for key, value in study.facts.items() if key not in _OF_THE_SEARCH}
    try:
        return studies.create(
            name,
            direction=config.metric.direction,
            config=checked.to_dict(),
            facts={**own, **facts},
            trials=trials,
            first=points[0],
            queued=points[1:],
            replaces=True,
        )
    except StudyExists:  # another machine was faster
        return studies.get(name)

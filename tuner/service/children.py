"""Creating studies that follow from another one: they train its trials again, with leases and checkpoints of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage import Studies, StudyExists
from tuner.errors import ConfigError
from tuner.study.config import MOST_CHARACTERS
from tuner.study.study_file import parse_stored, stored_config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage import Database, StudyRecord

#: Facts that hold for the search alone.
_OF_THE_SEARCH = ("arms", "warm_start", "file_budget")


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

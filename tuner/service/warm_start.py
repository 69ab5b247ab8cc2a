"""Warm start: the best points of earlier studies in the same database, as first asks of a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage import History, Studies
from tuner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from storage import Database, StudyRecord
    from tuner.study.config import StudyConfig

#: Of each earlier study, the best points that are taken, and the share of its complete trials that they may be.
MOST, SHARE = 4, 0.25


def warm_start_facts(
    database: Database, config: StudyConfig, facts: Mapping[str, Any], *, source: str
) -> dict[str, Any]:
    """Return the fact that a new study stores about its warm start; empty where it has none.

    Args:
        database: The database, with the earlier studies.
        config: The new study.
        facts: Its other facts.
        source: Its name in errors.

    Raises:
        ConfigError: A study that is named is not there, or is of another task or family of models.
    """
    if config.warm_start == "none":
        return {}
    found = [
        {"study": record.name, "points": points}
        for record in _sources(database, config, facts, source)
        if (points := _best_points(database, record))
    ]
    return {"warm_start": found}


def _sources(database: Database, config: StudyConfig, facts: Mapping[str, Any], source: str) -> Iterator[StudyRecord]:
    studies = Studies(database)
    if config.warm_start == "auto":
        for name in studies.names():
            record = studies.find(name)
            if record is not None and name != config.name and _misfit(record, config, facts) is None:
                yield record
        return
    for number, name in enumerate(config.warm_start):
        record, key = studies.find(name), f"warm_start.{number}"
        if record is None:
            known = ", ".join(studies.names()) or "none"
            raise ConfigError(source, key, f"there is no study {name!r} in {database.url}; there is: {known}")
        if misfit := _misfit(record, config, facts):
            raise ConfigError(source, key, f"study {name!r} {misfit}; its best points say nothing of this one")
        yield record


def _misfit(record: StudyRecord, config: StudyConfig, facts: Mapping[str, Any]) -> str | None:
    """Return what sets an earlier study apart from a new one; None where its points can be taken."""
    if record.config.get("task") != config.task or record.config.get("train") != config.train:
        return "is of another task"
    if record.facts.get("family") != facts.get("family"):
        return f"is of another family of models, {record.facts.get('family')}"
    return None


def _best_points(database: Database, record: StudyRecord) -> list[dict[str, Any]]:
    ranked = History(database, record).ranked()
    return [dict(trial.hyperparameters) for trial in ranked[: min(MOST, max(1, int(SHARE * len(ranked))))]]

"""Editing a study that exists: its budget, its pruner, and how many weights it keeps, also while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage import Studies, StudyState
from tuner.errors import TunerError
from tuner.study.config import EDITABLE
from tuner.study.study_file import changed_keys, parse_stored, stored_config

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.study.config import StudyConfig


def edit(database: Database, record: StudyRecord, changes: Mapping[str, Any]) -> list[str]:
    """Change a study, for every machine; workers that run take the change over within a second or two.

    Args:
        database: Where the study is.
        record: The study.
        changes: New values by key; of `budget`, those parts that change.

    Returns:
        What has changed, a line each.

    Raises:
        TunerError: The study was stopped.
        ConfigError: A value cannot be used; nothing was changed.
    """
    while (lines := _edit(database, record, changes)) is None:
        record = Studies(database).get(record.name)
    return lines


def _edit(database: Database, record: StudyRecord, changes: Mapping[str, Any]) -> list[str] | None:
    """Change a study that is still as it was read; return None where somebody else has changed it meanwhile."""
    if record.state == StudyState.STOPPED:
        raise TunerError(f"study {record.name!r} was stopped: there is nothing to edit")
    before = stored_config(record, database)
    document = before.to_dict()
    for key, value in changes.items():
        assert key in EDITABLE
        document[key] = {**document[key], **value} if key == "budget" else value
    after, was = parse_stored(document, source=f"study {record.name!r}").to_dict(), before.to_dict()
    lines = [f"{key}: {_shown(was, key)} -> {_shown(after, key)}" for key in changed_keys(was, after)]
    if lines:
        facts = {**record.facts, "file_values": {**_untouched(before), **record.facts.get("file_values", {})}}
        if not Studies(database).update(record, after, facts, edited="; ".join(lines)):
            return None
    return lines


def _untouched(config: StudyConfig) -> dict[str, Any]:
    # What was edited is remembered as the file has it, or `start` would take the file for changed. The budget is
    # remembered apart: a changed one in the file is taken over.
    stored = config.to_dict()
    return {key: stored[key] for key in EDITABLE if key != "budget"}


def _shown(document: Mapping[str, Any], key: str) -> str:
    value: Any = document
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "none" if value is None else str(value)

"""Editing a study that exists, also while it runs: the `EDITABLE` keys of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage import Studies, StudyState
from tuner.errors import TunerError
from tuner.service.changes import changed_lines
from tuner.service.space_edit import SpaceEdit, edited_space
from tuner.study.config import EDITABLE
from tuner.study.search_over import check_bounds
from tuner.study.study_file import parse_stored, stored_config

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.study.config import StudyConfig


def edit(database: Database, record: StudyRecord, changes: Mapping[str, Any]) -> list[str]:
    """Change a study, for every machine. Running workers read the change within a second or two.

    Args:
        database: The database that holds the study.
        record: The study.
        changes: New values by key; for `budget`, a mapping of those parts that change, and for `search_space` one of
            the parameters that do.

    Returns:
        One line for each changed key.

    Raises:
        TunerError: The study was stopped.
        ConfigError: A value cannot be used; the study is unchanged.
        InvalidSpace: The search space cannot be used; the study is unchanged.
    """
    while (lines := _edit(database, record, changes)) is None:
        record = Studies(database).get(record.name)
    return lines


def _edit(database: Database, record: StudyRecord, changes: Mapping[str, Any]) -> list[str] | None:
    """Change a study; return None, and change nothing, where another process has changed it since it was read."""
    if record.state == StudyState.STOPPED:
        raise TunerError(f"study {record.name!r} was stopped: there is nothing to edit")
    before = stored_config(record, database)
    document = before.to_dict()
    source, space = f"study {record.name!r}", SpaceEdit(facts=record.facts)
    for key, value in changes.items():
        assert key in EDITABLE
        if key != "search_space":
            document[key] = {**document[key], **value} if key == "budget" else value
    config = parse_stored(document, source=source)
    if "search_space" in changes:  # after the other keys, as the pruner decides what may be searched
        space = edited_space(record, config, changes["search_space"], source=source)
    if space.lines:
        config = parse_stored({**document, "search_space": space.facts["space"]}, source=source)
    check_bounds(record.facts, config, source=source)
    after = config.to_dict()
    lines = [*changed_lines(before.to_dict(), after), *space.lines]
    if lines:
        facts = {**space.facts, "file_values": {**_file_values(before), **record.facts.get("file_values", {})}}
        if not Studies(database).update(record, after, facts, edited="; ".join(lines)):
            return None
    return lines


def _file_values(config: StudyConfig) -> dict[str, Any]:
    # The study file keeps its old values when a study is edited. They are stored, so that `tuner start` can tell an
    # edited study from an edited file. The file's budget is stored separately, as `file_budget`: see `merge`.
    stored = config.to_dict()
    return {key: stored[key] for key in EDITABLE if key != "budget"}

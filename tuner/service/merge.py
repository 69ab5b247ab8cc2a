"""Merging a study file, which may have changed, into the study that was created from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import StudyChanged
from tuner.study.study_file import changed_keys

if TYPE_CHECKING:
    from storage import StudyRecord
    from tuner.study.config import StudyConfig


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """A study file as `tuner start` was given it."""

    #: Its path, for errors.
    source: str
    #: Its configuration, in which `--trials` and `--runs` have replaced parts of the budget.
    config: StudyConfig
    #: Its budget as JSON values, without these.
    budget: Mapping[str, Any]
    #: Whether one of these was given.
    budget_given: bool

    @property
    def folder(self) -> str:
        """The folder that it is in, absolute."""
        return str(Path(self.source).absolute().parent)


def merge(file: StudyFile, record: StudyRecord, stored: StudyConfig) -> tuple[StudyConfig, dict[str, Any]]:
    """Return the configuration and the facts with which a study that exists goes on.

    The stored configuration wins, except for the budget: the file's is taken where it differs from the one that the
    file had before, or where `--trials` or `--runs` was given. So a budget that was once given so, or by `tuner edit`,
    stays until the file's own budget changes. Other values of `tuner edit` always stay.

    Raises:
        StudyChanged: The file differs in a key that cannot change; names all such keys.
    """
    config = _searched_as(stored, placed_as(stored, file.config))
    written = config.to_dict()
    _check_unchanged(file, record, stored.to_dict(), written)
    # Key by key: a file stored by a version that did not know a part of the budget has no value for it. That the file
    # has one now, the default, is no change.
    budget_changed = changed_keys(record.facts["file_budget"], file.budget)
    budget = config.budget if file.budget_given or budget_changed else stored.budget
    facts = {**record.facts, "file_budget": file.budget}
    if "file_values" in facts:
        facts["file_values"] = {key: written[key] for key in facts["file_values"]}
    return config.edited(stored).model_copy(update={"budget": budget}), facts


def placed_as(stored: StudyConfig, config: StudyConfig) -> StudyConfig:
    """Return a file's configuration with the checkpoint store of its study, where the file names none."""
    if config.checkpoints is not None:
        return config
    return config.model_copy(update={"checkpoints": stored.checkpoints})


def _searched_as(stored: StudyConfig, config: StudyConfig) -> StudyConfig:
    """Return a file's configuration with the search of its study, where the file leaves that open.

    A study of version 0.1 is searched as it was.
    """
    if not config.says_search and config.has_rungs and not stored.has_rungs:
        config = config.model_copy(update={"search": stored.search, "early_stopping": stored.early_stopping})
    for key, words in (("pruner", {"auto", "percentile"}), ("sampler", {"auto", "gp" if stored.has_rungs else "tpe"})):
        part, before = getattr(config, key), getattr(stored, key)
        if {part.name, before.name} == words:  # two words for one
            config = config.model_copy(update={key: part.model_copy(update={"name": before.name})})
    return config


def _check_unchanged(
    file: StudyFile, record: StudyRecord, stored: Mapping[str, Any], written: Mapping[str, Any]
) -> None:
    """Refuse a file in which a key outside of the budget differs both from the study and from the file before.

    A file that differs from the study alone has not changed: `tuner edit` has changed the study. A file that differs
    from the file before alone has been changed to agree with `tuner edit`.
    """
    file_before = {**stored, **record.facts.get("file_values", {})}
    differs_from_study = changed_keys(stored, written)
    keys = [
        key for key in changed_keys(file_before, written) if key in differs_from_study and key.split(".")[0] != "budget"
    ]
    if keys:
        raise StudyChanged(
            file.source,
            "",
            f"study {record.name!r} exists with another {', '.join(keys)}; "
            "give the study another name, or undo the change",
        )

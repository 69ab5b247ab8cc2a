"""Going on with a study that exists, for `tuner resume` and `tuner worker`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage import Database, StudyRecord
from tuner.reporting.events import Watcher
from tuner.service.ending import complete
from tuner.service.existing import run_existing
from tuner.service.run import Machine
from tuner.study.config import StudyConfig
from tuner.study.overrides import MachineOverrides


def resume(
    name: str,
    url: str,
    machine: Machine,
    watch: Watcher,
    *,
    budget: Mapping[str, Any] | None = None,
    overrides: MachineOverrides | None = None,
    reopen: bool = True,
) -> bool:
    """Go on with a study from the database alone, without its study file.

    Args:
        name: The study.
        url: The database.
        machine: Where trials run.
        watch: Receives every event.
        budget: Parts of the budget, `trials` or `runs`, that replace the study's.
        overrides: How this machine differs from the one on which the study was created.
        reopen: Whether a paused study is opened again, for all machines.

    Returns:
        False where the study was over before, or its budget in time or device hours is spent.

    Raises:
        StudyNotFound: There is no such study.
        StudyPaused: It is paused, and `reopen` is False.
        TunerError: See `tuner.errors`.
    """

    def with_budget(record: StudyRecord, stored: StudyConfig) -> tuple[StudyConfig, Mapping[str, Any]]:
        return stored.with_budget(budget or {}), record.facts

    overrides = overrides or MachineOverrides()
    with Database(url) as database:
        ran = run_existing(database, name, machine, watch, with_budget, overrides, reopen=reopen)
    complete(name, url, machine, watch, overrides)
    return ran

"""Starting a study: what `tuner start` does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import (
    Database,
    DatabaseMissing,
    Studies,
    StudyExists,
    StudyRecord,
)
from tuner.errors import StudyChanged
from tuner.reporting.events import Notice
from tuner.service.resume import go_on_with
from tuner.service.run import Machine, module_folders, ready_workplace, supervise
from tuner.study import hub
from tuner.study.config import StudyConfig
from tuner.study.locations import checkpoint_store, naming_checkpoints, removed_on_failure
from tuner.study.overrides import MachineOverrides
from tuner.study.setup import resolve, set_up
from tuner.study.study_file import changed_keys
from tuner.study.trust import check_sampler

if TYPE_CHECKING:
    from tuner.reporting.events import Watcher


def start(
    config: StudyConfig,
    url: str,
    machine: Machine,
    watch: Watcher,
    *,
    source: str,
    trials: int | None = None,
    overrides: MachineOverrides | None = None,
) -> bool:
    """Create a study or go on with it, and run its trials here until its budget is spent.

    Args:
        config: The study file.
        url: The database.
        machine: Where trials run.
        watch: Is told what happens.
        source: The study file's path.
        trials: A budget that replaces the file's, for this run and the later ones.
        overrides: What this machine has at other places.

    Returns:
        False where the study was over before.

    Raises:
        StudyChanged: The study exists with another configuration; names the keys that differ.
        TunerError: See `tuner.errors`.
        StorageError: See `storage.errors`.
    """
    file_budget = config.to_dict()["budget"]
    if trials is not None:
        config = config.with_trials(trials)
    # The study file is on this machine: what it allows is allowed here.
    overrides = replace(
        overrides or MachineOverrides(),
        allow_pickle=config.sampler.allow_pickle,
        trust_remote_code=config.trust_remote_code,
    )
    check_sampler(config, shared=Database.path_of(url) is None, allowed=overrides.allow_pickle, source=source)
    hub.settle(config, lambda text: watch(Notice(text=text)))
    resolve(config, source=source)
    folder = str(Path(source).absolute().parent)

    def taken_over(record: StudyRecord, stored: StudyConfig) -> tuple[StudyConfig, Mapping[str, Any]]:
        merged = _taken_over(record, stored, config, source, file_budget, explicit=trials is not None)
        facts = {**record.facts, "file_budget": file_budget}
        if "file_values" in facts:
            written = config.to_dict()
            facts["file_values"] = {key: written[key] for key in facts["file_values"]}
        return merged, facts

    def go_on() -> bool:
        with Database(url, create=True) as database:
            return go_on_with(database, config.name, machine, watch, taken_over, overrides, folder=folder, lift=False)

    if _is_known(config.name, url):
        return go_on()
    with ExitStack() as stack:
        # Before there is a database, so that a mistake in the study file leaves nothing behind.
        with naming_checkpoints(source):
            store = checkpoint_store(config, Database.path_of(url))
        with removed_on_failure(store):
            with naming_checkpoints(source):
                store.check_writable()
            here = stack.enter_context(ready_workplace(config, machine, store, watch, source=source))
            local_study = set_up(config, here.fork_server, source=source, folders=module_folders(folder))
            database = stack.enter_context(Database(url, create=True))
        studies = Studies(database)
        facts = {**local_study.facts(), "file_budget": file_budget, "folder": folder}
        try:
            record = studies.create(
                config.name,
                direction=config.metric.direction,
                config=config.to_dict(),
                facts=facts,
                trials=config.budget.trials,
                first=local_study.first_point(),
            )
        except StudyExists:
            if studies.find(config.name) is None:
                raise
            made_meanwhile = True
        else:
            made_meanwhile = False
            supervise(here, database, record, local_study)
    # By another command on the same file, or on another one of the same name: to be gone on with, or refused.
    return go_on() if made_meanwhile else True


def _taken_over(
    record: StudyRecord,
    stored: StudyConfig,
    config: StudyConfig,
    source: str,
    file_budget: Mapping[str, Any],
    *,
    explicit: bool,
) -> StudyConfig:
    """Return the configuration to go on with: the stored one, with a budget that the user changed since.

    A budget that was once given by flag stays until the file's own changes, and so does what was edited.
    """
    if config.checkpoints is None:
        config = config.model_copy(update={"checkpoints": stored.checkpoints})
    as_it_was = {**stored.to_dict(), **record.facts.get("file_values", {})}
    as_it_is = changed_keys(stored.to_dict(), config.to_dict())
    differing = [key for key in changed_keys(as_it_was, config.to_dict()) if key in as_it_is]
    keys = [key for key in differing if key.split(".")[0] != "budget"]
    if keys:
        raise StudyChanged(
            source,
            "",
            f"study {record.name!r} exists with another {', '.join(keys)}; "
            "give the study another name, or undo the change",
        )
    # By key: a file from before a part of the budget was there says nothing of it, which is no change.
    moved = changed_keys(record.facts["file_budget"], file_budget)
    budget = config.budget if explicit or moved else stored.budget
    return config.edited(stored).model_copy(update={"budget": budget})


def _is_known(name: str, url: str) -> bool:
    try:
        with Database(url) as database:
            return Studies(database).find(name) is not None
    except DatabaseMissing:
        return False

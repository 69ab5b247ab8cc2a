"""Writing a script that repeats a trial without this package."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from search_spaces import FITTED, NONE, Hyperparameters
from storage import HeadRecord, History, PlanPart, Plans
from tuner.errors import NoScript, TunerError
from tuner.machine.devices import CPU
from tuner.processes.trainers import ForkServer
from tuner.service.stored import set_up_stored
from tuner.study.locations import checkpoint_store
from tuner.study.script import SCRIPT, ScriptRequest
from tuner.study.setup import preparation_request
from tuner.study.study_file import stored_config
from tuner.trial.run import HeadHome

if TYPE_CHECKING:
    from storage import CheckpointStore, Database, StudyRecord, TrialRecord
    from tuner.study.config import StudyConfig
    from tuner.study.overrides import MachineOverrides


def script(
    database: Database,
    study: StudyRecord,
    number: int,
    folder: Path | None,
    *,
    overrides: MachineOverrides,
    debug: bool = False,
) -> str:
    """Return a script that repeats a trial with torch and transformers alone.

    Args:
        database: The database that holds the study.
        study: The study.
        number: The trial.
        folder: Takes the script and the files that it needs; must be empty or new. None has the script do without.
        overrides: How this machine differs from the one on which the study was created.
        debug: Whether the output of the writing process goes to this one's; else it is dropped.

    Raises:
        TrialNotFound: There is no such trial.
        NoScript: No plain script can repeat the trial, or none without a folder.
        CheckpointError: The store does not have the head that the trial began with.
        TunerError: The folder is not empty.
    """
    record = History(database, study).trial(number)
    config = stored_config(study, database)
    try:
        _check(config, record, has_folder=folder is not None)
        if folder is not None and folder.exists() and any(folder.iterdir()):
            raise TunerError(f"{folder} is not empty; give a new folder")
        if folder is None:
            return _written(database, study, config, record, None, overrides, debug=debug)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written beside `folder` and renamed, so that it never holds half of what the script needs.
        scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
        try:
            scratch.mkdir()
            text = _written(database, study, config, record, scratch.absolute(), overrides, debug=debug)
            (scratch / SCRIPT).write_text(text, encoding="utf-8")
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return text
    except NoScript as error:
        raise NoScript(f"no script for trial {number} of study {study.name!r}: {error}") from error


def _check(config: StudyConfig, record: TrialRecord, *, has_folder: bool) -> None:
    """Check that a trial has been trained, by a training that a script can repeat."""
    if config.train is not None:
        raise NoScript(f"the study trains with a function of its own, {config.train}; call that function instead")
    if config.task == "causal-lm":
        raise NoScript("scripts are written for classifiers, and the study's task is causal-lm")
    if record.hyperparameters.get("adapter", NONE) != NONE:
        raise NoScript("scripts train the weights themselves, and it has trained adapters; `tuner export` writes them")
    if not record.effective or not record.evaluations:
        because = f" ({record.reason})" if record.reason else ""
        raise NoScript(f"it has no evaluation that could be repeated{because}; `tuner trials` lists those that have")
    if record.hyperparameters.get("head_init") == FITTED and not has_folder:
        raise NoScript(
            "it began with the head that the study had fitted, whose weights are in the store; with --folder DIR they "
            "are written beside the script"
        )


def _written(
    database: Database,
    study: StudyRecord,
    config: StudyConfig,
    record: TrialRecord,
    folder: Path | None,
    overrides: MachineOverrides,
    *,
    debug: bool,
) -> str:
    store = checkpoint_store(config, database.path)
    with ForkServer(None if debug else Path(os.devnull)) as fork_server:
        local_study = set_up_stored(study, config, database, fork_server, overrides)
        assert record.effective is not None
        hyperparameters = Hyperparameters.from_values(record.hyperparameters)
        head = _head(database, study, store) if hyperparameters.head_init == FITTED else None
        try:
            run = local_study.run(record.number, hyperparameters, seed=record.effective["seed"], precision="fp32")
            request = ScriptRequest(
                study=study.name,
                evaluations=[dict(each) for each in record.evaluations],
                effective=record.effective,
                versions=local_study.versions,
                folder=folder,
            )
            arguments = {
                "run": replace(run, head=head),
                "data": preparation_request(overrides.applied(config), local_study.model),
                "request": request,
            }
            text: str = fork_server.call("tuner.training.calls:write_script", arguments, CPU.environment())
        finally:
            if head is not None:
                store.release(head.folder)
    return text


def _head(database: Database, study: StudyRecord, store: CheckpointStore) -> HeadHome:
    """Return the head that the trials of a study began with.

    Raises:
        NoScript: The study has none.
        CheckpointError: The store does not have it.
    """
    found = HeadRecord.parse(Plans(database, study.id, PlanPart.HEAD).content())
    if found is None:
        raise NoScript("the head that it began with is not known to the database")
    folder, _ = store.fetch(found.key, found.sha256)
    return HeadHome(folder=folder, key=found.key)

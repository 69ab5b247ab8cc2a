"""Exporting a trial's stored weights as a model that transformers can load, and evaluating it again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import Hyperparameters
from storage import CheckpointMissing, History
from storage.checkpoints import MANIFEST
from tuner.errors import NoBestTrial, TunerError
from tuner.machine.devices import CPU
from tuner.processes.trainers import ForkServer
from tuner.service.resume import set_up_stored
from tuner.study.locations import checkpoint_store
from tuner.study.overrides import MachineOverrides
from tuner.study.study_file import stored_config
from tuner.supervisor.retention import kept_trials

if TYPE_CHECKING:
    from storage import Database, StudyRecord, TrialRecord
    from tuner.study.local import LocalStudy


def export(
    database: Database,
    study: StudyRecord,
    folder: Path,
    *,
    trial: int | None,
    verify: bool,
    overrides: MachineOverrides,
    debug: bool = False,
) -> dict[str, Any]:
    """Write a trial's model and tokenizer into a folder.

    For a study with its own training function, the files that the function saved are copied as they are.

    Args:
        database: The database that holds the study.
        study: The study.
        folder: The folder to write; must be empty or new.
        trial: The trial's number; None is the best trial.
        verify: Whether to evaluate the written model on the validation split.
        overrides: How this machine differs from the one on which the study was created.
        debug: Whether the output of the exporting process goes to this one's; else it is dropped.

    Returns:
        Trial, metric, recorded value, and the value of the new evaluation or None.

    Raises:
        NoBestTrial: No trial is complete.
        CheckpointMissing: The store does not have the trial's weights.
        TunerError: The folder is not empty, or the written model's value differs from the recorded one.
    """
    history = History(database, study)
    record = history.best() if trial is None else history.trial(trial)
    if record is None:
        raise NoBestTrial(f"study {study.name!r} has no complete trial yet")
    config = stored_config(study, database)
    store = checkpoint_store(config, database.path)
    best = record.checkpoints.best
    if best is None or best.key not in store.keys(record.number):
        shown = ", ".join(map(str, kept_trials(history.top(), config.keep))) or "none"
        raise CheckpointMissing(f"no weights are kept for trial {record.number} in {store.url}; kept: {shown}")
    if folder.exists() and any(folder.iterdir()):
        raise TunerError(f"{folder} is not empty; give a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The model is written beside `folder`, and renamed once it is complete and verified: `folder` never holds half a
    # model, or one that failed verification.
    scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
    weights, _ = store.fetch(best.key, best.sha256)
    verified = None
    try:
        if config.train is not None:
            # Only the study's own function knows the format of these files.
            shutil.copytree(weights, scratch, ignore=shutil.ignore_patterns(MANIFEST))
        else:
            with ForkServer(None if debug else Path("/dev/null")) as fork_server:
                local_study = set_up_stored(study, config, database, fork_server, overrides)
                verified = _write_model(local_study, fork_server, record, weights, scratch, verify=verify)
        scratch.rename(folder)
    finally:
        store.release(weights)
        shutil.rmtree(scratch, ignore_errors=True)
    return {
        "study": study.name,
        "trial": record.number,
        "metric": config.metric.name,
        "value": record.value,
        "verified": verified,
        "folder": str(folder.absolute()),
    }


def _write_model(
    local_study: LocalStudy,
    fork_server: ForkServer,
    record: TrialRecord,
    weights: Path,
    folder: Path,
    *,
    verify: bool,
) -> float | None:
    """Write a trial's model into a new folder; return its value on the validation split, or None without `verify`."""
    run = local_study.run(record.number, Hyperparameters.from_values(record.hyperparameters), precision="fp32")
    arguments = {"run": run, "weights": weights, "folder": folder.absolute(), "verify": verify}
    verified: float | None = fork_server.call("tuner.training.calls:export_model", arguments, CPU.environment())
    if verified is not None and record.value is not None and not _agree(verified, record):
        raise TunerError(
            f"nothing written: the model of trial {record.number} scores {verified:.8f}, recorded is "
            f"{record.value:.8f}; was it trained with other versions? --no-verify writes it all the same"
        )
    return verified


def _agree(verified: float, record: TrialRecord) -> bool:
    assert record.value is not None
    effective = record.effective or {}
    exact = effective.get("device") == "cpu" and effective.get("precision") == "no"
    # The new evaluation is in fp32 on the CPU. A value recorded in half precision or on a GPU is near it, not equal.
    return abs(verified - record.value) <= (1e-6 if exact else 0.02 * max(1.0, abs(record.value)))

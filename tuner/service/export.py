"""Exporting: the kept weights of a trial as a model that transformers loads, evaluated once more."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import Hyperparameters
from storage import CheckpointMissing, History
from storage.checkpoints import MANIFEST
from tuner.errors import NoBestTrial, TunerError
from tuner.processes.trainers import ForkServer
from tuner.service.resume import set_up_stored
from tuner.study.locations import checkpoint_store
from tuner.study.overrides import MachineOverrides
from tuner.study.study_file import stored_config

if TYPE_CHECKING:
    from storage import Database, StudyRecord, TrialRecord


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
    """Write a trial's model and tokenizer; of a study that trains with a function of its own, what that has saved.

    Args:
        database: Where the study is.
        study: The study.
        folder: Where to write; must be empty or new.
        trial: Its number; None is the best.
        verify: Whether to evaluate what was written on the validation split.
        overrides: What this machine has at other places.
        debug: Pass on what the exporting process writes.

    Returns:
        Trial, metric, recorded value, and the value of the new evaluation or None.

    Raises:
        NoBestTrial: No trial is complete.
        CheckpointMissing: The trial's weights are not kept.
        TunerError: The folder has something in it, or what was written scores otherwise than recorded.
    """
    history = History(database, study)
    record = history.best() if trial is None else history.trial(trial)
    if record is None:
        raise NoBestTrial(f"study {study.name!r} has no complete trial yet")
    config = stored_config(study, database)
    store = checkpoint_store(config, database.path)
    best = record.checkpoints.best
    if best is None or best.key not in store.keys(record.number):
        kept = [number for number, _ in history.top(config.keep)]
        shown = ", ".join(map(str, kept)) or "none"
        raise CheckpointMissing(f"no weights are kept for trial {record.number} in {store.url}; kept: {shown}")
    if folder.exists() and any(folder.iterdir()):
        raise TunerError(f"{folder} is not empty; give a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and moved there once it is sound: nobody finds half a model, or one that was refused.
    scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
    weights, _ = store.fetch(best.key, best.sha256)
    verified = None
    try:
        if config.train is not None:
            # What its own function has written, which it alone can read.
            shutil.copytree(weights, scratch, ignore=shutil.ignore_patterns(MANIFEST))
        else:
            verified = _write_model(
                database, study, record, weights, scratch, verify=verify, overrides=overrides, debug=debug
            )
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
    database: Database,
    study: StudyRecord,
    record: TrialRecord,
    weights: Path,
    scratch: Path,
    *,
    verify: bool,
    overrides: MachineOverrides,
    debug: bool,
) -> float | None:
    config = stored_config(study, database)
    with ForkServer(None if debug else Path("/dev/null")) as fork_server:
        local_study = set_up_stored(study, config, database, fork_server, overrides)
        run = local_study.run(record.number, Hyperparameters.from_values(record.hyperparameters), precision="fp32")
        arguments = {"run": run, "weights": weights, "folder": scratch.absolute(), "verify": verify}
        verified: float | None = fork_server.call(
            "tuner.training.calls:export_model", arguments, {"CUDA_VISIBLE_DEVICES": ""}
        )
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
    # The evaluation here is in fp32 on the processor; a value from half precision on a GPU is near, not equal.
    return abs(verified - record.value) <= (1e-6 if exact else 0.02 * max(1.0, abs(record.value)))

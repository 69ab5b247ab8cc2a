"""Exporting: the kept weights of a trial as a model that transformers loads, evaluated once more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import Hyperparameters
from storage import History
from tuner.errors import NoBestTrial, TunerError
from tuner.service import stored_config, stored_setup
from tuner.setup import checkpoint_store
from tuner.trainers import WarmParent

if TYPE_CHECKING:
    from storage import Database, StudyRecord


def export(
    database: Database,
    study: StudyRecord,
    folder: Path,
    *,
    trial: int | None,
    verify: bool,
    debug: bool = False,
) -> dict[str, Any]:
    """Write a trial's model and tokenizer.

    Args:
        database: Where the study is.
        study: The study.
        folder: Where to write; must be empty or new.
        trial: Its number; None is the best.
        verify: Whether to evaluate what was written on the validation split.
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
    weights, _ = checkpoint_store(config, database.path).open(record.number)
    if folder.exists() and any(folder.iterdir()):
        raise TunerError(f"{folder} is not empty; give a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with WarmParent(None if debug else Path("/dev/null")) as warm:
        setup = stored_setup(study, config, database, warm)
        run = setup.run(record.number, Hyperparameters.from_values(record.hyperparameters))
        arguments = {"run": run, "weights": weights, "folder": folder.absolute(), "verify": verify}
        verified = warm.call("tuner.training.jobs:export_job", arguments, {"CUDA_VISIBLE_DEVICES": ""})
    if verified is not None and record.value is not None and abs(verified - record.value) > 1e-6:
        raise TunerError(
            f"{folder} scores {verified:.8f}, but trial {record.number} recorded {record.value:.8f}; "
            "was it trained on another kind of device or with other versions?"
        )
    return {
        "study": study.name,
        "trial": record.number,
        "metric": config.metric.name,
        "value": record.value,
        "verified": verified,
        "folder": str(folder.absolute()),
    }

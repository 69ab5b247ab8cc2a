"""Predicting: what an exported model, or the trial that a study has come to, says of new rows."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import Hyperparameters
from tuner.errors import ConfigError
from tuner.machine.devices import CPU
from tuner.processes.trainers import ForkServer
from tuner.service.export import kept_trial
from tuner.service.stored import set_up_stored
from tuner.study.exported import Exported, PredictionRequest
from tuner.study.locations import cache_folder, checkpoint_store
from tuner.study.study_file import stored_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage import Database, StudyRecord
    from tuner.machine.devices import Device
    from tuner.processes.messages import Progressed
    from tuner.study.overrides import MachineOverrides
    from tuner.trial.run import ModelSource


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The rows that a model is to say something of, and how."""

    #: The file; None where `lines` are given.
    file: Path | None
    #: Lines in place of a file, each a text or a prompt.
    lines: tuple[str, ...] = ()
    device: Device
    #: Of a language model: tokens of a completion, at most.
    max_new_tokens: int
    #: Of a language model: whether the model before training is asked as well.
    untouched: bool = False
    #: Takes the output of the process that computes; None shows it.
    log: Path | None
    #: Receives the progress of the slow parts.
    progress: Callable[[Progressed], None]


def predict_with_study(
    database: Database, study: StudyRecord, asked: Asked, *, trial: int | None, overrides: MachineOverrides
) -> dict[str, Any]:
    """Return what a trial's model says of rows, as JSON values: those of `predict_rows`, with `study` and `trial`.

    The model is the one that `tuner export` writes; it is written into a folder for the time of the call.

    Args:
        database: The database that holds the study.
        study: The study.
        asked: The rows.
        trial: The trial's number; None is the one that the search has come to.
        overrides: How this machine differs from the one on which the study was created.

    Raises:
        ConfigError: The study trains with a function of its own, or its task predicts neither classes nor texts.
        NoBestTrial: No trial is complete.
        CheckpointMissing: The store does not have the trial's weights.
        DataError: The rows cannot be read as the study's are.
        TunerError: See `tuner.errors`.
    """
    source = f"study {study.name!r} in {database.url}"
    config = stored_config(study, database)
    if config.train is not None:
        raise ConfigError(source, "train", "only the study's own training knows its models; `tuner export` writes them")
    store = checkpoint_store(config, database.path)
    record, best = kept_trial(database, study, store, trial)
    with ExitStack() as stack:
        fork_server = stack.enter_context(ForkServer(asked.log))
        local_study = set_up_stored(study, config, database, fork_server, overrides, progress=asked.progress)
        weights, _ = store.fetch(best.key, best.sha256)
        stack.callback(store.release, weights)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "model"
        values = Hyperparameters.from_values(record.hyperparameters)
        run = local_study.run(record.number, values, precision="fp32")
        arguments = {"run": run, "weights": weights, "folder": folder, "verify": False, "adapter": False}
        fork_server.call("tuner.training.calls:export_model", arguments, CPU.environment())
        assert config.data is not None
        told = Exported.of(config.task, config.max_length, config.data)
        assert local_study.prepared is not None
        if asked.untouched and not local_study.prepared.anatomy.predicts_tokens:
            raise ConfigError(
                source, "task", f"before training a model for {config.task} has a head that knows nothing"
            )
        before = local_study.model if asked.untouched else None
        found = _said(fork_server, folder, told, asked, name=study.name, untouched=before)
        return {"study": study.name, "trial": record.number, **found}


def predict_with_folder(folder: Path, asked: Asked) -> dict[str, Any]:
    """Return what an exported model says of rows, as JSON values: those of `predict_rows`, with `folder`.

    Args:
        folder: A folder that `tuner export` has written.
        asked: The rows.

    Raises:
        ConfigError: The folder is none that `tuner export` has written.
        DataError: The rows cannot be read as those of the model's study are.
        TunerError: See `tuner.errors`.
    """
    told = Exported.read(folder)
    with ForkServer(asked.log) as fork_server:
        return {
            "folder": str(folder.absolute()),
            **_said(fork_server, folder.absolute(), told, asked, name=str(folder)),
        }


def _said(
    fork_server: ForkServer,
    folder: Path,
    told: Exported,
    asked: Asked,
    *,
    name: str,
    untouched: ModelSource | None = None,
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        file = asked.file
        if file is None:
            told, file = told.of_lines(), Path(scratch) / "standard input.jsonl"
            told.write_lines(asked.lines, file)
        elif not file.is_file() and not file.is_dir():
            raise ConfigError(str(file), "", f"no such file{_of_lines(told, name, 'FILE')}")
        request = PredictionRequest(
            model=folder,
            exported=told,
            source=str(file.absolute()),
            cache=cache_folder(),
            max_new_tokens=asked.max_new_tokens,
            untouched=untouched,
        )
        try:
            found: dict[str, Any] = fork_server.call(
                "tuner.training.calls:predict_rows",
                {"request": request},
                asked.device.environment(),
                progress=asked.progress,
            )
        except ConfigError as error:
            # The file is an argument here, and no key of a study file.
            key = "" if error.key == "data.source" else error.key
            if asked.file is None:
                raise type(error)("-", key, error.reason) from error
            has_columns = not key.startswith("data.format") and "no column" not in error.reason
            hint = "" if has_columns else _of_lines(told, name, shlex.quote(str(file)))
            raise type(error)(str(file), key, error.reason + hint) from error
    return found


def _of_lines(told: Exported, name: str, file: str) -> str:
    """Return how lines of plain text are given, where the model takes them."""
    try:
        told.of_lines()
    except ConfigError:
        return ""
    return f"; lines of plain text are read from standard input: tuner predict {shlex.quote(name)} - < {file}"

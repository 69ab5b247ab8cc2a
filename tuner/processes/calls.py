"""What a trainer process is started for: one trial. Without torch, which a study's own training may not need."""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search_spaces import suggestion
from tuner.errors import ConfigError, first_line
from tuner.processes import step_counter as steps
from tuner.processes.messages import Recorded, Returned
from tuner.processes.supervisor_pipe import PipeSaver
from tuner.security.known_secrets import strike_out
from tuner.trial.runner import run_trial

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tuner.trial.run import TrialRun
    from tuner.trial.runner import Train

#: The training of the tasks that are built in.
BUILT_IN = "tuner.training.loop:train"


def train_trial(
    connection: Connection, *, run: TrialRun, function: str = BUILT_IN, folders: Sequence[str] = ()
) -> None:
    """Train one trial, at the word of the supervisor at the other end of a pipe.

    Args:
        connection: The pipe.
        run: What to train with.
        function: `module:function` of the training.
        folders: Where a module of the user's may be; appended to the path, so that none of them hides one of ours.

    Raises:
        ConfigError: The function is not there.
    """
    if run.threads is not None:
        # For what a training of the user's imports; a torch that is there already is told by the training itself.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, str(run.threads))
    train = find_training(function, folders)
    saver = PipeSaver(connection, count=steps.mine.count)
    with warnings.catch_warnings():
        # scikit-learn warns of classes that a bad trial never predicts; the value says so already.
        warnings.filterwarnings("ignore", module="sklearn")
        told = replace(
            run, saver=saver, record=lambda effective: connection.send(Recorded(effective=_storable(effective)))
        )
        result = run_trial(told, train, saver.decide)
    if result.traceback:
        print(strike_out(result.traceback), file=sys.stderr)  # noqa: T201 (the trainers' log)
    saver.finish(result)


def check_training(connection: Connection, *, function: str, folders: Sequence[str]) -> None:
    """Find what a study trains with, so that a mistake is known before its first trial.

    Raises:
        ConfigError: It is not there, or cannot be imported.
    """
    find_training(function, folders)
    connection.send(Returned(value=None))


def find_training(function: str, folders: Sequence[str]) -> Train:
    """Import what a study trains with.

    Args:
        function: `module:function` of the training.
        folders: Where a module of the user's may be; appended to the path.

    Raises:
        ConfigError: It is not there, or cannot be imported.
    """
    sys.path.extend(folder for folder in folders if folder not in sys.path)
    module, _, name = function.partition(":")
    try:
        imported = importlib.import_module(module)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module}.".startswith(f"{missing}."):
            places = ", ".join(dict.fromkeys([*folders, "the installed packages"]))
            raise ConfigError("", "train", f"there is no module {missing!r} in {places}") from error
        reason = f"{module} cannot be imported: {type(error).__name__}: {first_line(error)}"
        raise ConfigError("", "train", reason) from error
    found = getattr(imported, name, None)
    if not callable(found):
        known = [each for each, value in vars(imported).items() if callable(value) and not each.startswith("_")]
        raise ConfigError("", "train", f"{module} has no function {name!r}{suggestion(name, known)}")
    train: Train = found
    return train


def _storable(effective: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a trial records as it will be stored; a trial that records anything else fails by itself.

    Raises:
        TypeError: Something in it is no JSON.
    """
    stored: dict[str, Any] = json.loads(json.dumps(dict(effective)))
    return stored

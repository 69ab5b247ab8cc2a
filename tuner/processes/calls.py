"""Calls that a trainer process is forked for: to train one trial, or to check a study's own training.

This module does not import torch, which a study's own training may not need. Calls that need it are in
`tuner.training.calls`.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tuner import run as tenths
from tuner.processes import step_counter
from tuner.processes.functions import find_function
from tuner.processes.measuring_saver import MeasuringSaver
from tuner.processes.messages import Recorded, Returned
from tuner.processes.own_training import adapted, prepare_libraries, slow_imports
from tuner.processes.supervisor_pipe import PipeSaver
from tuner.security.known_secrets import strike_out
from tuner.trial.runner import run_trial

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tuner.trial.evaluation import Evaluation
    from tuner.trial.run import TrialRun
    from tuner.trial.runner import Loop, Train

#: The training of the tasks that are built in.
BUILT_IN = "tuner.training.loop:train"


def train_trial(
    connection: Connection, *, run: TrialRun, function: str = BUILT_IN, folders: Sequence[str] = ()
) -> None:
    """Train one trial, and exchange messages with the supervisor at the other end of a pipe.

    Args:
        connection: The pipe.
        run: Inputs of the training.
        function: `module:function` of the training.
        folders: Folders that may contain a module of the user's. They are appended to `sys.path`, so that none of their
            modules hides an installed one.

    Raises:
        ConfigError: The function does not exist, or its module cannot be imported.
    """
    if run.threads is not None:
        # For libraries that the user's training imports. A torch that is imported already is told by the training.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, str(run.threads))
    saver = PipeSaver(connection, count=step_counter.mine.count, waits_from=run.target)
    _train(connection, run, find_training(function, folders), saver)


def smoke_trial(
    connection: Connection, *, run: TrialRun, function: str = BUILT_IN, folders: Sequence[str] = ()
) -> None:
    """Train one trial as `train_trial` does, and measure how long its parts take.

    Args:
        connection: The pipe. Where training asks at its optimiser steps whether to save, it receives a `Measured`.
        run: Inputs of the training.
        function: As in `train_trial`.
        folders: As in `train_trial`.

    Raises:
        ConfigError: As `train_trial`.
    """
    train = find_training(function, folders)
    _train(connection, run, train, MeasuringSaver(connection, count=step_counter.mine.count))


def _train(connection: Connection, run: TrialRun, train: Train, saver: PipeSaver) -> None:
    def record(effective: Mapping[str, Any]) -> None:
        connection.send(Recorded(effective=_storable(effective)))
        saver.begin()

    with warnings.catch_warnings():
        # scikit-learn warns of classes that a bad trial never predicts; the metric shows that already.
        warnings.filterwarnings("ignore", module="sklearn")
        if _counts_in_tenths(train):
            train = _given_tenths(train)
        prepare_libraries(run.seed, run.threads)
        result = run_trial(replace(run, saver=saver, record=record), adapted(train), saver.decide)
    if result.traceback:
        print(strike_out(result.traceback), file=sys.stderr)  # noqa: T201 (the trainers' log)
    saver.finish(result)


def check_training(connection: Connection, *, function: str, folders: Sequence[str], key: str = "train") -> None:
    """Import a function of the user's own, so that a mistake is reported before the first trial.

    Args:
        connection: Receives the names of modules that take long to import, and that its module has imported.
        function: As in `train_trial`.
        folders: As in `train_trial`.
        key: Key of the study file that names the function.

    Raises:
        ConfigError: The function does not exist, or its module cannot be imported; names the key of the study file.
    """
    find_function(key, function, folders)
    connection.send(Returned(value=slow_imports()))


def find_training(function: str, folders: Sequence[str]) -> Train:
    """Import the function that a study trains with.

    Args:
        function: `module:function` of the training.
        folders: Folders that may contain a module of the user's; appended to `sys.path`.

    Raises:
        ConfigError: The function does not exist, or its module cannot be imported.
    """
    train: Train = find_function("train", function, folders)
    return train


def _counts_in_tenths(train: Train) -> bool:
    """Return whether a training function is one of version 0.1, which reads `run.earlier` in tenths.

    Its module imports `tuner.run`, or the `Evaluation` that is there, whether at its top or within a function.
    """
    used = list(getattr(train, "__globals__", {}).values())
    if any(value is tenths.Evaluation or value is tenths for value in used):
        return True
    try:
        source = inspect.getsource(sys.modules[train.__module__])
    except (AttributeError, KeyError, OSError, TypeError):  # made by other means than a file of Python
        return False
    return any(tenths.__name__ in _imported(node) for node in ast.walk(ast.parse(source)))


def _imported(node: ast.AST) -> set[str]:
    """Return the modules that a statement imports, as far as its text tells."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and not node.level:
        return {f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


def _given_tenths(train: Train) -> Train:
    """Return a training function of version 0.1 as one that can be called with a run whose steps are in percent."""

    def train_in_tenths(run: TrialRun) -> Iterator[Evaluation] | Loop:
        return train(replace(run, earlier=tuple(tenths.Evaluation.of(evaluation) for evaluation in run.earlier)))

    return train_in_tenths


def _storable(effective: Mapping[str, Any]) -> dict[str, Any]:
    """Return an effective configuration as it will be stored, converted to JSON values and back.

    It is converted in the trainer, so that a configuration that is not JSON fails its own trial only.

    Raises:
        TypeError: A value cannot be written as JSON.
    """
    stored: dict[str, Any] = json.loads(json.dumps(dict(effective)))
    return stored

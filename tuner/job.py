"""What a trainer process is started for: one trial. Without torch, which a study's own training may not need."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.messages import Recorded
from tuner.saving import PipeSaver
from tuner.trial import run_trial

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tuner.run import TrialRun

#: The training of the tasks that are built in.
BUILT_IN = "tuner.training.loop:train"


def train_job(connection: Connection, *, run: TrialRun, function: str = BUILT_IN, folders: Sequence[str] = ()) -> None:
    """Train one trial, at the word of the supervisor at the other end of a pipe.

    Args:
        connection: The pipe.
        run: What to train with.
        function: `module:function` of the training.
        folders: Where a module of the user's may be; appended to the path, so that none of them hides one of ours.
    """
    sys.path.extend(folder for folder in folders if folder not in sys.path)
    module, _, name = function.partition(":")
    train = getattr(importlib.import_module(module), name)
    saver = PipeSaver(connection)
    with warnings.catch_warnings():
        # scikit-learn warns of classes that a bad trial never predicts; the value says so already.
        warnings.filterwarnings("ignore", module="sklearn")
        told = replace(run, saver=saver, record=lambda effective: connection.send(Recorded(effective=effective)))
        result = run_trial(told, train, saver.decide)
    if result.traceback:
        print(result.traceback, file=sys.stderr)  # noqa: T201 (the trainers' log)
    saver.finish(result)

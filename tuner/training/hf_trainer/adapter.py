"""The adapter: a Trainer that a study's own function has made trains one trial, from its beginning or a checkpoint.

The Trainer keeps its loop, its optimiser and its data. The adapter decides when it evaluates and when it saves: at the
percents of the schedule at which all trials of the study are evaluated, and where the supervisor asks for a checkpoint.
"""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import ModelError
from tuner.training.hf_trainer.course import Course
from tuner.training.hf_trainer.data_draws import seed_batches
from tuner.training.hf_trainer.reporting import ReportingCallback
from tuner.training.hf_trainer.settings import settle
from tuner.training.hf_trainer.weights import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuner.trial.run import TrialRun
    from tuner.trial.runner import Loop, Report

#: A Trainer's own name for the folder of a checkpoint, before the number of the optimiser step.
_CHECKPOINT = "checkpoint-"


def loop_of(trainer: Any, run: TrialRun) -> Loop:
    """Return the loop that trains a trial with a Trainer.

    Args:
        trainer: The Trainer, as the study's function has made it.
        run: The trial.

    Raises:
        ConfigError: The Trainer has no data to evaluate on.
    """
    # A Trainer makes this folder as it is made, and nothing will be written there.
    with contextlib.suppress(OSError):
        Path(trainer.args.output_dir).rmdir()
    settle(trainer, run)
    return partial(_train, trainer, run)


def _train(trainer: Any, run: TrialRun, report: Report) -> None:
    """Train a trial to its end, or to the point where the supervisor ends the attempt.

    Raises:
        ConfigError: The Trainer's evaluation has no value for the study's metric.
        Diverged: A loss or the metric is no finite number.
        ModelError: The checkpoint is none of a Trainer.
        TrialStopped: The trial is pruned, or left for another attempt.
    """
    course, checkpoint = Course(), None
    if run.restored is not None:
        course, checkpoint = Course.read(run.restored), _checkpoint_in(run.restored)
    callback = ReportingCallback(trainer, run, course, report)
    trainer.add_callback(callback)
    _intercept(trainer, run, callback)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))


def _intercept(trainer: Any, run: TrialRun, callback: ReportingCallback) -> None:
    """Have a Trainer's evaluations be reported, and its checkpoints be written where the supervisor wants them.

    No event of a callback is late enough for either: `on_evaluate` comes once for each of several evaluation sets, and
    a checkpoint has to hold what follows from an evaluation, such as the rate of a schedule that heeds it.
    """
    evaluate, save_checkpoint, load_data = trainer.evaluate, trainer._save_checkpoint, trainer.get_train_dataloader

    def load_seeded() -> Any:
        loader = load_data()
        seed_batches(loader, seed=trainer.args.seed, epoch=lambda: int(trainer.state.epoch or 0))
        return loader

    def evaluate_and_report(*arguments: Any, **more: Any) -> Mapping[str, float]:
        callback.depth += 1  # a Trainer calls itself for each of several evaluation sets
        try:
            metrics: Mapping[str, float] = evaluate(*arguments, **more)
        finally:
            callback.depth -= 1
        if callback.depth == 0:
            callback.evaluated(metrics)
        return metrics

    def write(model: Any, folder: Path) -> None:
        before = trainer.args.output_dir
        trainer.args.output_dir = str(folder)
        try:
            save_checkpoint(model, None)
        finally:
            trainer.args.output_dir = before
        (_checkpoint_in(folder) / SETTINGS).unlink(missing_ok=True)
        callback.course.take_from(trainer)
        callback.course.write(folder)

    def save(model: Any, trial: Any = None) -> None:
        run.saver.save(trainer.state.global_step, partial(write, model))

    trainer.evaluate, trainer._save_checkpoint, trainer.get_train_dataloader = evaluate_and_report, save, load_seeded
    # TRL writes a page about the model beside every checkpoint.
    trainer.create_model_card = lambda *_, **__: None


def _checkpoint_in(folder: Path) -> Path:
    for found in folder.glob(f"{_CHECKPOINT}*"):
        return found
    raise ModelError(str(folder), "", "training cannot go on from it: it is no checkpoint of a Trainer")

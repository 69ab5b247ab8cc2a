"""The callback of a Trainer: has it evaluate at the study's percents, reports the values, and asks whether to save."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from tuner.errors import Diverged
from tuner.training.hf_trainer.settings import effective
from tuner.training.hf_trainer.values import loss_in, other_metrics, value_in
from tuner.training.hf_trainer.weights import copied_weights
from tuner.trial.evaluation import LAST_STEP, Evaluation, is_better
from tuner.trial.length import optimiser_steps_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuner.training.hf_trainer.course import Course
    from tuner.trial.run import TrialRun
    from tuner.trial.runner import Report


class ReportingCallback(TrainerCallback):
    """Connects a Trainer with the trial's supervisor.

    Args:
        trainer: The Trainer.
        run: The trial.
        course: How far earlier attempts have come.
        report: Takes each evaluation.
    """

    def __init__(self, trainer: Any, run: TrialRun, course: Course, report: Report) -> None:
        self.course = course
        #: Evaluations that run now, one within the other.
        self.depth = 0
        self._trainer = trainer
        self._run = run
        self._report = report
        #: By optimiser step after which there is an evaluation, the percent of the schedule that ends there.
        self._due: dict[int, int] = {}

    # ---- events

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Lay down when the trial is evaluated, which needs the length of its schedule."""
        looks = self._run.looks if self._run.max_steps is None else (LAST_STEP,)
        self._due = {optimiser_steps_at(look, state.max_steps): look for look in looks}
        self.course.give_to(self._trainer)
        self._run.record(effective(self._trainer, sorted(self._due.values())))

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Take note of the mean loss since the previous log.

        Raises:
            Diverged: It is no finite number. With fp16 the scaler skips such steps.
        """
        course = self.course
        if logs is None or "loss" not in logs or state.global_step <= course.logged:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss) and not args.fp16:
            raise Diverged(f"loss {loss:g} at optimiser step {state.global_step} of {state.max_steps}")
        course.losses += loss * (state.global_step - course.logged)
        course.logged = state.global_step
        course.learning_rate = float(logs.get("learning_rate") or 0.0)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Ask for an evaluation where one is due, and otherwise for a checkpoint where one is wanted."""
        control.should_evaluate = state.global_step in self._due
        if control.should_evaluate:
            control.should_log = True
            self._begin_evaluation()
        elif self._run.saver.wanted():
            self._save(control)
        return control

    # ---- evaluations

    def _begin_evaluation(self) -> bool:
        # A smoke run measures an evaluation from this question on. The answer does not matter: a Trainer breaks off no
        # evaluation.
        return self._run.saver.leaving

    def evaluated(self, metrics: Mapping[str, Any]) -> None:
        """Report an evaluation, if it is one of the study's.

        Raises:
            ConfigError: There is no value for the study's metric.
            Diverged: The value is no finite number.
            TrialStopped: The trial is pruned.
        """
        trainer, run, course = self._trainer, self._run, self.course
        state = trainer.state
        if not trainer.is_in_train or state.global_step not in self._due or state.global_step <= course.evaluated:
            return
        evaluation = self._evaluation(metrics)
        course.evaluated, course.losses = state.global_step, 0.0
        course.since_best += 1
        if is_better(evaluation.value, course.best, run.direction):
            course.best, course.since_best = evaluation.value, 0
            run.saver.keep(evaluation, copied_weights(trainer))
        self._report(evaluation)
        is_patient = run.patience is None or course.since_best < run.patience
        if state.global_step >= max(self._due) or not is_patient:
            trainer.control.should_training_stop = True
        elif run.saver.wanted():
            self._save(trainer.control)

    def _save(self, control: Any) -> None:
        control.should_save = True

    def _evaluation(self, metrics: Mapping[str, Any]) -> Evaluation:
        run, course, state = self._run, self.course, self._trainer.state
        value = value_in(metrics, run.metric)
        if not math.isfinite(value) and run.max_steps is None:
            raise Diverged(f"{run.metric} is {value:g} at optimiser step {state.global_step} of {state.max_steps}")
        return Evaluation(
            step=self._due[state.global_step],
            value=value,
            epoch=state.epoch or 0.0,
            optimiser_steps=state.global_step,
            train_loss=course.losses / max(1, course.logged - course.evaluated),
            validation_loss=loss_in(metrics),
            learning_rate=course.learning_rate,
            metrics=other_metrics(metrics, run.metric),
        )

"""Runs one trial: takes a TrialRun, iterates over the evaluations that training yields, and returns a TrialResult.

Training is a generator that does not know Optuna. The caller decides after each evaluation whether the trial continues;
to prune a trial is to stop iterating. A training loop of a library cannot yield: it is called with a function that
takes its evaluations, and is pruned by an exception from that function.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeAlias

from tuner.errors import Diverged
from tuner.machine.memory import is_out_of_memory
from tuner.trial.evaluation import Evaluation, is_better
from tuner.trial.result import Constraint, Outcome, TrialResult
from tuner.trial.run import TrialRun
from tuner.trial.saver import TrialStopped

#: Takes an evaluation of a loop that cannot yield. Raises TrialStopped where the trial ends there.
Report: TypeAlias = Callable[[Evaluation], None]
#: A training loop that cannot yield: it reports its evaluations, and returns at the end of the trial.
Loop: TypeAlias = Callable[[Report], None]
#: Training: a generator of evaluations, or a loop that reports them.
Train: TypeAlias = Callable[[TrialRun], Iterator[Evaluation] | Loop]
#: Called with each evaluation; returns whether the trial continues.
Decide: TypeAlias = Callable[[Evaluation], bool]


def run_trial(run: TrialRun, train: Train, decide: Decide) -> TrialResult:
    """Run one trial to its end. An error in training ends this trial, and is reported in the result, not raised.

    Args:
        run: Inputs of the training.
        train: The training.
        decide: Called with each evaluation; returns False to prune the trial.

    Returns:
        How the trial ended. The value of a complete trial is that of its best evaluation, not of its last.
    """
    course = _Course(run, decide)
    pruned = False
    outcome: dict[str, Any] = {"state": Outcome.COMPLETE}
    try:
        made: Any = train(run)
        if callable(made):
            made(course.report)
        else:
            with closing(made):
                for evaluation in made:
                    if not course.take(evaluation):
                        pruned = True
                        break
    except TrialStopped as stopped:
        pruned = stopped.state == Outcome.PRUNED
        if not pruned:
            outcome = {"state": stopped.state}
    except Diverged as error:
        outcome = {"state": Outcome.PRUNED, "reason": f"diverged: {error}", "avoid": Constraint.DIVERGED}
    except Exception as error:
        outcome = _raised(error)
    best, last = course.best, course.last
    if outcome["state"] == Outcome.COMPLETE:
        outcome = _ended(last, best, pruned, end=run.looks[-1])
    return TrialResult(
        value=(best if outcome["state"] == Outcome.COMPLETE else last).value if best and last else None,
        best_step=best.step if best else None,
        final_value=last.value if last else None,
        **outcome,
    )


class _Course:
    """The evaluations of a trial, as training makes them.

    Args:
        run: Inputs of the training.
        decide: Called with each evaluation; returns False to prune the trial.
    """

    def __init__(self, run: TrialRun, decide: Decide) -> None:
        self._direction = run.direction
        self._decide = decide
        self._percent = 0
        self.best: Evaluation | None = None
        for evaluation in run.earlier:
            self._note(evaluation)
        #: The last evaluation; None without any.
        self.last = run.earlier[-1] if run.earlier else None

    def take(self, evaluation: Any) -> bool:
        """Take an evaluation, and return whether the trial continues.

        Raises:
            TypeError: It is none.
            ValueError: Its step is not later than that of the one before.
        """
        checked = _checked(evaluation, after=self._percent)
        self._percent, self.last = checked.step, checked
        self._note(checked)
        return self._decide(checked)

    def report(self, evaluation: Evaluation) -> None:
        """Take an evaluation of a loop that cannot yield.

        Raises:
            TrialStopped: The trial is pruned.
        """
        if not self.take(evaluation):
            raise TrialStopped(Outcome.PRUNED)

    def _note(self, evaluation: Evaluation) -> None:
        if is_better(evaluation.value, self.best.value if self.best else None, self._direction):
            self.best = evaluation


def _checked(evaluation: Any, *, after: int) -> Evaluation:
    """Return a value that training yielded after the evaluation of step `after`, with its step in percent.

    Raises:
        TypeError: The value is not an evaluation.
        ValueError: Its step is not later than `after`.
    """
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"training yields a tuner.Evaluation, not {type(evaluation).__name__}")
    found: Evaluation = evaluation.in_percent()
    if found.step <= after:
        raise ValueError(f"an evaluation at {found.step} % comes after one at {after} %")
    return found


def _raised(error: Exception) -> dict[str, Any]:
    told = {"reason": describe_error(error), "traceback": traceback.format_exc()}
    if is_out_of_memory(error):
        return {"state": Outcome.PRUNED, "avoid": Constraint.OUT_OF_MEMORY, **told}
    return {"state": Outcome.FAILED, **told}


def _ended(last: Evaluation | None, best: Evaluation | None, pruned: bool, *, end: int) -> dict[str, Any]:
    if last is None:
        return {"state": Outcome.FAILED, "reason": "no evaluation: training ended before the first one"}
    if best is None:
        reason = f"diverged: no evaluation was a number; that at {last.step} % is {last.value:g}"
        return {"state": Outcome.PRUNED, "reason": reason, "avoid": Constraint.DIVERGED}
    if pruned:
        return pruned_at(last)
    if last.step < end:
        return {
            "state": Outcome.COMPLETE,
            "reason": f"early stopping: {last.step} % was not better than {best.step} %",
        }
    return {"state": Outcome.COMPLETE}


def pruned_at(last: Evaluation, because: str | None = None) -> dict[str, Any]:
    """Return state, reason and violated constraint of a trial that was pruned at an evaluation.

    Args:
        last: The evaluation.
        because: Why it was pruned; None where the pruner does not say.
    """
    if not math.isfinite(last.value):
        # Without the violated constraint, the sampler would rank this trial above a sound one that was pruned at an
        # earlier step.
        reason = f"diverged: the evaluation at {last.step} % is {last.value:g}"
        return {"state": Outcome.PRUNED, "reason": reason, "avoid": Constraint.DIVERGED}
    reason = because or f"{last.value:.4g} at {last.step} %, among the weakest so far"
    return {"state": Outcome.PRUNED, "reason": reason}


def describe_error(error: BaseException) -> str:
    """Return one line that describes the error that ended a trial, beginning with a label."""
    lines = str(error).strip().splitlines()
    text = lines[0][:300] if lines else "no message"
    label = "out of memory" if is_out_of_memory(error) else type(error).__name__
    return f"{label}: {text}"

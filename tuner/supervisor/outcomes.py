"""How a trial ends: complete, pruned or failed, judged from the facts of its attempts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.study.budget import duration
from tuner.trial.evaluation import is_better
from tuner.trial.result import Constraint, Outcome, TrialResult
from tuner.trial.runner import pruned_at

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.crash import Crash


def before_training(attempt: Attempt, config: StudyConfig) -> TrialResult | None:
    """Return the end of a trial that is not to be trained at all; None for one that is."""
    open_trial, slot = attempt.open_trial, attempt.slot
    if open_trial.complaint is not None:
        return TrialResult(state=Outcome.FAILED, reason=open_trial.complaint)
    if slot.crashes > config.max_restarts:
        reason = f"crashed {slot.crashes} times: {slot.reason or 'unknown'}"
        return TrialResult(state=Outcome.FAILED, reason=reason)
    return over_time(attempt, config) if is_over_time(attempt, config) else None


def is_over_time(attempt: Attempt, config: StudyConfig) -> bool:
    """Return whether a trial has had the device seconds that the budget gives to each trial."""
    most_s = config.budget.trial_time
    if most_s is None:
        return False
    counted_s = attempt.device_s
    if config.train is None:
        # Time before the configuration is recorded (loading the model, building the trunk cache) is not charged to the
        # trial. Otherwise, where the cache takes longer than `trial_time`, every trial would be cut while building it
        # and none would finish it.
        prepared_s = attempt.setting.prepared_s
        counted_s -= attempt.seconds if prepared_s is None else prepared_s
    return counted_s > most_s


def over_time(attempt: Attempt, config: StudyConfig) -> TrialResult:
    """Return the end of a trial that has had its time."""
    most_s = config.budget.trial_time
    assert most_s is not None
    reason = f"time: over its {duration(most_s)} of device time"
    return TrialResult(state=Outcome.PRUNED, value=attempt.last_value, reason=reason, avoid=Constraint.OVER_TIME)


def after_crash(attempt: Attempt, crash: Crash, config: StudyConfig, *, can_train: bool) -> TrialResult | None:
    """Return the end of a trial that would only crash again; None for one that goes on from its last checkpoint.

    Args:
        attempt: The attempt that the crash has ended.
        crash: How it ended.
        config: The study.
        can_train: Whether this machine has shown that it can train.
    """
    # The same reason twice means: after the same optimiser step, in the same way, and not from outside. Before any
    # optimiser step the machine may be at fault, unless it has shown that it can train.
    again = crash.own and crash.reason == attempt.slot.reason
    again = again and (can_train or not crash.before_any_step)
    again = again and (crash.memory is None or not is_memory_for_any_trial(attempt, config))
    if crash.memory is not None and (again or attempt.takes_least):
        return TrialResult(
            state=Outcome.PRUNED, value=attempt.last_value, reason=crash.reason, avoid=Constraint.OUT_OF_MEMORY
        )
    if again:
        return TrialResult(state=Outcome.FAILED, reason=f"crashed twice at the same optimiser step: {crash.reason}")
    return None


def is_memory_for_any_trial(attempt: Attempt, config: StudyConfig) -> bool:
    """Return whether memory that runs out now would do so for any trial of the study.

    Before a built-in task records its effective configuration it brings the model to the device, which takes the same
    memory for every trial.
    """
    return config.train is None and not attempt.has_recorded


def corrected_result(attempt: Attempt, result: TrialResult, direction: str) -> TrialResult:
    """Return a trial's result, corrected in the two cases that its trainer may not know of.

    If the pruner has ended the trial, and the trainer heard so late or not at all, the trial is pruned, with the value
    of the evaluation that was judged. A result that failed or that violates a constraint stays. If the stored best
    weights have a better value than a complete trial's result, the trial gets their value and step.

    Args:
        attempt: The attempt that ended.
        result: How the trial ended, as its trainer or the supervisor says.
        direction: `maximize` or `minimize`.
    """
    pruned_by = attempt.end.pruned_by
    if pruned_by is not None and result.state in (Outcome.COMPLETE, Outcome.PRUNED) and result.avoid is None:
        return replace(result, value=pruned_by.value, **pruned_at(pruned_by, attempt.end.pruned_because))
    best = attempt.saving.checkpoints.best
    better = best is not None and best.value is not None and is_better(best.value, result.value, direction)
    if result.state == Outcome.COMPLETE and best is not None and better:
        # A machine that computes otherwise did not reach the earlier best again: the value is that of the kept weights.
        return replace(result, value=best.value, best_step=best.step)
    return result

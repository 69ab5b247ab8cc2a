"""Endings: as what a trial ends, judged from what is known of its attempts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.study.budget import duration
from tuner.trial.evaluation import is_better
from tuner.trial.result import OUT_OF_MEMORY, OVER_TIME, TrialResult
from tuner.trial.runner import pruned_at

if TYPE_CHECKING:
    from tuner.study.config import StudyConfig
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.crash import Crash


def is_over_time(attempt: Attempt, config: StudyConfig) -> bool:
    """Return whether a trial has had the time of a device that the budget gives to each."""
    most_s = config.budget.trial_time
    if most_s is None:
        return False
    counted_s = attempt.device_s
    if config.train is None:
        # What comes before is the study's: of states that take longer to compute than a trial may, each builder
        # would be cut, and the next one begin anew.
        counted_s -= attempt.seconds if attempt.prepared_s is None else attempt.prepared_s
    return counted_s > most_s


def over_time(attempt: Attempt, config: StudyConfig) -> TrialResult:
    """Return the end of a trial that has had its time."""
    most_s = config.budget.trial_time
    assert most_s is not None
    reason = f"time: over its {duration(most_s)} of device time"
    return TrialResult(state="pruned", value=attempt.last, reason=reason, avoid=OVER_TIME)


def after_crash(attempt: Attempt, crash: Crash, config: StudyConfig, *, can_train: bool) -> TrialResult | None:
    """Return the end of a trial that would only crash again; None for one that goes on from its last checkpoint.

    Args:
        attempt: The attempt that the crash has ended.
        crash: How it ended.
        config: The study.
        can_train: Whether this machine has shown that it can train.
    """
    # Twice the same words: at the same step, in the same way, and not from outside. Before any step it may be the
    # machine that is at fault, unless it has shown that it can train.
    again = crash.own and crash.reason == attempt.slot.reason
    again = again and (can_train or not crash.before_any_step)
    again = again and (crash.memory is None or not is_no_trials_fault(attempt, config))
    if crash.memory is not None and (again or attempt.micro_batch == 1):
        return TrialResult(state="pruned", value=attempt.last, reason=crash.reason, avoid=OUT_OF_MEMORY)
    if again:
        return TrialResult(state="failed", reason=f"crashed twice at the same step: {crash.reason}")
    return None


def is_no_trials_fault(attempt: Attempt, config: StudyConfig) -> bool:
    """Return whether memory that runs out now does so for any trial, as where others fill the device.

    Before a built-in task records what it trains, it brings the model to the device, which is the study's.
    """
    return config.train is None and not attempt.recorded


def of_all_attempts(attempt: Attempt, result: TrialResult, direction: str) -> TrialResult:
    """Return a result that counts what earlier attempts and late words have made of it."""
    if attempt.pruned_by is not None and result.state in ("complete", "pruned") and result.avoid is None:
        return replace(result, value=attempt.pruned_by.value, **pruned_at(attempt.pruned_by))
    best = attempt.checkpoints.best
    better = best is not None and best.value is not None and is_better(best.value, result.value, direction)
    if result.state == "complete" and best is not None and better:
        # A machine that computes otherwise has not met it again: the value is that of the weights that are kept.
        return replace(result, value=best.value, best_step=best.tenth)
    return result

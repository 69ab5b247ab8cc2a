"""The leaders of a study: the trials that a confirmation trains again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.study.confirmation import leaders_of
from tuner.study.noise import standard_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage import History, StudyRecord, TrialRecord


def study_leaders(history: History, study: StudyRecord, trials: Sequence[TrialRecord], top: int) -> tuple[int, ...]:
    """Return the numbers of the leaders of a study, the best first, and trial 0; none where no trial is complete.

    Args:
        history: Reads the study.
        study: The study.
        trials: Its trials.
        top: How many leaders beside trial 0.
    """
    best = history.best(trials)
    if best is None or best.value is None:
        return ()
    rows = study.facts.get("sizes", {}).get("validation")
    noise = standard_error(best.value, rows, history.direction) if rows else 0.0
    return leaders_of(trials, direction=history.direction, noise=noise, top=top)

"""How long a study still takes, from what its trials have taken so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Percent of a trial's schedule before which its speed says little: caches are filled first.
_SURE_PERCENT = 5.0
#: Share of a full run that must be spent before the speed of spending says anything.
_SURE_RUNS = 0.2


@dataclass(frozen=True, kw_only=True)
class Going:
    """A trial that trains: the percent of its schedule, that at which this attempt began, and the attempt's seconds."""

    percent: float
    began_at: float
    seconds: float

    @property
    def whole_s(self) -> float | None:
        """Seconds of its whole schedule at its own speed; None before that is known."""
        gone = self.percent - self.began_at
        return self.seconds * 100.0 / gone if gone >= _SURE_PERCENT else None

    def left_s(self, usual_s: float | None) -> float | None:
        """Return the seconds until it ends; None where they are not known.

        Args:
            usual_s: Seconds that trials usually take.
        """
        whole_s = self.whole_s
        if whole_s is not None:
            return whole_s * (100.0 - self.percent) / 100.0
        return None if usual_s is None else max(0.0, usual_s * (100.0 - self.began_at) / 100.0 - self.seconds)


def left_by_trials(ended_s: Sequence[float], going: Sequence[Going], *, waiting: int, lanes: int) -> float | None:
    """Return the seconds until a number of trials is over; None where nothing tells them.

    Args:
        ended_s: Seconds of the trials that have ended.
        going: The trials that train.
        waiting: Trials that have not begun, or wait for a worker.
        lanes: Trials at a time.
    """
    known = [whole_s for each in going if (whole_s := each.whole_s) is not None]
    usual = math.fsum(ended_s) / len(ended_s) if ended_s else (max(known) if known else None)
    left = [each.left_s(usual) for each in going]
    sure = [each for each in left if each is not None]
    if len(sure) < len(left) or (waiting and usual is None):
        return None
    return max([*sure, (math.fsum(sure) + waiting * (usual or 0.0)) / max(1, lanes)])


def left_by_runs(*, spent: float | None, before: float | None, budget: float, seconds: float) -> float | None:
    """Return the seconds until a budget in full runs is spent; None where nothing tells them.

    Args:
        spent: Full runs that are spent now.
        before: Full runs that were spent when this command first knew of them.
        budget: The budget.
        seconds: Seconds since then.
    """
    if spent is None or before is None or spent - before < _SURE_RUNS:
        return None
    return max(0.0, (budget - spent) * seconds / (spent - before))

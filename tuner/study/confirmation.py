"""Confirmation: the leaders of a study, trained again with other seeds, so that luck of one seed does not decide.

The leaders are the trials whose values are highest after shrinking towards the mean of their depth: of many values that
were measured with an error the highest is overstated (James and Stein 1961; Efron and Morris, JASA 70, 1975).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import TYPE_CHECKING, Any

from scipy import stats

from storage import TrialState
from tuner.trial.result import TWIN

if TYPE_CHECKING:
    from storage import TrialRecord

#: Key of the facts of a study that confirms another one.
FACT = "confirms"
#: Leaders from one depth, at most.
MOST_OF_A_DEPTH = 2
#: Probability with which the order of equal leaders is called settled, at most.
LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which trials are trained again, and how often."""

    #: Name of the study whose leaders they are.
    parent: str
    #: Numbers of its trials, the best one first; trial 0 is among them.
    leaders: tuple[int, ...]
    #: Seeds of each.
    seeds: int

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Plan | None:
        """Return the plan of a study that confirms another one; None for any other study."""
        stored = facts.get(FACT)
        if not isinstance(stored, Mapping):
            return None
        return cls(parent=str(stored["parent"]), leaders=tuple(stored["leaders"]), seeds=int(stored["seeds"]))

    def to_facts(self) -> dict[str, Any]:
        """Return the entry of the facts."""
        return {FACT: {"parent": self.parent, "leaders": list(self.leaders), "seeds": self.seeds}}

    def seed_of(self, number: int, seed: int) -> int:
        """Return the seed with which a trial of the confirmation is trained: the first one trains all leaders first.

        Args:
            number: Number of the trial.
            seed: The seed of the study, which the leaders were trained with.
        """
        return (seed + 1 + number // len(self.leaders)) % 2**31

    def leader_of(self, number: int) -> int:
        """Return the number of the leader that a trial of the confirmation trains again."""
        return self.leaders[number % len(self.leaders)]


def shrunk_values(trials: Sequence[TrialRecord], noise: float) -> dict[int, float]:
    """Return the values of complete trials, each drawn towards the mean of its depth as far as noise explains them.

    Args:
        trials: Complete trials.
        noise: Standard error of a value.
    """
    return shrunk_by_depth(
        {each.number: (each.hyperparameters.get("frozen_layers"), float(each.value or 0.0)) for each in trials}, noise
    )


def shrunk_by_depth(values: Mapping[int, tuple[Any, float]], noise: float) -> dict[int, float]:
    """Return values after shrinking; see `shrunk_values`.

    Args:
        values: By number of the trial, its depth and its value.
        noise: Standard error of a value.
    """
    by_depth: dict[Any, dict[int, float]] = defaultdict(dict)
    for number, (depth, value) in values.items():
        by_depth[depth][number] = value
    found = {}
    for members in by_depth.values():
        mean = fmean(members.values())
        spread = variance(members.values()) if len(members) > 1 else math.inf
        kept = max(0.0, 1 - noise**2 / spread) if spread > 0 else 0.0
        found.update({number: mean + kept * (value - mean) for number, value in members.items()})
    return found


def leaders_of(trials: Sequence[TrialRecord], *, direction: str, noise: float, top: int) -> tuple[int, ...]:
    """Return the numbers of the trials to confirm, the best first, and trial 0 where it is complete.

    Args:
        trials: The trials of the study.
        direction: `maximize` or `minimize`.
        noise: Standard error of a value.
        top: How many beside trial 0.
    """
    complete = [
        each
        for each in trials
        if each.state == TrialState.COMPLETE and each.value is not None and not (each.reason or "").startswith(TWIN)
    ]
    shrunk, sign = shrunk_values(complete, noise), -1.0 if direction == "maximize" else 1.0
    depths: dict[Any, int] = defaultdict(int)
    chosen: list[int] = []
    # Where shrinking leaves no difference between trials, the measured values decide.
    for each in sorted(complete, key=lambda t: (sign * shrunk[t.number], sign * float(t.value or 0), t.number)):
        depth = each.hyperparameters.get("frozen_layers")
        if each.number == 0 or depths[depth] == MOST_OF_A_DEPTH or len(chosen) == top:
            continue
        depths[depth] += 1
        chosen.append(each.number)
    return (*chosen, *(each.number for each in complete if each.number == 0))


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What a leader has reached with other seeds."""

    #: Number of the trial.
    trial: int
    #: Values by seed, in order, as far as they are there.
    values: tuple[float, ...]
    mean: float
    #: Where the mean over all seeds lies with 95 % probability; None with a single seed.
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The leaders that have values, the best first, and whether their order is settled."""

    leaders: tuple[Confirmed, ...]
    #: Whether the first one is better than the second one by more than seeds explain.
    is_settled: bool
    #: Numbers of leaders that have failed with every seed so far.
    failed: tuple[int, ...] = ()
    #: Whether no leader is trained with a further seed.
    is_done: bool = False

    @property
    def first(self) -> int | None:
        """The trial that is ahead, where that can be told: after two seeds of some leader, or without another one."""
        if not self.leaders or not (self.is_settled or self.leaders[0].interval is not None):
            return None
        return self.leaders[0].trial

    @classmethod
    def of(cls, plan: Plan, trials: Sequence[TrialRecord], direction: str) -> Standing | None:
        """Judge what is trained so far; None before each leader has a value.

        The spread over seeds is taken to be the same for all leaders.

        Args:
            plan: The plan.
            trials: The trials of the confirmation.
            direction: `maximize` or `minimize`.
        """
        values: dict[int, list[float]] = {number: [] for number in plan.leaders}
        over: set[int] = set()
        for trial in trials:
            if trial.number >= plan.seeds * len(plan.leaders):  # somebody has given it more trials
                continue
            if trial.state == TrialState.COMPLETE and trial.value is not None:
                values[plan.leader_of(trial.number)].append(trial.value)
            if trial.state.is_over:
                over.add(plan.leader_of(trial.number))
        if over < values.keys():
            return None
        failed = tuple(number for number in plan.leaders if not values[number])
        values = {number: found for number, found in values.items() if found}
        freedom = sum(len(found) - 1 for found in values.values())
        pooled = sum((len(found) - 1) * variance(found) for found in values.values() if len(found) > 1)
        error = math.sqrt(pooled / freedom) if freedom else None
        quantile = float(stats.t.ppf(1 - LEVEL / 2, freedom)) if freedom else math.inf
        # The order is looked at after each seed from the second one on.
        strict = float(stats.t.ppf(1 - LEVEL / max(1, plan.seeds - 1) / 2, freedom)) if freedom else math.inf
        told = []
        for number, found in values.items():
            mean, reach = fmean(found), None if error is None else quantile * error / math.sqrt(len(found))
            interval = None if reach is None else (mean - reach, mean + reach)
            told.append(Confirmed(trial=number, values=tuple(found), mean=mean, interval=interval))
        sign = -1.0 if direction == "maximize" else 1.0
        told.sort(key=lambda each: (sign * each.mean, plan.leaders.index(each.trial)))
        is_settled = len(told) == 1
        if len(told) > 1 and error is not None:
            first, second = told[:2]
            apart = strict * error * math.sqrt(1 / len(first.values) + 1 / len(second.values))
            is_settled = abs(first.mean - second.mean) > apart
        ended = sum(trial.state.is_over for trial in trials)
        is_done = is_settled or ended >= plan.seeds * len(plan.leaders)
        return cls(leaders=tuple(told), is_settled=is_settled, failed=failed, is_done=is_done)

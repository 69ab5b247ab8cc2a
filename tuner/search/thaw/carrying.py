"""Points carried up: what the trials of a cheaper arm tell of where to begin in a deeper one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from search_spaces import SearchSpace, Value
from tuner.study.arms import ARM_NAMES

#: A draw is carried up with this number over the sum of itself and the arm's trials as its probability.
WEIGHT = 4.0
#: Fewest trials with a value of which the best quarter is carried up.
FEWEST = 4
#: Fewest trials of each kind before carried ones are held against the others of their arm.
EVIDENCE = 3
#: Factor of the learning rate where all layers are trained rather than half of them. Between other shares it follows
#: geometrically. Measured on the trials in benchmarks/depths: the best rates of the two are apart by 0.4 to 1.4.
SHIFT = 0.7
#: How far a carried rate is scattered, as a standard deviation of its logarithm.
SCATTER = 0.35
#: The probability that another hyperparameter of a carried point is drawn anew.
ANEW = 0.2
#: Names of the system attributes of trials that were carried up, and of those whose point is an earlier study's.
CARRIED_ATTR, WARM_ATTR = "tuner:carried", "tuner:warm"


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A trial that has begun, as a later draw sees it. A higher value is better."""

    frozen_share: float
    is_fitted: bool
    point: Mapping[str, Any]
    #: Its last value; None before its first one.
    value: float | None
    is_carried: bool = False
    #: Whether its point is that of an earlier study.
    is_warm: bool = False


def probability(trials: Sequence[Begun]) -> float:
    """Return the probability that the next trial of an arm is carried up; 0 where the evidence is against it.

    Args:
        trials: The trials of the arm.
    """
    if do_worse(trials, lambda each: each.is_carried):
        return 0.0
    return WEIGHT / (WEIGHT + len(trials))


def do_worse(trials: Sequence[Begun], are_meant: Callable[[Begun], bool]) -> bool:
    """Return whether some trials do worse in the mean than the others; not, where too few of either have a value."""
    meant, others = (
        [each.value for each in trials if each.value is not None and are_meant(each) is kind] for kind in (True, False)
    )
    return min(len(meant), len(others)) >= EVIDENCE and fmean(meant) < fmean(others)


def carried(
    space: SearchSpace, trials: Sequence[Begun], *, frozen_share: float, is_fitted: bool, rng: random.Random
) -> dict[str, Value] | None:
    """Return a point near one of the best quarter of a cheaper arm; None where no such arm tells anything.

    The arm is the next cheaper one that has trials enough, of the same kind of head where there is one. What the head
    alone finds of learning rates says nothing of those of layers, so that these are left to be drawn.

    Args:
        space: The search space.
        trials: All trials that have begun.
        frozen_share: Share of the layers that the new trial never trains.
        is_fitted: Whether it begins with a fitted head.
        rng: Draws.

    Returns:
        Values by name, without those that make the arm. Those left out are to be drawn.
    """
    groups: dict[tuple[float, bool], list[Begun]] = {}
    for each in trials:
        if each.value is not None and each.frozen_share > frozen_share:
            groups.setdefault((each.frozen_share, each.is_fitted), []).append(each)
    sources = sorted(
        (each for each, found in groups.items() if len(found) >= FEWEST),
        key=lambda each: (each[0], each[1] is not is_fitted),
    )
    if not sources:
        return None
    share = sources[0][0]
    known = sorted(groups[sources[0]], key=lambda each: each.value or 0.0, reverse=True)
    chosen = rng.choice(known[: max(1, len(known) // 4)])
    point = {name: value for name, value in chosen.point.items() if name not in ARM_NAMES and rng.random() >= ANEW}
    point.pop("learning_rate", None)
    rate = chosen.point.get("learning_rate")
    if share < 1.0 and isinstance(rate, int | float):
        shift = SHIFT ** ((share - frozen_share) / 0.5)
        point["learning_rate"] = rate * shift * math.exp(rng.gauss(0.0, SCATTER))
    # A value whose condition depends on one that is drawn anew is drawn with it.
    return {name: value for name, value in space.clip(point).items() if name not in ARM_NAMES}

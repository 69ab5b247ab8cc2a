"""Pairs: what a point has brought at one depth, and so may bring at another one.

The arms begin with the same points. Measured, configurations that train layers rank alike at all depths (rank
correlations of 0.8 to 0.9 on the far task in benchmarks/depths), so that the next point of an arm is not drawn from the
arm's distribution alone where another arm has had it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from tuner.search.thaw.outlook import Outlook

if TYPE_CHECKING:
    from tuner.search.thaw.arms import Arm, Market

#: How uncertain it is, as a share of the way that the best trial has left to a perfect value: of fitted heads, and of
#: random ones. Measured, final values of a configuration with half of the layers and with all are apart by 0.02 to 0.05
#: and 0.09 to 0.1 of it. The noise of the value adds nothing: it is that of the best trial, which is to be improved on.
FITTED_DOUBT, RANDOM_DOUBT = 0.03, 0.1


def paired(
    market: Market, arm: Arm, finals: Sequence[Mapping[int, Outlook]], *, top: float, way: float
) -> Outlook | None:
    """Return what the next point of an arm is expected to bring there; None where no other arm of its kind has had it.

    Layers that are trained in addition bring as much more as they have brought so far.

    Args:
        market: The market.
        arm: The arm.
        finals: For each arm of the market, by trial, what is expected of its final value.
        top: What the head alone reaches.
        way: The way from the best trial to a perfect value.
    """
    place = len(arm.trials)
    if arm.is_head_alone or place >= len(arm.asks):
        return None
    told = [
        _moved(outlook.mean, other.part, arm.part, top)
        for other, outlooks in zip(market.arms, finals, strict=True)
        if other is not arm and other.is_fitted is arm.is_fitted and not other.is_head_alone
        for ask, trial in zip(other.asks, other.trials, strict=False)
        if ask == arm.asks[place] and (outlook := outlooks.get(trial.number)) is not None
    ]
    if market.recipe is not None and not arm.is_fitted and arm.asks[place] == market.recipe_ask:
        told.append(_moved(market.recipe, 1.0, arm.part, top))
    if not told:
        return None
    doubt = FITTED_DOUBT if arm.is_fitted else RANDOM_DOUBT
    return Outlook(mean=fmean(told), deviation=doubt * way)


def _moved(value: float, part: float, to: float, top: float) -> float:
    """Return a value of an arm that has one part of the gain of all layers, as it is expected at another part."""
    return value + max(0.0, value - top) * (to - part) / part

"""What is tried in any case, before any bargain is believed: heads alone, and one trial that trains layers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.search.promotion import ContenderState
from tuner.search.thaw.bargains import Choice, Kind, trials_begin

if TYPE_CHECKING:
    from tuner.search.thaw.arms import Market
    from tuner.search.thaw.bargains import Bargain, Prospect

#: Fewest trials of the head alone, and the share of the budget that they may cost at most; where the number of trials
#: is bounded, their share of it.
HEADS, HEAD_SHARE, HEAD_SLOTS = 16, 0.1, 0.25
#: Trials of the head alone that begin together before it is known what they cost.
FIRST_WAVE = 3
#: Trial 0 tells that training layers pays where it is better than the head alone by so many standard errors of a value.
SURE = 2.0


def due(market: Market, prospects: list[Prospect], affordable: list[Bargain]) -> Choice | None:
    """Return what is to be known before any bargain is believed; None where all is known.

    Of the head alone some trials, as they cost next to nothing. Of one arm that trains layers under a fitted head one
    trial, to its end: what it brings tells of the other arms.

    Args:
        market: All that the decision rests on.
        prospects: What is known of each arm.
        affordable: The bargains that the budget can pay.
    """
    return _heads(market, affordable) or _layers(market, prospects, affordable)


def _heads(market: Market, affordable: list[Bargain]) -> Choice | None:
    begin = _beginning(affordable, place=0)
    arm = market.arms[0]
    if begin is None or not arm.is_head_alone:
        return None
    share = HEAD_SHARE if market.is_bound else HEAD_SLOTS
    paid = int(share * market.budget / (arm.cost + market.slot_price))
    missing = max(0 if market.is_bound else 1, min(HEADS, paid)) - len(arm.trials)
    if missing <= 0:
        return None
    # The first few tell what they cost.
    is_known = any(trial.is_complete for trial in arm.trials)
    most = begin.count if is_known else max(FIRST_WAVE, market.workers)
    few = replace(begin, count=min(begin.count, most, missing))
    return Choice(bargain=few, reason=f"{trials_begin(few.count)} with the head alone, which costs little")


def _layers(market: Market, prospects: list[Prospect], affordable: list[Bargain]) -> Choice | None:
    pays = _layers_pay(market, prospects)
    candidates = _candidates(market, pays=pays)
    begun = [(place, trial) for place in candidates for trial in market.arms[place].trials]
    if any(trial.is_complete or trial.state is ContenderState.TRAINING for _, trial in begun):
        return None
    if not begun:
        begins = (_beginning(affordable, place=place) for place in candidates)
        begin = next((each for each in begins if each is not None), None)
        if begin is None:
            return None
        why = "as trial 0 tells that training layers pays" if pays else "to tell what training layers brings"
        return Choice(bargain=begin, reason=f"{trials_begin(begin.count)} with {market.arms[begin.arm].words}, {why}")
    places = {place for place, _ in begun}
    goes_on = [each for each in affordable if each.arm in places and each.kind is Kind.CONTINUE]
    best = max(goes_on, key=lambda each: prospects[each.arm].begun[each.number or 0].mean, default=None)
    if best is None:
        return None
    return Choice(bargain=best, reason=f"trial {best.number} goes on, as it is the best at its rung")


def _beginning(affordable: list[Bargain], *, place: int) -> Bargain | None:
    return next((each for each in affordable if each.arm == place and each.kind is Kind.BEGIN), None)


def _candidates(market: Market, *, pays: bool) -> list[int]:
    """Return the places of the arms of which one trial is to be trained to its end, the first one that can be paid.

    The cheapest arm that trains layers under a fitted head may tell that layers bring nothing. Where they surely bring
    something, a trial as trial 0 with more optimiser steps may bring most: the arms with all layers come first.

    Args:
        market: All that the decision rests on.
        pays: Whether training layers surely pays.
    """
    deep = [place for place, arm in enumerate(market.arms) if not arm.is_head_alone]
    fitted = [place for place in deep if market.arms[place].is_fitted]
    if not pays:
        return fitted
    return [*[place for place in reversed(deep) if not market.arms[place].is_fitted][:1], *reversed(fitted)]


def _layers_pay(market: Market, prospects: list[Prospect]) -> bool:
    """Return whether trial 0, which has a random head and trains all layers, is surely better than the head alone."""
    heads = [each.mean for each in prospects[0].begun.values()] if market.arms[0].is_head_alone else []
    return market.recipe is not None and bool(heads) and market.recipe > max(heads) + SURE * market.noise

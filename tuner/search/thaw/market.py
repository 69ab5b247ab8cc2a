"""The market: which trial device time goes to next, from what a full run is expected to improve the best trial by.

Each depth is an arm. The final value of a trial is normally distributed: of a trial that has begun around its last
value and the gain that is still to come, of one that is yet to be drawn around the mean of its arm. What a deeper arm
may bring, before it has trials of its own, follows from the arm above it and from trial 0. The bargain with the
greatest expected improvement a cost is made, the cost being cooled while there is budget left (CArBO, Lee et al. 2020,
arXiv 2003.10870): early on cheap trials are preferred, near the end what improves the best trial most. Where no bargain
is worth its price the search stops.

All of it is a function of the values in the database, so that every machine comes to the same decision.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

from tuner.search.promotion import ContenderState
from tuner.search.thaw.arms import Arm, Market
from tuner.search.thaw.bargains import Bargain, Choice, Kind, Prospect, trials_begin
from tuner.search.thaw.due import due
from tuner.search.thaw.outlook import Outlook, best_of, combined, record_improvement
from tuner.search.thaw.pairs import paired
from tuner.trial.rungs import LAST_RUNG

#: What training all layers gains on the head alone, and how uncertain that is, as shares of the way that the best trial
#: has left to a perfect value; and how uncertain the gain of an arm is beside that of the others.
GAIN, DOUBT, OWN_DOUBT = 0.05, 0.10, 0.02
#: What a trial gains from its first rung to its end before the trials of its arm tell, as a share of what its arm gains
#: on the first one; and how uncertain that is beside it, as a share of the way.
RISE, RISE_DOUBT = 0.5, 0.05
#: How far the final values of an arm's trials are apart before there are some, as a share of the same way; and beside
#: it as a share of what the arm gains on the first one: where layers bring much, it matters how they are trained.
#: Measured with fitted heads, 0.02 to 0.035 of the way on the near task, and 0.07 on the far one.
SPREAD, GAIN_SPREAD = 0.03, 0.4
#: The same of an arm whose trials begin with a random head, which they have to train as well: measured, 0.18 to 0.26.
RANDOM_SPREAD = 0.2
#: Trials of an arm that this prior knowledge counts as much as.
WEIGHT = 2.0
#: Full runs by which a budget may be exceeded: otherwise up to the cost of a trial would be left over.
OVER = 0.2
#: Trials of the head alone that begin together. Deeper ones begin one by one, as each value may change where the next
#: one goes.
WAVE = 8
#: A full run is worth an expected improvement of so many standard errors of a value: less could not be told from noise.
#: A search that does not stop for that spends its budget as long as anything more may come of it.
WORTH, LEAST_WORTH = 0.9, 0.01
_NO_ROOM = "the budget leaves no room for another trial"
_NO_PLACE = "all trials of the budget are over"


def decide(market: Market) -> Choice:
    """Return the next decision."""
    prospects = prospects_of(market)
    best = best_value(market, prospects)
    offers = list(_offers(market, prospects, best))
    leader, is_bound = _leader(offers, prospects, best), market.is_bound
    left, is_spent = market.budget + OVER - market.spent, market.spent >= market.budget
    if is_bound:
        # A trial that is put aside near its end when the budget is spent would have been trained in vain.
        kept = max(_to_finish(market, prospects, best), 0.0 if leader is None else leader.cost)
        affordable = [each for each in offers if each.cost + (0.0 if each is leader else kept) <= left]
    else:  # every place is filled, but of trials that have begun only the leader goes on beyond the budget
        affordable = [each for each in offers if each.kind is Kind.BEGIN or not is_spent or each is leader]
    if not affordable:
        nothing = _NO_PLACE if market.slots == 0 else "there is nothing to train"
        return Choice(bargain=None, reason=_NO_ROOM if offers and is_bound else nothing)
    found = due(market, prospects, affordable)
    if found is not None:
        return found
    share = WORTH if market.stops or market.slots == 0 else LEAST_WORTH if is_bound else 0.0
    worth = share * market.noise
    worthwhile = [each for each in affordable if each.rate >= worth]
    if not worthwhile:
        if any(each.rate >= worth for each in offers):
            return Choice(bargain=None, reason=f"{_NO_ROOM} that is worth its price")
        most = max(affordable, key=lambda each: each.rate)
        return Choice(
            bargain=None,
            reason=f"a further full run is expected to improve the best trial by {most.rate:.2g} at most, less than "
            f"{worth:.2g}, {share:g} of the noise",
        )
    # Where places are left and the budget is not, they are filled with what costs least.
    exponent = 1.0 if is_spent and not is_bound else 1.0 - min(1.0, market.spent / market.budget)
    chosen = max(worthwhile, key=lambda each: (each.cooled(exponent), -each.arm))
    return Choice(bargain=chosen, reason=_why(market, chosen))


def best_value(market: Market, prospects: list[Prospect]) -> float:
    """Return the value that is to be improved on: the highest that a complete trial is expected to have in truth.

    The best of many values that were measured with an error is overstated: each counts as much as its arm supports it.
    """
    values = [] if market.recipe is None else [market.recipe]
    return max(
        [*values, *(_top(arm, each) for arm, each in zip(market.arms, prospects, strict=True))], default=-math.inf
    )


def _top(arm: Arm, prospect: Prospect) -> float:
    """Return the highest value that a complete trial of an arm is expected to have; minus infinity without one."""
    complete = [trial.number for trial in arm.trials if trial.is_complete]
    return max((prospect.begun[number].mean for number in complete), default=-math.inf)


# ---- what is known of the arms


def prospects_of(market: Market) -> list[Prospect]:
    """Return what is known of each arm, the cheapest first.

    What a deeper arm gains on the first one is taken to be one unknown gain, of which an arm has the more the more
    layers it trains. So what half of the layers have brought tells what all of them may bring.
    """
    known = [trial.settled for arm in market.arms for trial in arm.trials if trial.is_complete]
    known += [] if market.recipe is None else [market.recipe]
    way = max(market.noise, market.perfect - max(known)) if known else 1.0
    found: list[Prospect] = []
    top, gain = 0.0, Outlook(mean=GAIN * way, deviation=DOUBT * way)
    for place, arm in enumerate(market.arms):
        part = arm.part - market.arms[0].part
        prior = Outlook(mean=top + part * gain.mean, deviation=math.hypot(part * gain.deviation, OWN_DOUBT * way))
        rise = Outlook(
            mean=RISE * part * max(0.0, gain.mean), deviation=math.hypot(RISE * part * gain.deviation, RISE_DOUBT * way)
        )
        if place > 0 and not arm.is_fitted:
            # Trial 0 is one of them, with all layers. It tells more of them than any trial with a fitted head.
            prior = Outlook(mean=top if market.recipe is None else market.recipe, deviation=OWN_DOUBT * way)
            rise = Outlook(mean=market.recipe_rise, deviation=math.hypot(RISE * market.recipe_rise, RISE_DOUBT * way))
        rise = _learned_rise(arm, rise)
        measured = _measured(arm, rise, market.noise)
        if place == 0:  # it is tried in any case, so that nothing needs to be known of it before
            values = [each.mean for each in measured.values()] or known or [0.0]
            prior = Outlook(mean=fmean(values), deviation=DOUBT * way)
        own = SPREAD if arm.is_fitted else RANDOM_SPREAD
        apart = math.hypot(own * way, GAIN_SPREAD * part * max(0.0, gain.mean))
        new, spread = _learned(prior, list(measured.values()), apart, market.noise)
        # A value that was measured with an error is worth the less the more it stands out from its arm.
        begun = {number: combined(spread, each.mean, each.deviation) for number, each in measured.items()}
        found.append(Prospect(new=new, begun=begun, rise=rise))
        if place == 0:
            tops = sorted((each.mean for each in begun.values()), reverse=True)
            top = fmean(tops[: max(1, len(tops) // 4)]) if tops else new.mean
            if market.recipe is not None and market.recipe > top:
                # Trial 0 trains all layers, from a random head. A lower value of its says nothing of a fitted one.
                gain = combined(gain, market.recipe - top, math.hypot(SPREAD * way, market.noise))
        elif begun and arm.is_fitted and part > 0:
            error = max(new.deviation, market.noise) / math.sqrt(len(begun))
            gain = combined(gain, (fmean(each.mean for each in measured.values()) - top) / part, error / part)
    finals = [prospect.begun for prospect in found]
    pairs = [paired(market, arm, finals, top=top, way=way) for arm in market.arms]
    return [
        prospect
        if pair is None
        else replace(prospect, new=combined(prospect.new, pair.mean, pair.deviation), is_paired=True)
        for prospect, pair in zip(found, pairs, strict=True)
    ]


def _measured(arm: Arm, rise: Outlook, noise: float) -> dict[int, Outlook]:
    """Return what the values of each trial say of its final one, and how uncertain that is."""
    found = {}
    for trial in arm.trials:
        if trial.is_complete or (trial.values and trial.state is ContenderState.OVER):
            found[trial.number] = Outlook(mean=trial.settled, deviation=noise)
        elif trial.values:
            left = _left(trial.reached, arm.first_rung)
            error = math.hypot(noise, rise.deviation * math.sqrt(left))
            found[trial.number] = Outlook(mean=trial.values[trial.reached] + rise.mean * left, deviation=error)
    return found


def _left(percent: int, first_rung: int) -> float:
    """Return the share of what a trial gains after its first rung that is still to come at a percent."""
    return min(1.0, (LAST_RUNG - percent) / max(1, LAST_RUNG - first_rung))


def _learned_rise(arm: Arm, prior: Outlook) -> Outlook:
    """Return what a trial gains from its first rung to its end, from those that have come to their end.

    Those that are on their way tell nothing of it: while the rate is at its peak a trial may fall below its beginning.
    """
    told = []
    for trial in arm.trials:
        first = next((trial.values[percent] for percent in sorted(trial.values) if percent >= arm.first_rung), None)
        if first is not None and trial.is_complete:
            told.append(trial.settled - first)
    mean = (WEIGHT * prior.mean + sum(told)) / (WEIGHT + len(told))
    squares = WEIGHT * prior.deviation**2 + sum((each - mean) ** 2 for each in told)
    return Outlook(mean=mean, deviation=math.sqrt(squares / (WEIGHT + len(told))))


def _learned(prior: Outlook, measured: list[Outlook], spread: float, noise: float) -> tuple[Outlook, Outlook]:
    """Return the outlook of a new trial of an arm, learned from those that have begun; and that of any, its mean known.

    Args:
        prior: The outlook of the arm's mean.
        measured: What is measured of its trials.
        spread: How far apart their final values are, as far as was known before.
        noise: Standard error of a value, which sets values apart that are equal.
    """
    count = len(measured)
    mean = (WEIGHT * prior.mean + sum(each.mean for each in measured)) / (WEIGHT + count)
    squares = sum((each.mean - mean) ** 2 - noise**2 for each in measured)
    within = max(WEIGHT * spread**2 + squares, 0.0) / (WEIGHT + count)
    # The mean of the arm is uncertain, too: the less so the more trials it has.
    of_mean = (WEIGHT * prior.deviation**2 + count * within) / (WEIGHT + count) / (1 + count)
    new = Outlook(mean=mean, deviation=math.sqrt(within + of_mean))
    return new, Outlook(mean=mean, deviation=math.sqrt(within))


# ---- what is on offer


def _offers(market: Market, prospects: list[Prospect], best: float) -> Iterator[Bargain]:
    for place, (arm, prospect) in enumerate(zip(market.arms, prospects, strict=True)):
        count = max(WAVE, market.workers) if arm.is_head_alone else 1
        if market.slots is not None:
            count = min(count, market.slots)
        if count > 0:
            yield _wave(place, arm, prospect, best, market=market, count=count)
        for trial in arm.trials:
            if trial.state is ContenderState.SHELVED and trial.number in prospect.begun and not trial.is_complete:
                left = 1 - trial.reached / LAST_RUNG
                yield Bargain(
                    kind=Kind.CONTINUE,
                    arm=place,
                    number=trial.number,
                    improvement=prospect.begun[trial.number].improvement(best),
                    cost=(arm.cost if trial.cost is None else trial.cost) * left,
                )


def _wave(place: int, arm: Arm, prospect: Prospect, best: float, *, market: Market, count: int) -> Bargain:
    """Return the offer to begin some trials, and to finish the best one of them."""
    first, noise = arm.first_rung / LAST_RUNG, market.noise
    residual = math.hypot(noise, prospect.rise.deviation) if first < 1 else noise
    improvement = best_of(count, prospect.new, residual).improvement(best) if math.isfinite(best) else 1.0
    if math.isfinite(best) and len(prospect.begun) > 1 and not prospect.is_paired:
        # The more trials there are, the more they tell by themselves: final values of one arm are far from normal.
        known = [each.mean for each in prospect.begun.values()]
        weight = len(known) / (len(known) + WEIGHT)
        # One of them is finished: it is the best one only as far as early values tell which that is.
        told = max(0.0, 1 - (residual / prospect.new.deviation) ** 2) if first < 1 else 1.0
        improvement += weight * (record_improvement(known, 1 + told * (count - 1), best) - improvement)
    return Bargain(
        kind=Kind.BEGIN,
        arm=place,
        count=count,
        improvement=improvement,
        cost=arm.cost * (count * first + (1 - first)) + count * market.slot_price,
    )


def _leader(offers: list[Bargain], prospects: list[Prospect], best: float) -> Bargain | None:
    """Return the offer to finish the trial that is expected to be better than all complete ones; None without one."""
    found = [
        (prospects[each.arm].begun[each.number].mean, each)
        for each in offers
        if each.kind is Kind.CONTINUE and each.number is not None
    ]
    mean, leader = max(found, key=lambda pair: pair[0], default=(-math.inf, None))
    return leader if mean > best else None


def _to_finish(market: Market, prospects: list[Prospect], best: float) -> float:
    """Return the most that a trial which trains, and may come to lead, takes beyond what is promised to it."""
    return max(
        (
            (arm.cost if trial.cost is None else trial.cost) * (1 - trial.target / LAST_RUNG)
            for arm, prospect in zip(market.arms, prospects, strict=True)
            for trial in arm.trials
            if trial.state is ContenderState.TRAINING
            and (trial.number not in prospect.begun or prospect.begun[trial.number].mean > best)
        ),
        default=0.0,
    )


def _why(market: Market, chosen: Bargain) -> str:
    arm = market.arms[chosen.arm]
    price = f"for {chosen.cost:.2g} full runs"
    if math.isinf(chosen.improvement):
        gain = f"{price}, as no trial is complete"
    else:
        gain = f"expected to improve the best trial by {chosen.improvement:.2g} {price}"
    if chosen.kind is Kind.CONTINUE:
        return f"trial {chosen.number} goes on ({arm.words}), {gain}"
    return f"{trials_begin(chosen.count)} with {arm.words}, {gain}"

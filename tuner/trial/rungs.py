"""Rungs: the percents of its schedule at which a trial may be put aside, and how many trials go on from each."""

from __future__ import annotations

from tuner.trial.evaluation import LAST_STEP

#: The end of every schedule, in percent.
LAST_RUNG = LAST_STEP


def ladder(first_rung: int, eta: int) -> tuple[int, ...]:
    """Return the rungs of halving: each is `eta` times the one before it, and the last is 100.

    Args:
        first_rung: The lowest one, in percent, below 100.
        eta: The factor, at least 2. Of the trials at a rung, one in `eta` goes on.
    """
    found = []
    rung = first_rung
    while rung < LAST_RUNG:
        found.append(rung)
        rung *= eta
    return (*found, LAST_RUNG)


def first_rungs(eta: int) -> tuple[int, ...]:
    """Return the percents that may be the first rung, rising.

    The last one, 4 for an `eta` of 2, ranked trials well on every table of learning curves that was tried. The lower
    ones did so on some: a study uses them where its own values allow it.
    """
    return tuple(rung for rung in ladder(1 if eta == 2 else 2, eta) if rung <= 2 * eta)


def lowest_rung(rungs: tuple[int, ...], minimum: int) -> int:
    """Return the lowest rung that is not below a percent."""
    return next(rung for rung in rungs if rung >= minimum)


def planned_places(weight: int, eta: int, level: int) -> int:
    """Return how many trials go on from a level of halving: `weight / eta ** (level + 1)`, at least one.

    It is rounded to the nearest whole number, halves up. Rounded down, 70 trials with an eta of 3 would leave one rung
    before the end to a single trial, and cost a tenth less than was planned; rounded up, a tenth more. The nearest
    number keeps the cost of a search closest to the plan. It never falls when `weight` grows, so that a larger budget
    takes no place away.

    Args:
        weight: How many trials are halved from the lowest rung up to this level. One that is ranked from level f on
            counts as `eta ** f` of them.
        eta: One in `eta` goes on.
        level: The level: 0 is that of the lowest rung.
    """
    share = int(eta ** (level + 1))
    return max(1, (2 * weight + share) // (2 * share))

"""Replays the searches of others on a table: full runs, Optuna's pruners, the asynchronous rule, "few, then the top".

None of them resumes a trial: a trial goes on from point to point until it is stopped or complete.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from price_search import Found
from price_tables import Table

if TYPE_CHECKING:
    import optuna


class Stopper(Protocol):
    """A rule that stops trials, asked after each point of each trial."""

    def begin(self, number: int) -> None:
        """Begin a trial."""
        ...

    def stops(self, number: int, point: int, loss: float) -> bool:
        """Report a finite loss; return whether the trial stops."""
        ...

    def end(self, number: int, loss: float | None) -> None:
        """End a trial that was not stopped; without a loss where it diverged."""
        ...


class Never:
    """Stops no trial."""

    def begin(self, number: int) -> None:
        """Note nothing."""

    def stops(self, number: int, point: int, loss: float) -> bool:
        """Let it go on."""
        return False

    def end(self, number: int, loss: float | None) -> None:
        """Note nothing."""


class ByOptuna:
    """One of Optuna's pruners over a real study in memory. A trial that diverges fails, as it does in a script."""

    def __init__(self, make: Callable[[], optuna.pruners.BasePruner], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # Hyperband draws a trial's bracket from the name of the study.
        self._study = optuna.create_study(study_name=f"price {seed}", pruner=make())
        self._trials: dict[int, optuna.Trial] = {}

    def begin(self, number: int) -> None:
        """Ask for a trial, without a parameter."""
        self._trials[number] = self._study.ask()

    def stops(self, number: int, point: int, loss: float) -> bool:
        """Report, and ask the pruner."""
        import optuna

        trial = self._trials[number]
        trial.report(loss, point)
        if not trial.should_prune():
            return False
        self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return True

    def end(self, number: int, loss: float | None) -> None:
        """Tell the loss."""
        import optuna

        if loss is None:
            self._study.tell(self._trials[number], state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(self._trials[number], loss)


class Asynchronous:
    """Asynchronous successive halving that stops (Li et al., MLSys 2020), as Ray's scheduler has it.

    At each rung a trial stops unless its loss is among the best one in `eta` of those that came to the rung before it.
    """

    def __init__(self, eta: int, length: int) -> None:
        self._eta = eta
        self._rungs: dict[int, list[float]] = {}
        rung = 1
        while rung < length:
            self._rungs[rung] = []
            rung *= eta

    def begin(self, number: int) -> None:
        """Note nothing."""

    def stops(self, number: int, point: int, loss: float) -> bool:
        """Hold a loss against the earlier ones of its rung."""
        import numpy as np

        if (earlier := self._rungs.get(point)) is None:
            return False
        stops = bool(earlier) and loss > float(np.percentile(earlier, 100 / self._eta))
        earlier.append(loss)
        return stops

    def end(self, number: int, loss: float | None) -> None:
        """Note nothing."""


@dataclass
class _Running:
    number: int
    configuration: int
    point: int = 0


def stopping(table: Table, stopper: Stopper, configurations: Sequence[int], workers: int) -> Found:
    """Train configurations in order, each until it is stopped, diverges or is complete; workers go at the same pace."""
    left = list(enumerate(configurations))
    running: list[_Running] = []
    now = cost = 0
    best = math.inf
    while left or running:
        while left and len(running) < workers:
            each = _Running(*left.pop(0))
            stopper.begin(each.number)
            running.append(each)
        now += 1
        for each in list(running):
            each.point += 1
            cost += 1
            loss = float(table.curves[each.configuration, each.point])
            if not math.isfinite(loss):
                stopper.end(each.number, None)
            elif stopper.stops(each.number, each.point, loss):
                pass
            elif each.point == table.length:
                stopper.end(each.number, loss)
                best = min(best, loss)
            else:
                continue
            running.remove(each)
    return Found(loss=best, cost=cost / table.length, time=now / table.length)


def few_then_top(table: Table, points: int, top: int, configurations: Sequence[int], workers: int) -> Found:
    """Train each configuration for a few points, then the best of them from there to their end."""
    spent = [min(points, table.ends[one]) for one in configurations]
    sound = [one for one in configurations if math.isfinite(table.curves[one, points])]
    best = sorted(sound, key=lambda one: float(table.curves[one, points]))[:top]
    further = [table.ends[one] - points for one in best]
    return Found(
        loss=min((float(table.final[one]) for one in best), default=math.inf),
        cost=(sum(spent) + sum(further)) / table.length,
        time=(_longest(spent, workers) + _longest(further, workers)) / table.length,
    )


def _longest(spent: Sequence[int], workers: int) -> int:
    """Return when the last of some pieces of work is done, each given to the first free worker."""
    free = [0] * workers
    for piece in spent:
        free[free.index(min(free))] += piece
    return max(free)

"""A sampler that draws from a model of the values at the first rung, fitted in a thread of its own."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import TrialState

from tuner.search.guided_asks import GuidedAsks, Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

#: Proposals that are computed at a time. More would rest on values that are older when the last one is drawn.
_AT_ONCE = 8
#: The model is fitted to the values at the latest percent that so large a share of the trials has reached.
_REACHED = 0.8


@dataclass(frozen=True, kw_only=True)
class _Known:
    """The points of a study, as the model sees them."""

    told: tuple[Told, ...]
    #: Points of trials that have no value yet.
    pending: tuple[dict[str, Any], ...]


class Proposals:
    """The proposals of one process for one study. A thread computes them, and no draw waits for it.

    Args:
        startup: Points with a value before the model is fitted.
    """

    def __init__(self, startup: int = 16) -> None:
        self.search_space = IntersectionSearchSpace(include_pruned=True)
        self._asks = GuidedAsks(startup=startup)
        self._lock = threading.Lock()
        self._ready: deque[dict[str, Any]] = deque()
        #: How many values the computation knows that runs or has run last.
        self._known = 0
        self._thread: threading.Thread | None = None

    def take(self, space: Mapping[str, BaseDistribution], known: _Known, seed: int) -> dict[str, Any]:
        """Return a proposal, or nothing where none is ready, and have further ones computed where more is known.

        Args:
            space: The parameters that are drawn jointly.
            known: The points and values of the study.
            seed: Decides the proposals that are computed now.
        """
        with self._lock:
            is_free = self._thread is None or not self._thread.is_alive()
            if is_free and (len(known.told) > self._known or not self._ready):
                self._known = len(known.told)
                arguments = (dict(space), known, seed)
                self._thread = threading.Thread(target=self._compute, args=arguments, name="proposals", daemon=True)
                self._thread.start()
            found = self._next(known)
        return found if found.keys() == space.keys() else {}

    def _next(self, known: _Known) -> dict[str, Any]:
        """Return the next proposal that no trial has; nothing where there is none.

        A trial that could not be stored leaves its number, and with it its seed, to the next one. Then two processes
        may have computed the same proposals.
        """
        taken = [*(each.point for each in known.told), *known.pending]
        while self._ready:
            if (found := self._ready.popleft()) not in taken:
                return found
        return {}

    def _compute(self, space: dict[str, BaseDistribution], known: _Known, seed: int) -> None:
        found = self._asks.propose(space, known.told, known.pending, _AT_ONCE, seed)
        with self._lock:
            self._ready = deque(found)

    def wait(self) -> None:
        """Wait until no proposal is being computed."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()


class GuidedSampler(BaseSampler):
    """Draws a trial from the proposals of a Gaussian process, and from the prior where there is none ready.

    Parameters that not all trials have, such as those with a condition, are drawn from the prior.

    Args:
        proposals: The proposals of the process.
        seed: The trial's seed.
    """

    def __init__(self, proposals: Proposals, seed: int) -> None:
        self._proposals = proposals
        self._seed = seed
        self._prior = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that all trials have."""
        space = self._proposals.search_space.calculate(study)
        return {name: distribution for name, distribution in space.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return a proposal; nothing where none is ready, so that all parameters are drawn from the prior."""
        if not search_space:
            return {}
        trials = [each for each in study._get_trials(deepcopy=False) if each.number != trial.number]
        return self._proposals.take(search_space, _known(trials, search_space, study.direction), self._seed)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw from the prior."""
        return self._prior.sample_independent(study, trial, param_name, param_distribution)


def _known(trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution], direction: StudyDirection) -> _Known:
    """Return the points of a study with their values at one percent, the latest that most trials have reached."""
    sign = -1.0 if direction == StudyDirection.MAXIMIZE else 1.0
    usable = [each for each in trials if space.keys() <= each.params.keys()]
    with_values = [each for each in usable if each.intermediate_values]
    reached = Counter(step for each in with_values for step in each.intermediate_values)
    step = max((step for step, count in reached.items() if count >= _REACHED * len(with_values)), default=None)
    told, pending = [], []
    for each in usable:
        point = {name: each.params[name] for name in space}
        value = math.nan if step is None else each.intermediate_values.get(step, math.nan)
        if any(bound > 0 for bound in each.constraints.values()):
            told.append(Told(point=point, value=None))
        elif math.isfinite(value):
            told.append(Told(point=point, value=sign * value))
        elif each.state in (TrialState.RUNNING, TrialState.WAITING):
            pending.append(point)
        elif each.state is not TrialState.FAIL:  # of a failed trial the machine is at fault, not the point
            told.append(Told(point=point, value=None))
    return _Known(told=tuple(told), pending=tuple(pending))

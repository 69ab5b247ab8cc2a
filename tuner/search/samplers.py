"""The samplers, each trial's seeded by the study's seed and the trial's number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, QMCSampler, RandomSampler, TPESampler

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

import hashlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.trial import TrialState

from tuner.study.config import StudyConfig


class SeededPerTrial(BaseSampler):
    """Draws each trial with a sampler of its own, seeded by the study's seed and the trial's number.

    One seed for a whole process makes every process of a study repeat the others' draws, and makes a draw depend
    on how many trials that process happened to run before.

    Args:
        seed: The study's seed.
        make: Builds a sampler from a seed.
    """

    def __init__(self, seed: int, make: Callable[[int], BaseSampler]) -> None:
        self._seed = seed
        self._make = make
        self._sampler = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Begin a trial with a fresh sampler."""
        digest = hashlib.sha256(f"{self._seed}:{trial.number}".encode()).digest()
        self._sampler = self._make(int.from_bytes(digest[:4], "big"))
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Ask the trial's sampler."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the trial's sampler."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Ask the trial's sampler."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Ask the trial's sampler."""
        self._sampler.after_trial(study, trial, state, values)


class _PlacePerTrial(QMCSampler):
    """Gives each trial the place of its number in the sequence.

    Optuna counts places in the database, once more each time a point is drawn: a trial that is drawn twice, or by two
    machines at once, leaves holes in a sequence that covers the space only where it is whole.
    """

    _number = 0

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._number = trial.number
        super().before_trial(study, trial)

    def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._number


def make_sampler(config: StudyConfig, *, conditional: bool) -> BaseSampler:
    """Build the sampler that a study asks for.

    Args:
        config: The study.
        conditional: Whether some points of its space leave a parameter out.
    """
    chosen = config.sampler
    startup = chosen.n_startup_trials or max(4, config.budget.trials // 4)

    def at_random(seed: int) -> dict[str, Any]:
        # What a sampler cannot draw together with the rest, it draws so.
        return {"independent_sampler": RandomSampler(seed=seed), "warn_independent_sampling": False}

    def tpe(seed: int) -> BaseSampler:
        return TPESampler(n_startup_trials=startup, multivariate=True, constant_liar=True, group=conditional, seed=seed)

    def gp(seed: int) -> BaseSampler:
        # Loads torch into the supervisor, when the first trial is drawn that is not drawn at random.
        return GPSampler(n_startup_trials=startup, seed=seed, **at_random(seed))

    def cmaes(seed: int) -> BaseSampler:
        return CmaEsSampler(n_startup_trials=startup, seed=seed, **at_random(seed))

    def qmc(seed: int) -> BaseSampler:
        return _PlacePerTrial(
            scramble=True,
            seed=config.seed,  # one sequence for all trials, on all machines
            **at_random(seed),
        )

    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": tpe,
        "random": lambda seed: RandomSampler(seed=seed),
        "gp": gp,
        "cmaes": cmaes,
        "qmc": qmc,
    }

    def make(seed: int) -> BaseSampler:
        with warnings.catch_warnings():
            # `group` of TPE, and QMC as a whole, are called experimental.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return makers[chosen.name](seed)

    return SeededPerTrial(config.seed, make)

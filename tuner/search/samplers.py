"""Building the sampler of a study's configuration, seeded for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, QMCSampler, RandomSampler, TPESampler

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import TrialState

from storage import by_plain_name, plain_name
from tuner.search.guided_sampler import GuidedSampler, Proposals
from tuner.search.study_view import StudyView
from tuner.search.thaw.arm_sampler import ArmSampler
from tuner.search.thaw.first_asks import ArmDraws
from tuner.search.versioned_trials import CurrentTrials, version_of, with_plain_names
from tuner.study.config import StudyConfig
from tuner.study.space_versions import SpaceVersions


class SeededPerTrial(BaseSampler):
    """Draws each trial with a new sampler, whose seed is derived from the study's seed and the trial's number.

    With one seed for each process, all processes of a study would draw the same points, and a trial's point would
    depend on how many trials its process had drawn before.

    Args:
        seed: The study's seed.
        make: Builds a sampler from a seed.
        shelved: Returns Optuna's ids of the trials that are put aside; None where the study puts none aside.
        versions: The search spaces of the study, where there are several. The trial's sampler knows plain names and the
            trials that the current space has. What a trial of an earlier space still lacks is drawn at random.
    """

    def __init__(
        self,
        seed: int,
        make: Callable[[int], BaseSampler],
        shelved: Callable[[], Collection[int]] | None = None,
        versions: SpaceVersions | None = None,
    ) -> None:
        self._seed = seed
        self._make = make
        self._sampler, self._prior = make(seed), RandomSampler(seed=seed)
        self._read_shelved = shelved
        self._shelved: Collection[int] = ()
        self._versions = versions if versions is not None and versions.last > 0 else None
        self._seen = None if self._versions is None else CurrentTrials(self._versions)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Make the trial's sampler and pass the call on to it."""
        self._look_at_shelves()
        digest = hashlib.sha256(f"{self._seed}:{trial.number}".encode()).digest()
        seed = int.from_bytes(digest[:4], "big")
        self._sampler, self._prior = self._make(seed), RandomSampler(seed=seed)
        self._sampler.before_trial(self._view(study), self._plain(trial))

    def _plain(self, trial: FrozenTrial) -> FrozenTrial:
        return trial if self._versions is None else with_plain_names(trial)

    def _is_earlier(self, trial: FrozenTrial) -> bool:
        """Return whether a trial is of a space that the study no longer has."""
        return self._versions is not None and version_of(trial, self._versions) < self._versions.last

    def _stored(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by the names of the current space in Optuna's tables."""
        if self._versions is None:
            return dict(plain)
        names = self._versions.stored_names(self._versions.last)
        return {names[name]: value for name, value in plain.items() if name in names}

    def _look_at_shelves(self) -> None:
        if self._read_shelved is not None:
            self._shelved = self._read_shelved()

    def _view(self, study: Study) -> Study:
        return StudyView(study, self._shelved, self._seen) if self._shelved or self._seen is not None else study

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Pass the call on to the trial's sampler."""
        if self._is_earlier(trial):
            return {}
        self._look_at_shelves()
        return self._stored(self._sampler.infer_relative_search_space(self._view(study), self._plain(trial)))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Pass the call on to the trial's sampler."""
        if self._is_earlier(trial):
            return {}
        plain = search_space if self._versions is None else by_plain_name(search_space)
        return self._stored(self._sampler.sample_relative(self._view(study), self._plain(trial), plain))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Pass the call on to the trial's sampler."""
        sampler = self._prior if self._is_earlier(trial) else self._sampler
        name = param_name if self._versions is None else plain_name(param_name)
        return sampler.sample_independent(self._view(study), self._plain(trial), name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass the call on to the trial's sampler."""
        self._sampler.after_trial(self._view(study), self._plain(trial), state, values)


class _QMCByTrialNumber(QMCSampler):
    """Gives each trial the point of the quasi-random sequence whose index is the trial's number.

    Optuna takes the index from a counter in the database that grows with each draw. A trial that is drawn twice, or by
    two machines at once, would skip points, and a sequence with gaps does not cover the space evenly.
    """

    _number = 0

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._number = trial.number
        super().before_trial(study, trial)

    def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._number


def make_sampler(
    config: StudyConfig,
    *,
    conditional: bool,
    shelved: Callable[[], Collection[int]] | None = None,
    draws: ArmDraws | None = None,
    versions: SpaceVersions | None = None,
) -> BaseSampler:
    """Build a study's sampler.

    Args:
        config: The study.
        conditional: Whether its space has conditions, so that some trials lack a parameter.
        shelved: Returns Optuna's ids of the trials that are put aside; None where the study puts none aside.
        draws: What the draws of a search over depths rest on; None where the study is none.
        versions: The search spaces that the study has had.
    """
    # Of a search over depths, the budget is that of all arms together.
    chosen, quarter = config.sampler, 0 if draws or config.budget.trials is None else config.budget.trials // 4
    startup = chosen.n_startup_trials or max(4, quarter)

    def at_random(seed: int) -> dict[str, Any]:
        # Parameters that a sampler cannot draw jointly, such as those with a condition, are drawn at random.
        return {"independent_sampler": RandomSampler(seed=seed), "warn_independent_sampling": False}

    def tpe(seed: int) -> BaseSampler:
        return TPESampler(n_startup_trials=startup, multivariate=True, constant_liar=True, group=conditional, seed=seed)

    proposals: dict[Hashable, Proposals] = defaultdict(
        lambda: Proposals(startup=chosen.n_startup_trials or max(8, min(16, quarter)))
    )

    def gp(seed: int, arm: Hashable = None) -> BaseSampler:
        if config.has_rungs:
            return GuidedSampler(proposals[arm], seed)
        # GPSampler imports torch into the supervisor when it first draws a trial that is not random.
        return GPSampler(n_startup_trials=startup, seed=seed, **at_random(seed))

    def cmaes(seed: int) -> BaseSampler:
        return CmaEsSampler(n_startup_trials=startup, seed=seed, **at_random(seed))

    def qmc(seed: int) -> BaseSampler:
        return _QMCByTrialNumber(
            scramble=True,
            seed=config.seed,  # one sequence for all trials, on all machines
            **at_random(seed),
        )

    makers: dict[str, Callable[[int], BaseSampler]] = {
        "auto": gp if config.has_rungs else tpe,
        "tpe": tpe,
        "random": lambda seed: RandomSampler(seed=seed),
        "gp": gp,
        "cmaes": cmaes,
        "qmc": qmc,
    }

    def made(arm: Hashable, seed: int) -> BaseSampler:
        guided = chosen.name == "gp" or (chosen.name == "auto" and config.has_rungs)
        return gp(seed, arm) if guided else makers[chosen.name](seed)

    def make(seed: int) -> BaseSampler:
        with warnings.catch_warnings():
            # Optuna warns that the `group` option of TPE and the QMC sampler are experimental.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return made(None, seed) if draws is None else ArmSampler(draws, seed, made)

    return SeededPerTrial(config.seed, make, shelved if config.has_rungs else None, versions)

"""How a replayed search chooses the next configuration of a table: at random, or from the values at the first rung."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from price_tables import Table

from tuner.search.guided_asks import GuidedAsks, choose

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study


class Asks(Protocol):
    """Chooses configurations of one table for one search."""

    def ask(self, told: Mapping[int, float], pending: Sequence[int], left: Sequence[int]) -> int:
        """Return one of the configurations that are left.

        Args:
            told: By configuration, its loss at the first rung; infinite where it diverged before.
            pending: Configurations that train and have no such loss yet.
            left: Configurations that have not begun, in the order in which a search at random draws them.
        """
        ...


class AtRandom:
    """Takes configurations in the order in which they were drawn."""

    def ask(self, told: Mapping[int, float], pending: Sequence[int], left: Sequence[int]) -> int:
        """Return the next one."""
        return left[0]


class ByTPE:
    """Asks Optuna's TPE, with the settings of this project's own sampler, and takes the nearest configuration left.

    TPE proposes any point of the space, and a table has a thousand. It is told the configurations that were trained.
    """

    def __init__(self, table: Table, seed: int, startup: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._seed = seed
        self._encoded = table.encoded
        self._startup = startup
        self._names = [f"x{number}" for number in range(table.encoded.shape[1])]
        self._space: dict[str, BaseDistribution] = {
            name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in self._names
        }
        self._study = self._new_study()
        self._known: dict[int, float] = {}

    def _new_study(self) -> Study:
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(
                n_startup_trials=self._startup, multivariate=True, constant_liar=True, seed=self._seed
            )
        return optuna.create_study(sampler=sampler)

    def ask(self, told: Mapping[int, float], pending: Sequence[int], left: Sequence[int]) -> int:
        """Return the configuration nearest to TPE's proposal."""
        from optuna.trial import TrialState

        if len(told) < self._startup:
            return left[0]
        if any(told.get(configuration) != loss for configuration, loss in self._known.items()):
            self._study, self._known = self._new_study(), {}  # the first rung is another one since the check
        for configuration, loss in told.items():
            if configuration not in self._known:
                self._add(configuration, TrialState.COMPLETE, loss)
                self._known[configuration] = loss
        # Trials that train are shown to TPE as such; after the proposal they are taken back, and shown again next time.
        for configuration in pending:
            self._add(configuration, TrialState.RUNNING, None)
        proposal = self._study.ask(self._space)
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
        wanted = np.array([proposal.params[name] for name in self._names])
        distances = np.square(self._encoded[list(left)] - wanted).sum(axis=1)
        return left[int(distances.argmin())]

    def _add(self, configuration: int, state: object, value: float | None) -> None:
        from datetime import datetime

        from optuna.trial import FrozenTrial

        params = dict(zip(self._names, map(float, self._encoded[configuration]), strict=True))
        over = None if value is None else datetime.now()
        self._study.add_trial(
            FrozenTrial(
                number=-1,
                trial_id=-1,
                state=state,  # type: ignore[arg-type]
                value=value,
                params=params,
                distributions=self._space,
                datetime_start=datetime.now(),
                datetime_complete=over,
                user_attrs={},
                system_attrs={},
                intermediate_values={},
            )
        )


class ByGP:
    """Asks the product's own Gaussian process to choose among all configurations that are left.

    Args:
        table: The curves.
        seed: Decides which asks are guided, and where the model's fit starts.
        guided: The probability that an ask is guided; else it is at random.
    """

    def __init__(self, table: Table, seed: int, guided: float) -> None:
        self._encoded = table.encoded
        self._guided = guided
        self._startup = GuidedAsks().startup
        self._rng = np.random.default_rng(seed)

    def ask(self, told: Mapping[int, float], pending: Sequence[int], left: Sequence[int]) -> int:
        """Return the configuration that it chooses."""
        if len(told) < self._startup or self._rng.random() >= self._guided:
            return left[0]
        losses = np.array(list(told.values()))
        trained, training, candidates = (self._encoded[list(each)] for each in (told, pending, left))
        return left[choose(trained, losses, training, candidates, self._rng)]

"""The study as a sampler sees it while trials are put aside at rungs, and after its search space was edited."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Mapping
    from typing import Any

    from optuna.trial import FrozenTrial


class StudyView(optuna.Study):
    """A study in which each trial that is put aside is PRUNED, with its value at its last rung.

    After an edit of the search space, its trials are those that the current space has.

    Optuna has the trial as RUNNING. TPE takes a running trial for a bad one, so that workers do not draw the same point
    at once, and does not count it among those that it learns from. Both would be wrong for a trial that waits at its
    rung with a good value. Trials that really train stay RUNNING.

    Samplers of Optuna 5 read the trials by `Study._get_trials`, which is no public method: a test holds this.

    Args:
        study: The study.
        shelved: Optuna's ids of the trials that are put aside.
        seen: Returns a trial as the current space has it, None where it has not; None shows each as it is.
    """

    def __init__(
        self,
        study: optuna.Study,
        shelved: Collection[int],
        seen: Callable[[FrozenTrial], FrozenTrial | None] | None = None,
    ) -> None:
        self.__dict__.update(study.__dict__)  # Optuna's constructor would open the storage again
        self._study = study
        self._shelved = frozenset(shelved)
        self._seen = seen

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy=False, use_cache=use_cache)
        if self._seen is not None:
            trials = [each for each in map(self._seen, trials) if each is not None]
        found = [_pruned(trial) if trial._trial_id in self._shelved else trial for trial in trials]
        if states is not None:
            found = [trial for trial in found if trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """Return the trials, as `optuna.Study.get_trials` does."""
        return self._get_trials(deepcopy=deepcopy, states=states)


def _pruned(trial: FrozenTrial) -> FrozenTrial:
    """Return a copy of a trial as if it had been pruned at its last rung."""
    if trial.state is not TrialState.RUNNING or not trial.intermediate_values:
        return trial  # it has ended since it was read that it is put aside
    found = copy.copy(trial)
    found.state = TrialState.PRUNED
    found.values = [trial.intermediate_values[max(trial.intermediate_values)]]
    return found


class ArmView(optuna.Study):
    """A study that has the trials of one arm alone.

    Args:
        study: The study.
        values: The values that make the arm, by name.
    """

    def __init__(self, study: optuna.Study, values: Mapping[str, Any]) -> None:
        self.__dict__.update(study.__dict__)
        self._study = study
        self._values = dict(values)

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy=deepcopy, states=states, use_cache=use_cache)
        return [trial for trial in trials if self._values.items() <= trial.params.items()]

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """Return the trials, as `optuna.Study.get_trials` does."""
        return self._get_trials(deepcopy=deepcopy, states=states)

"""Trials of a study whose search space was edited: as they are stored, and as the current space sees them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage import by_plain_name
from tuner.search.distributions import distribution_of
from tuner.search.thaw.arm_sampler import FIXED_ATTR

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from tuner.study.space_versions import SpaceVersions

#: System attribute of a trial: the index of the space that it was drawn from. Without it, that is the first one.
SPACE_ATTR = "tuner:space"
#: Prefix of the attributes in which CMA-ES keeps the state of a space. With that of another space it would go on wrong.
_CMA_PREFIX = "cma:"


def version_of(trial: FrozenTrial, versions: SpaceVersions) -> int:
    """Return the index of a trial's space: the one it was drawn from, or is to be.

    The index is that of a space which is not known here, where another machine has drawn it after a later edit.
    """
    stored = trial.system_attrs.get(SPACE_ATTR)
    if type(stored) is int and stored >= 0:
        return stored
    if trial.params or versions.last == 0:
        return 0
    given = trial.system_attrs.get(FIXED_ATTR, {})
    return versions.newest_with(by_plain_name(given), is_recipe=trial.number == 0)


class StoredTrial:
    """A trial that suggests values by plain names, and stores them under the names of its space.

    Args:
        trial: Optuna's trial.
        names: The stored names by plain names.
    """

    def __init__(self, trial: optuna.Trial, names: Mapping[str, str]) -> None:
        self._trial = trial
        self._names = names

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Draw a float."""
        return self._trial.suggest_float(self._names[name], low, high, step=step, log=log)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Draw an integer."""
        return self._trial.suggest_int(self._names[name], low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Draw one of the choices."""
        return self._trial.suggest_categorical(self._names[name], choices)


def with_plain_names(trial: FrozenTrial) -> FrozenTrial:
    """Return a copy of a trial that has plain names, also of the values that it was given."""
    found = copy.copy(trial)
    found.distributions = by_plain_name(trial.distributions)
    found.params = by_plain_name(trial.params)
    if given := trial.system_attrs.get(FIXED_ATTR):
        found.system_attrs = {**trial.system_attrs, FIXED_ATTR: by_plain_name(given)}
    return found


class CurrentTrials:
    """Shows a sampler the trials of a study as if all had been drawn from its current space.

    Args:
        versions: The spaces of the study.
    """

    def __init__(self, versions: SpaceVersions) -> None:
        self._versions = versions
        self._distributions = {name: distribution_of(each) for name, each in versions.current.parameters.items()}
        #: Ended trials as they are seen, by Optuna's id: they change no more.
        self._ended: dict[int, FrozenTrial | None] = {}

    def __call__(self, trial: FrozenTrial) -> FrozenTrial | None:
        """Return a trial with plain names and the distributions of the current space; None where it lies outside."""
        if not trial.state.is_finished():
            return self._seen(trial)
        if trial._trial_id not in self._ended:
            self._ended[trial._trial_id] = self._seen(trial)
        return self._ended[trial._trial_id]

    def _seen(self, trial: FrozenTrial) -> FrozenTrial | None:
        found = with_plain_names(trial)
        if not trial.params or version_of(trial, self._versions) == self._versions.last:
            return found
        values = self._versions.seen_now(found.params)
        if values is None:
            return None
        found.distributions = {name: self._distributions[name] for name in values}
        found.params = values
        kept = {key: value for key, value in found.system_attrs.items() if not key.startswith(_CMA_PREFIX)}
        found.system_attrs = kept
        return found

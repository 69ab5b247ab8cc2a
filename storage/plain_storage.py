"""Optuna's storage as people read it: each parameter under its plain name, whatever edits its search space has had."""

from __future__ import annotations

import copy
import math
from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages._cached_storage import _CachedStorage

from storage.parameter_names import by_plain_name, plain_name

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, TrialState


class PlainStorage(_CachedStorage):
    """Optuna's cached storage, in which the parameters of trials have their plain names.

    A study whose parameters have several names under one plain name shows them with one distribution, which contains
    all of them, so that they can be drawn on one axis.
    """

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial, as `optuna.storages.BaseStorage.get_trial` does."""
        trial = super().get_trial(trial_id)
        return with_plain_names([trial])[0]

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the best trial, as `optuna.storages.BaseStorage.get_best_trial` does."""
        return with_plain_names([super().get_best_trial(study_id)])[0]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials, as `optuna.storages.BaseStorage.get_all_trials` does."""
        return with_plain_names(super().get_all_trials(study_id, deepcopy=deepcopy, states=states))


def with_plain_names(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return trials whose parameters have plain names, each with one distribution; the same ones where they have."""
    seen: dict[str, dict[str, BaseDistribution]] = {}
    for trial in trials:
        for name, kind in trial.distributions.items():
            seen.setdefault(plain_name(name), {})[f"{name} {kind!r}"] = kind
    renamed = {plain_name(name) for trial in trials for name in trial.distributions if plain_name(name) != name}
    if not renamed:
        return trials
    values: dict[str, list[Any]] = {name: [] for name in renamed}
    for trial in trials:
        for name, value in trial.params.items():
            if plain_name(name) in renamed:
                values[plain_name(name)].append(value)
    joint = {name: joined_distribution(seen[name].values(), values[name]) for name in renamed}
    return [_renamed(trial, joint) for trial in trials]


def _renamed(trial: FrozenTrial, joint: Mapping[str, BaseDistribution]) -> FrozenTrial:
    found = copy.copy(trial)
    plain = by_plain_name(trial.distributions)
    found.distributions = {name: joint.get(name, kind) for name, kind in plain.items()}
    found.params = by_plain_name(trial.params)
    return found


def joined_distribution(kinds: Iterable[BaseDistribution], values: Iterable[Any] = ()) -> BaseDistribution:
    """Return one distribution for several: a range that contains them if all are numbers, else choices.

    Args:
        kinds: The distributions.
        values: Values that trials have, which are choices beside the ends of ranges.
    """
    kinds = list(kinds)
    choices = dict.fromkeys(c for kind in kinds if isinstance(kind, CategoricalDistribution) for c in kind.choices)
    ranges = [kind for kind in kinds if isinstance(kind, FloatDistribution | IntDistribution)]
    ends: list[float] = [end for kind in ranges for end in (kind.low, kind.high)]
    ends += [choice for choice in choices if _is_number(choice)]
    if ranges and all(map(_is_number, choices)):
        return FloatDistribution(min(ends), max(ends), log=min(ends) > 0 and any(kind.log for kind in ranges))
    return CategoricalDistribution(list(dict.fromkeys([*choices, *ends, *values])))


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

"""A sampler for a search over depths: each arm has a model of its own, and points are carried up from cheaper arms."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection

from search_spaces import FITTED
from tuner.search.distributions import distribution_of
from tuner.search.study_view import ArmView
from tuner.search.thaw.carrying import CARRIED_ATTR, WARM_ATTR, Begun, carried, do_worse, probability
from tuner.study.arms import ARM_NAMES, ArmKey

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from tuner.search.thaw.first_asks import ArmDraws

#: Optuna's name of the attribute with the values that a trial was given.
FIXED_ATTR = "fixed_params"


class ArmSampler(BaseSampler):
    """Draws a trial whose arm is given: the first ones near the recipe, then as the sampler of its arm does.

    The fewer trials the arm has, the more often a point is carried up from a cheaper arm.

    Args:
        draws: What it draws from.
        seed: The trial's seed.
        make: Builds the sampler of an arm from the arm's values, as a key, and a seed.
    """

    def __init__(
        self, draws: ArmDraws, seed: int, make: Callable[[tuple[tuple[str, Any], ...], int], BaseSampler]
    ) -> None:
        self._draws = draws
        self._seed = seed
        self._make = make
        self._prior = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return every parameter that a trial of the study has, without those that make the arm.

        Where no trial has any, those are all of the space.
        """
        fixed = trial.system_attrs.get(FIXED_ATTR, {})
        space: dict[str, BaseDistribution] = {}
        for each in study._get_trials(deepcopy=False):
            space |= each.distributions
        if not space:  # an edit of the space has left no trial in it
            space = {name: distribution_of(each) for name, each in self._draws.space.parameters.items()}
        return {name: kind for name, kind in space.items() if name not in fixed and not kind.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values that are drawn jointly; the others are drawn from the prior."""
        fixed = trial.system_attrs.get(FIXED_ATTR, {})
        arm = {name: fixed[name] for name in ARM_NAMES if name in fixed}
        trials = [each for each in study._get_trials(deepcopy=False) if each.number != trial.number]
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        begun = [(each, _begun(each, sign)) for each in trials if each.params]
        of_arm = [each for each in trials if each.number > 0 and _is_of(each, arm)]
        place, first = sum(each.number < trial.number for each in of_arm), self._draws.first(arm)
        mislead = do_worse([seen for _, seen in begun], lambda each: each.is_warm)
        if place < len(first) and not (first[place].is_warm and mislead):
            if first[place].is_warm:
                study._storage.set_trial_system_attr(trial._trial_id, WARM_ATTR, True)
            return {name: value for name, value in first[place].point.items() if name in search_space}
        rng = random.Random(self._seed)
        own = [seen for each, seen in begun if each.number > 0 and _is_of(each, arm)]
        if rng.random() < probability(own):
            key = ArmKey.of_point(arm)
            point = carried(
                self._draws.space,
                [seen for _, seen in begun],
                frozen_share=key.frozen_share,
                is_fitted=key.head_init == FITTED,
                rng=rng,
            )
            if point is not None:
                study._storage.set_trial_system_attr(trial._trial_id, CARRIED_ATTR, True)
                return {name: value for name, value in point.items() if name in search_space}
        view = ArmView(study, arm)
        joint = IntersectionSearchSpace(include_pruned=True).calculate(view)
        joint = {name: kind for name, kind in joint.items() if name in search_space}
        inner = self._make(tuple(sorted(arm.items())), self._seed)
        return inner.sample_relative(view, trial, joint)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw from the prior."""
        return self._prior.sample_independent(study, trial, param_name, param_distribution)


def _is_of(trial: FrozenTrial, arm: Mapping[str, Any]) -> bool:
    """Return whether a trial is of an arm: by its values, or before it has any, by those that it was given."""
    values = {**trial.system_attrs.get(FIXED_ATTR, {}), **trial.params}
    return all(name in values and values[name] == value for name, value in arm.items())


def _begun(trial: FrozenTrial, sign: float) -> Begun:
    reported: Sequence[float] = [value for _, value in sorted(trial.intermediate_values.items())]
    key = ArmKey.of_point(trial.params)
    return Begun(
        frozen_share=key.frozen_share,
        is_fitted=key.head_init == FITTED,
        point=trial.params,
        value=sign * reported[-1] if reported and math.isfinite(reported[-1]) else None,
        is_carried=bool(trial.system_attrs.get(CARRIED_ATTR)),
        is_warm=bool(trial.system_attrs.get(WARM_ATTR)),
    )

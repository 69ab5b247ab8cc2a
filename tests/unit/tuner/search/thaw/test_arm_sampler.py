from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from thawing import RECIPE, SPACE

from search_spaces import SearchSpace
from tuner.search.thaw.arm_sampler import FIXED_ATTR, ArmSampler
from tuner.search.thaw.carrying import CARRIED_ATTR, WARM_ATTR
from tuner.search.thaw.first_asks import MOST_WARM, ArmDraws, point_key
from tuner.study.arms import ArmKey

SEARCHED = SearchSpace(parameters=SPACE)
HALF = {"frozen_layers": 0.5, "head_init": "fitted"}
ALL = {"frozen_layers": 0.0, "head_init": "fitted"}
DRAWS = ArmDraws(space=SEARCHED, recipe=RECIPE, arms=tuple(map(ArmKey.of_point, (HALF, ALL))))


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=1))
    study.enqueue_trial({**RECIPE, "num_train_epochs": 3, "head_init": "random"})
    first = study.ask()
    SEARCHED.suggest(first)
    study.tell(first, 0.5)
    return study


def asked(study: optuna.Study, arm: dict[str, Any], draws: ArmDraws | None = None, value: float | None = None) -> Any:
    """Draw a trial of an arm, and tell its value where there is one."""
    study.sampler = ArmSampler(
        draws or DRAWS,
        seed=len(study.trials),
        make=lambda _, seed: RandomSampler(seed=seed),
    )
    trial = study.ask()
    study._storage.set_trial_system_attr(trial._trial_id, FIXED_ATTR, arm)
    trial = optuna.Trial(study, trial._trial_id)
    SEARCHED.suggest(trial)
    if value is not None:
        trial.report(value, 100)
        study.tell(trial, value)
    return study.trials[trial.number]


def test_every_arm_begins_with_the_same_points_each_at_its_own_depth(study: optuna.Study) -> None:
    for arm in (HALF, ALL):
        found = [asked(study, arm).params for _ in range(4)]
        told = [(each["batch_size"], each["num_train_epochs"]) for each in found]
        assert told == [(8, 3), (8, 3), (32, 3), (32, 3)]
        assert all(arm.items() <= each.items() for each in found)


def test_an_arm_begins_with_them_where_an_edit_of_the_space_has_left_no_trial_in_it(study: optuna.Study) -> None:
    empty = optuna.create_study(direction="maximize")
    assert asked(empty, HALF).params == asked(study, HALF).params


def test_the_name_of_an_arm_tells_its_values() -> None:
    for key in (ArmKey.of_point(HALF), ArmKey(frozen_layers="gradual", head_init="random")):
        assert ArmKey.from_name(key.name) == key


def test_trial_0_is_not_trained_a_second_time() -> None:
    of_trial_0, other = (DRAWS.first({"frozen_layers": share, "head_init": "random"}) for share in (0.0, 0.5))
    assert point_key(DRAWS.recipe_point) in {each.key for each in other}
    assert point_key(DRAWS.recipe_point) not in {each.key for each in of_trial_0}
    assert len(of_trial_0) == len(other) - 1


def test_the_next_ones_are_carried_up_from_the_arm_above(study: optuna.Study) -> None:
    for number in range(8):
        asked(study, HALF, value=0.5 + number / 100)
    deeper = [asked(study, ALL) for _ in range(12)]
    assert not any(CARRIED_ATTR in each.system_attrs for each in deeper[:4])
    assert 1 <= sum(each.system_attrs.get(CARRIED_ATTR, False) for each in deeper[4:]) < 8


def test_the_points_of_earlier_studies_come_by_turns_with_the_recipes(study: optuna.Study) -> None:
    warm = [{**RECIPE, **HALF, "learning_rate": 1e-5 * n} for n in range(1, 6)]
    draws = replace(DRAWS, warm=[*warm, {**RECIPE, **ALL}])
    found = [asked(study, HALF, draws) for _ in range(4 + MOST_WARM)]
    is_warm = [each.system_attrs.get(WARM_ATTR, False) for each in found]
    assert is_warm == [False, True, False, True, False, True, False]
    rates = [each.params["learning_rate"] for each, kind in zip(found, is_warm, strict=True) if kind]
    assert rates == pytest.approx([1e-5, 2e-5, 3e-5])


def test_a_point_of_an_earlier_study_whose_arm_is_not_searched_is_one_of_the_nearest_arm(study: optuna.Study) -> None:
    draws = replace(DRAWS, warm=[{**RECIPE, "frozen_layers": 0.4, "head_init": "random", "learning_rate": 1e-5}])
    found = [asked(study, HALF, draws) for _ in range(2)]
    assert [each.system_attrs.get(WARM_ATTR, False) for each in found] == [False, True]
    assert found[1].params["head_init"] == "fitted"


def test_points_of_earlier_studies_that_mislead_are_dropped(study: optuna.Study) -> None:
    warm = [{**RECIPE, **arm, "learning_rate": 1e-5} for arm in (HALF, ALL) for _ in range(3)]
    draws = replace(DRAWS, warm=warm)
    for number in range(6):
        asked(study, HALF, draws, value=0.3 if number % 2 else 0.7)
    told = [asked(study, ALL, draws).system_attrs.get(WARM_ATTR, False) for _ in range(4)]
    assert told == [False] * 4


def test_trials_that_were_not_told_are_drawn_as_others(study: optuna.Study) -> None:
    states = {each.state for each in study.trials}
    asked(study, HALF)
    assert states | {TrialState.RUNNING} == {each.state for each in study.trials}

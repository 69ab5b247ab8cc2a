"""Which trials keep their weights while a study runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from storing import create_study, optuna_study

from storage import Database, PlanPart, Plans
from tuner.study.live_config import LiveConfig
from tuner.study.study_file import parse_config
from tuner.supervisor.best_trials import BestTrials
from tuner.supervisor.retrying import OutageRetrying

Make = Callable[..., BestTrials]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with Database(f"sqlite:///{tmp_path_factory.mktemp('best')}/tuner.db", create=True) as opened:
        yield opened


@pytest.fixture
def best_trials(database: Database, request: pytest.FixtureRequest) -> Make:
    def make(
        values: dict[int, float], *, direction: str = "maximize", tested: tuple[int, ...] = (), **config: Any
    ) -> BestTrials:
        """Return those of a study with such complete trials; the other numbers up to the last have failed."""
        name = f"{len(database.optuna_storage.get_all_studies())}"
        record = create_study(database, name, trials=0, direction=direction, first={})
        study = optuna_study(database, name)
        study.tell(study.ask(), values.get(0), state=None if 0 in values else optuna.trial.TrialState.FAIL)
        depth = CategoricalDistribution((0.5,))
        for number in range(1, max(values, default=0) + 1):
            state = optuna.trial.TrialState.COMPLETE if number in values else optuna.trial.TrialState.FAIL
            trial = optuna.trial.create_trial(
                state=state, value=values.get(number), params={"depth": 0.5}, distributions={"depth": depth}
            )
            study.add_trial(trial)
        if tested:
            plans = Plans(database, record.id, PlanPart.TEST)
            lease = plans.take("me", 60.0)
            assert lease is not None
            plans.commit(lease, content={"opened": {"winner": tested[-1], "trials": list(tested)}})
        document = {"name": name, "model": "m", "data": {"source": "hub/data"}, **config}
        parsed = parse_config(document, source="s.yaml", folder=Path("/nowhere"))
        record = replace(record, facts={"sizes": {"validation": 100}})
        return BestTrials(database, record, LiveConfig(parsed), OutageRetrying(lambda _: None))

    return make


def test_a_trial_for_which_the_test_split_was_opened_keeps_its_weights_though_others_are_better(
    best_trials: Make,
) -> None:
    assert best_trials({0: 0.5, 1: 0.9, 2: 0.7, 3: 0.8}, tested=(0, 2)).numbers() == [1, 0, 2]


def test_trial_0_is_among_those_that_keep_their_weights_though_others_are_better(best_trials: Make) -> None:
    values = {0: 0.5, 1: 0.9, 2: 0.7}
    assert best_trials(values).numbers() == [1, 0]
    assert best_trials(values, keep=2).numbers() == [1, 2, 0]
    assert best_trials(values, keep=5).numbers() == [1, 2, 0]
    assert best_trials(values, direction="minimize").numbers() == [0]


def test_those_that_are_to_be_confirmed_keep_their_weights(best_trials: Make) -> None:
    trials = best_trials({0: 0.5, 1: 0.9, 2: 0.7, 3: 0.8}, confirm={"top": 2})
    assert trials.numbers() == [1, 0, 3]
    assert trials.would_include(9, 0.1), "who leads is known once the others have ended"


def test_trial_0_keeps_its_weights_however_weak_it_is_and_another_does_not(best_trials: Make) -> None:
    better = best_trials({1: 0.9})
    assert better.would_include(0, 0.1)
    assert not better.would_include(2, 0.1)


@pytest.mark.parametrize(("value", "kept"), [(0.91, True), (0.9, True), (0.89, False)])
def test_the_weights_of_a_trial_are_kept_where_it_is_as_good_as_the_last_of_the_best(
    best_trials: Make, value: float, kept: bool
) -> None:
    assert best_trials({1: 0.9, 2: 0.5}).would_include(3, value) is kept
    assert best_trials({1: -0.9, 2: -0.5}, direction="minimize").would_include(3, -value) is kept
    assert best_trials({1: 0.9}, keep=2).would_include(3, value), "there is room"

"""Draws that a model guides, whose thread no draw waits for."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tuner.search import guided_sampler
from tuner.search.guided_asks import GuidedAsks
from tuner.search.guided_sampler import GuidedSampler, Proposals

SPACE = {"x": optuna.distributions.FloatDistribution(0.0, 1.0), "y": optuna.distributions.FloatDistribution(0.0, 1.0)}


def told(study: optuna.Study, count: int, **more: Any) -> None:
    """Add pruned trials whose values at 4 % grow with the distance from (0.2, 0.2)."""
    for number in range(count):
        x, y = (number * 0.37) % 1.0, (number * 0.61) % 1.0
        value = (x - 0.2) ** 2 + (y - 0.2) ** 2
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.PRUNED,
                params={"x": x, "y": y},
                distributions=SPACE,
                intermediate_values={4: value},
                value=value,
                **more,
            )
        )


def drawn(study: optuna.Study, proposals: Proposals, seed: int = 0) -> tuple[float, float]:
    study.sampler = GuidedSampler(proposals, seed)
    trial = study.ask()
    return trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(direction="minimize")


def test_the_first_draw_comes_from_the_prior_and_later_ones_are_proposals(study: optuna.Study) -> None:
    told(study, 20)
    proposals = Proposals()
    first = drawn(study, proposals)
    proposals.wait()
    ready = list(proposals._ready)
    assert len(ready) == guided_sampler._AT_ONCE
    found = drawn(study, proposals)
    assert dict(zip("xy", found, strict=True)) == ready[0]
    study.sampler = optuna.samplers.RandomSampler(seed=0)
    trial = study.ask()
    assert first == (trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0))


def test_of_two_processes_with_the_same_proposals_each_draws_other_points(study: optuna.Study) -> None:
    # A draw that an outage kept from being stored is made again: with the same number and seed, on any machine.
    told(study, 20)
    ours, theirs = Proposals(), Proposals()
    drawn(study, ours, 1)
    ours.wait()
    drawn(study, theirs, 2)
    theirs.wait()
    ready = list(ours._ready)
    theirs._ready = deque(ready)
    points = [drawn(study, each, seed) for seed, each in enumerate((ours, theirs, theirs), start=3)]
    assert [dict(zip("xy", point, strict=True)) for point in points] == ready[:3]


def test_a_draw_does_not_wait_for_the_model(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    told(study, 20)
    may_end, began = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> list[dict[str, Any]]:
        began.set()
        assert may_end.wait(60)
        return []

    monkeypatch.setattr(GuidedAsks, "propose", slow)
    proposals = Proposals()
    points = [drawn(study, proposals, seed) for seed in range(3)]
    assert began.wait(60)
    assert len(set(points)) == 3
    may_end.set()
    proposals.wait()


def test_proposals_come_nearer_to_the_good_points_than_the_prior(study: optuna.Study) -> None:
    told(study, 40)
    proposals = Proposals()
    proposals._asks = GuidedAsks(guided=1.0)
    drawn(study, proposals)
    proposals.wait()
    near = [point for point in proposals._ready if abs(point["x"] - 0.2) < 0.3 and abs(point["y"] - 0.2) < 0.3]
    assert len(near) >= 6, "of eight, the prior would have put two there"


def test_values_are_compared_at_the_latest_percent_that_most_trials_have_reached(study: optuna.Study) -> None:
    told(study, 10)
    trials = study.get_trials()
    for trial in trials[:5]:
        trial.intermediate_values[8] = 99.0
    known = guided_sampler._known(trials, SPACE, study.direction)
    assert max(each.value or 0.0 for each in known.told) < 2.0


def test_a_point_that_cannot_be_trained_has_no_value_and_one_that_trains_is_pending(study: optuna.Study) -> None:
    told(study, 3)
    told(study, 1, constraints={"diverged": 1.0})
    for state, x in ((TrialState.RUNNING, 0.5), (TrialState.FAIL, 0.1)):
        study.add_trial(optuna.trial.create_trial(state=state, params={"x": x, "y": x}, distributions=SPACE))
    known = guided_sampler._known(study.get_trials(deepcopy=False), SPACE, study.direction)
    assert [each.value is None for each in known.told] == [False, False, False, True]
    assert known.pending == ({"x": 0.5, "y": 0.5},)


def test_where_larger_is_better_the_sign_is_turned(study: optuna.Study) -> None:
    told(study, 2)
    trials = study.get_trials(deepcopy=False)
    smaller = guided_sampler._known(trials, SPACE, optuna.study.StudyDirection.MINIMIZE)
    larger = guided_sampler._known(trials, SPACE, optuna.study.StudyDirection.MAXIMIZE)
    assert [each.value for each in larger.told] == [-(each.value or 0.0) for each in smaller.told]

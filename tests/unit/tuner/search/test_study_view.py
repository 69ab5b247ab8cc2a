"""The study as samplers see it while trials are put aside, held against the samplers of the installed Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from tuner.search.samplers import SeededPerTrial
from tuner.search.study_view import StudyView

X = {"x": FloatDistribution(0.0, 1.0)}
#: Rates of trials near 0.2 are good.
POINTS = [0.05, 0.15, 0.18, 0.2, 0.22, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95]


def study_of(state: TrialState) -> optuna.Study:
    """Return a study whose trials are all at 4 %, with a value there, in one state."""
    study = optuna.create_study(direction="minimize")
    for x in POINTS:
        value = abs(x - 0.2)
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.PRUNED if state is TrialState.PRUNED else TrialState.RUNNING,
                params={"x": x},
                distributions=X,
                intermediate_values={4: value},
                value=value if state is TrialState.PRUNED else None,
            )
        )
    return study


def ids(study: optuna.Study) -> list[int]:
    return [trial._trial_id for trial in study.get_trials(deepcopy=False)]


def drawn(study: optuna.Study, make: Callable[[int], BaseSampler], shelved: Any, count: int = 6) -> list[float]:
    """Return the points that a sampler draws."""
    study.sampler = SeededPerTrial(3, make, shelved)
    return [study.ask().suggest_float("x", 0.0, 1.0) for _ in range(count)]


def tpe(seed: int) -> BaseSampler:
    return TPESampler(n_startup_trials=4, multivariate=True, constant_liar=True, seed=seed)


SAMPLERS = [tpe, lambda seed: RandomSampler(seed=seed)]


@pytest.mark.parametrize("make", SAMPLERS)
def test_a_sampler_draws_as_if_trials_that_are_put_aside_were_pruned(make: Callable[[int], BaseSampler]) -> None:
    shelved, pruned = study_of(TrialState.RUNNING), study_of(TrialState.PRUNED)
    known = ids(shelved)
    assert drawn(shelved, make, lambda: known) == drawn(pruned, make, None)


def test_without_the_view_tpe_would_take_them_for_bad_ones_that_are_not_to_be_counted() -> None:
    """So that the test above says something about TPE as it is installed."""
    shelved, plain = study_of(TrialState.RUNNING), study_of(TrialState.RUNNING)
    known = ids(shelved)
    seen, unseen = drawn(shelved, tpe, lambda: known, 20), drawn(plain, tpe, None, 20)
    near = [sum(abs(x - 0.2) < 0.15 for x in points) for points in (seen, unseen)]
    assert near[0] >= near[1] + 5, near


def test_a_trial_that_trains_stays_running_beside_one_that_is_put_aside() -> None:
    study = study_of(TrialState.RUNNING)
    first, second, *_ = ids(study)
    view = StudyView(study, [first])
    states = {trial._trial_id: trial.state for trial in view.get_trials()}
    assert (states[first], states[second]) == (TrialState.PRUNED, TrialState.RUNNING)
    assert [trial._trial_id for trial in view.get_trials(states=(TrialState.PRUNED,))] == [first]
    assert [trial._trial_id for trial in view._get_trials(states=(TrialState.PRUNED,), use_cache=True)] == [first]
    stored = study._storage.get_trial(first)
    assert (stored.state, stored.values) == (TrialState.RUNNING, None), "the study itself is not changed"


def test_a_trial_put_aside_has_the_value_of_its_last_rung() -> None:
    study = optuna.create_study(direction="minimize")
    trial = study.ask()
    trial.report(0.5, 4)
    trial.report(0.3, 8)
    (seen,) = StudyView(study, [trial._trial_id]).trials
    assert (seen.state, seen.value, seen.last_step) == (TrialState.PRUNED, 0.3, 8)


def test_a_trial_that_has_ended_since_it_was_read_is_seen_as_it_ended() -> None:
    study = optuna.create_study(direction="minimize")
    trial = study.ask()
    study.tell(trial, 0.25)
    (seen,) = StudyView(study, [trial._trial_id]).get_trials()
    assert (seen.state, seen.value) == (TrialState.COMPLETE, 0.25)


def test_a_quasi_random_sequence_goes_on_through_trials_that_are_put_aside() -> None:
    def qmc(seed: int) -> BaseSampler:
        return QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False)

    shelved, pruned = study_of(TrialState.RUNNING), study_of(TrialState.PRUNED)
    known = ids(shelved)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        assert drawn(shelved, qmc, lambda: known) == drawn(pruned, qmc, None)

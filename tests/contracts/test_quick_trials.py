"""Trials that are read without Optuna's mapper are those that Optuna reads."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from storing import create_study

from storage import EFFECTIVE_ATTR, EVALUATION_ATTR, Database
from storage.quick_trials import QuickTrials

SKIPPED = (EFFECTIVE_ATTR, EVALUATION_ATTR)


def fill(study: optuna.Study) -> None:
    """Add trials of every kind: finished, failed, pruned, running, with odd numbers and many attributes."""
    kinds = {
        "lr": FloatDistribution(1e-6, 1.0, log=True),
        "n": IntDistribution(1, 9),
        "s": CategoricalDistribution(["a", 1, None]),
    }
    study.add_trial(
        create_trial(
            state=TrialState.COMPLETE,
            value=math.inf,
            params={"lr": 1e-3, "n": 3, "s": None},
            distributions=kinds,
            user_attrs={EFFECTIVE_ATTR: {"a": 1}, f"{EVALUATION_ATTR}4": [1], "evaluations": "stays", "text": "ü%_"},
            system_attrs={"constraints": [1.0]},
            intermediate_values={4: math.nan, 2: -math.inf, 8: 0.5},
        )
    )
    study.add_trial(create_trial(state=TrialState.PRUNED, value=0.25, params={"s": 1}, distributions={"s": kinds["s"]}))
    study.add_trial(create_trial(state=TrialState.FAIL))
    running = study.ask()
    running.suggest_float("lr", 1e-6, 1.0, log=True)
    running.report(0.125, step=16)


def told(trials: list[FrozenTrial]) -> list[str]:
    """Return all of trials as text, in which NaN equals itself. Optuna reads the reports in no certain order."""
    return [
        repr([sorted(each.intermediate_values.items()), each._trial_id, each.number, each.state, each.values])
        + repr([each.params, each.distributions, sorted(each.user_attrs.items()), sorted(each.system_attrs.items())])
        + repr([each.datetime_start, each.datetime_complete])
        for each in trials
    ]


def test_they_are_those_that_optuna_reads(database: Database) -> None:
    study = optuna.create_study(storage=database.optuna_storage, study_name="plain", direction="maximize")
    fill(study)
    other = optuna.create_study(storage=database.optuna_storage, study_name="other")
    other.ask()
    backend = database.optuna_storage
    quick = QuickTrials(backend, database, skipped=SKIPPED)
    ids = [each._trial_id for each in backend.get_all_trials(study._study_id)]
    for included, after in ((set(), -1), ({ids[0]}, ids[2]), ({ids[3]}, ids[3]), (set(), ids[3])):
        expected = backend._get_trials(study._study_id, None, included, after)
        assert told(quick._get_trials(study._study_id, None, included, after)) == told(expected)
    assert quick._get_trials(study._study_id, None, set(), -1)[0].user_attrs[EFFECTIVE_ATTR] == {"a": 1}
    assert quick.get_study_name_from_id(study._study_id) == "plain", "all else is Optuna's own"
    with pytest.raises(KeyError):
        quick._get_trials(study._study_id + 1000, None, set(), -1)


def test_of_studies_of_tuner_details_are_left_out(database: Database) -> None:
    record = create_study(database, trials=4)
    study = optuna.load_study(study_name=record.name, storage=database.optuna_storage)
    fill(study)
    quick = QuickTrials(database.optuna_storage, database, skipped=SKIPPED)
    _, complete, *_ = quick._get_trials(record.id, None, set(), -1)  # the first one is enqueued
    assert set(complete.user_attrs) == {"evaluations", "text"}

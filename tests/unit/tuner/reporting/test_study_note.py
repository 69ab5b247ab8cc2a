from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from storage import LEASE_S, Database, Slots, Studies, StudyRecord, StudyState, fenced, tables
from tuner.reporting.study_note import study_attributes, study_note
from tuner.study.study_file import parse_config


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Database, StudyRecord]]:
    """A study of four trials, none of them begun."""
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}, "metric": "loss", "budget": {"trials": 4}}
    config = parse_config(document, source="s.yaml", folder=tmp_path).to_dict()
    facts = {"sizes": {"train": 640, "validation": 300, "test": 200}, "family": "bert", "guess": None}
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        studies = Studies(database)
        study = studies.create("s", direction="minimize", config=config, facts=facts, trials=4, first={"rate": 0.5})
        yield database, study


def run_trial(database: Database, study: StudyRecord, state: TrialState, value: float) -> None:
    """Run the next trial as a supervisor does."""
    claimed = Slots(database, study.id).claim("me", LEASE_S)
    assert claimed is not None
    loaded = optuna.load_study(study_name="s", storage=database.optuna_storage)
    with fenced(claimed[0], asking=True):
        trial = loaded.ask()
    trial.suggest_float("rate", 0.0, 1.0)
    with fenced(claimed[0], kind="report", values={"step": 100, "value": value}):
        trial.report(value, 100)
    with fenced(claimed[0], ending=True, values={"detail": state.name.lower()}):
        loaded.tell(trial, value if state == TrialState.COMPLETE else None, state=state)


def test_before_the_first_trial_the_note_tells_the_question(opened: tuple[Database, StudyRecord]) -> None:
    note = study_note(*opened)
    assert note.startswith("## s: interrupted\n")
    assert "Which hyperparameters give `m/m` the best loss (lower is better)?" in note
    assert "A trial trains on 640 rows. It is measured on 300 others." in note
    assert "no trial is complete yet" in note
    assert "`tuner resume s` goes on" in note


def test_with_trials_it_tells_the_best_the_cost_and_what_importance_is_worth(
    opened: tuple[Database, StudyRecord],
) -> None:
    database, study = opened
    run_trial(database, study, TrialState.COMPLETE, 0.5)
    run_trial(database, study, TrialState.COMPLETE, 0.3)
    run_trial(database, study, TrialState.PRUNED, 0.6)
    with database.write() as connection:
        connection.execute(tables.slots.update().values(device_s=30.0))
    note = study_note(database, study)
    assert "| best | 1 | loss 0.3000 |" in note
    assert "| recipe | 0 | loss 0.5000 |" in note
    assert "**Trials:** 3 of 4 over (2 complete, 1 pruned)." in note
    assert "1m30s of device time." in note
    assert "means little below about 50 trials: with another seed it is another picture. This study has 3." in note
    assert "`tuner test s` asks rows that no trial has seen." in note


def test_a_stopped_study_is_not_told_to_go_on(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    Studies(database).set_state(study.id, StudyState.STOPPED)
    note = study_note(database, Studies(database).get("s"))
    assert note.startswith("## s: stopped\n")
    assert "tuner resume" not in note


def test_the_attributes_of_a_study_are_its_question(opened: tuple[Database, StudyRecord]) -> None:
    found = study_attributes(opened[1])
    assert found["model"] == "m/m"
    assert found["metric"] == "loss, lower is better"
    assert (found["train rows"], found["validation rows"]) == (640, 300)
    assert "guessing the largest class" not in found


def test_optuna_knows_the_name_of_the_metric(opened: tuple[Database, StudyRecord]) -> None:
    assert optuna.load_study(study_name="s", storage=opened[0].optuna_storage).metric_names == ["loss"]

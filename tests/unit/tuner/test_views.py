from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from storage import Database, History, Slots, Studies, StudyRecord, Workers
from tuner.config import parse_config
from tuner.errors import NoBestTrial
from tuner.views import best_view, in_order, show_view, status_view, trial_view

NO_TRIALS = dict.fromkeys(("complete", "pruned", "failed", "running", "paused", "interrupted"), 0)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Database, StudyRecord]]:
    """A study of four trials, none of them begun."""
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}, "metric": "loss", "budget": {"trials": 4}}
    config = parse_config(document, source="s.yaml", folder=tmp_path)
    with Database(f"sqlite:///{tmp_path}/t.db", create=True) as database:
        yield (
            database,
            Studies(database).create(
                "s", direction="minimize", config=config.to_dict(), facts={}, trials=4, first={"rate": 0.5}
            ),
        )


def run_trial(
    database: Database, study: StudyRecord, state: TrialState | None, *values: float, owner: str = "me", **attrs: Any
) -> int:
    """Run the next trial as a supervisor does; without a state it stays running. Return its number."""
    slots = Slots(database, study.id)
    slot = slots.claim(owner)
    assert slot is not None
    loaded = optuna.load_study(study_name="s", storage=database.optuna_storage)
    trial = loaded.ask()
    slots.assign(slot.slot, owner, trial._trial_id, trial.number)
    trial.suggest_float("rate", 0.0, 1.0)
    for name, value in attrs.items():
        trial.set_user_attr(name, value)
    for step, value in enumerate(values, start=9):
        trial.report(value, step)
    if state is not None:
        loaded.tell(trial, min(values) if state == TrialState.COMPLETE else None, state=state)
        slots.finish(slot.slot, owner, 2.5)
    return trial.number


def test_a_fresh_study_has_a_budget_and_nothing_else(opened: tuple[Database, StudyRecord]) -> None:
    assert status_view(*opened) == {
        "study": "s",
        "state": "interrupted",
        "trials": {"total": 4, **NO_TRIALS},
        "best": None,
        "metric": "loss",
        "direction": "minimize",
        "budget": {"trials": 4, "time": None, "device_hours": None, "spent_s": 0.0, "spent_device_s": 0.0},
        "workers": [],
    }
    with pytest.raises(NoBestTrial, match="study 's' has no complete trial yet"):
        best_view(*opened)


def test_states_are_counted_and_the_study_runs_while_somebody_shows_a_sign_of_life(
    opened: tuple[Database, StudyRecord],
) -> None:
    database, study = opened
    run_trial(database, study, TrialState.COMPLETE, 0.4, 0.6)
    run_trial(database, study, TrialState.PRUNED, 0.9)
    run_trial(database, study, TrialState.FAIL)
    run_trial(database, study, None, 0.5)
    Workers(database, study.id).beat("me", {0: ("cpu", 3)})
    view = status_view(database, study)
    assert view["state"] == "running"
    assert view["trials"] == NO_TRIALS | {"total": 4, "complete": 1, "pruned": 1, "failed": 1, "running": 1}
    assert view["best"] == {"trial": 0, "value": 0.4}
    assert view["budget"]["spent_device_s"] == 7.5
    (worker,) = view["workers"]
    assert set(worker) == {"host", "pid", "device", "trial", "beat_age_s"}
    assert (worker["device"], worker["trial"]) == ("cpu", 3)
    assert 0 <= worker["beat_age_s"] < 10

    Workers(database, study.id).leave("me")
    view = status_view(database, study)
    assert view["state"] == "interrupted"
    assert view["trials"]["interrupted"] == 1
    assert view["trials"]["running"] == 0


def test_a_study_is_finished_once_every_slot_is(opened: tuple[Database, StudyRecord]) -> None:
    for _ in range(4):
        assert status_view(*opened)["state"] == "interrupted"
        run_trial(*opened, TrialState.PRUNED, 0.9)
    assert status_view(*opened)["state"] == "finished"
    with pytest.raises(NoBestTrial):
        best_view(*opened)


def test_a_trial_is_shown_with_its_curve_and_a_pruned_one_with_its_last_report(
    opened: tuple[Database, StudyRecord],
) -> None:
    database, study = opened
    run_trial(database, study, TrialState.PRUNED, 0.4, 0.6, reason="pruned: weak", effective={"layers": 2})
    record = History(database, study).trial(0)
    view = trial_view(record)
    assert view == {
        "number": 0,
        "state": "pruned",
        "value": 0.6,
        "reason": "pruned: weak",
        "hyperparameters": {"rate": 0.5},
        "steps": [{"step": 9, "value": 0.4}, {"step": 10, "value": 0.6}],
        "device_s": 2.5,
        "restarts": 0,
    }
    shown = show_view(study, record)
    assert view.items() <= shown.items()
    assert (shown["study"], shown["metric"], shown["effective"]) == ("s", "loss", {"layers": 2})
    assert shown["started"] <= shown["ended"]


def test_the_best_is_told_with_what_it_beats_the_published_recipe_by(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    run_trial(database, study, TrialState.COMPLETE, 0.4)
    assert best_view(database, study)["default"] == {"trial": 0, "value": 0.4}
    run_trial(database, study, TrialState.COMPLETE, 0.3, effective={"layers": 2})
    view = best_view(database, study)
    assert (view["trial"], view["value"], view["direction"]) == (1, 0.3, "minimize")
    assert view["effective"] == {"layers": 2}
    assert view["default"] == {"trial": 0, "value": 0.4}


def test_a_recipe_that_did_not_complete_is_no_default(opened: tuple[Database, StudyRecord]) -> None:
    run_trial(*opened, TrialState.FAIL)
    run_trial(*opened, TrialState.COMPLETE, 0.3)
    assert best_view(*opened)["default"] is None


def test_the_seven_come_first_and_in_their_order() -> None:
    shown = in_order({"warmup_ratio": 0, "frozen_layers": 1, "batch_size": 8, "learning_rate": 1, "odd": 2})
    assert list(shown) == ["learning_rate", "batch_size", "frozen_layers", "warmup_ratio", "odd"]

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from storage import (
    LEASE_S,
    CheckpointRef,
    Checkpoints,
    Database,
    Events,
    History,
    Lease,
    Slots,
    Studies,
    StudyRecord,
    Workers,
    fenced,
    tables,
)
from storage.clock import now_s
from tuner.errors import NoBestTrial
from tuner.reporting.views import (
    best_view,
    event_view,
    in_order,
    overview,
    recipe_of,
    show_view,
    status_view,
    trial_view,
)
from tuner.study.study_file import parse_config

NO_TRIALS = dict.fromkeys(("complete", "pruned", "failed", "running", "paused", "interrupted", "shelved"), 0)


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
    claimed = slots.claim(owner, LEASE_S)
    assert claimed is not None
    lease, _ = claimed
    loaded = optuna.load_study(study_name="s", storage=database.optuna_storage)
    with fenced(lease, asking=True):
        trial = loaded.ask()
    trial.suggest_float("rate", 0.0, 1.0)
    for name, value in attrs.items():
        trial.set_user_attr(name, value)
    for step, value in zip((90, 100), values, strict=False):
        with fenced(lease, kind="report", values={"step": step, "value": value}):
            trial.report(value, step)
    if state is not None:
        with fenced(lease, ending=True, values={"detail": state.name.lower()}):
            loaded.tell(trial, min(values) if state == TrialState.COMPLETE else None, state=state)
    return trial.number


def lease_of(study: StudyRecord, slot: int) -> Lease:
    """Return the lease of the first attempt at a slot's trial."""
    return Lease(study_id=study.id, slot=slot, owner="me", attempt=1)


def took(database: Database, seconds: float) -> None:
    """Have every trial have taken so many seconds of a device."""
    with database.write() as connection:
        connection.execute(tables.slots.update().values(device_s=seconds))


def expire(database: Database) -> None:
    """Have every lease have expired just now."""
    with database.write() as connection:
        connection.execute(tables.slots.update().values(expires=now_s() - 0.001))


def test_a_fresh_study_has_a_budget_and_nothing_else(opened: tuple[Database, StudyRecord]) -> None:
    assert status_view(*opened) == {
        "study": "s",
        "state": "interrupted",
        "reason": None,
        "search": None,
        "trials": {"total": 4, **NO_TRIALS},
        "best": None,
        "parent": None,
        "guess": None,
        "metric": "loss",
        "direction": "minimize",
        "budget": {
            "trials": 4,
            "runs": None,
            "time": None,
            "device_hours": None,
            "trial_time": None,
            "spent_s": 0.0,
            "spent_device_s": 0.0,
        },
        "workers": [],
        "recipe": {"trial": 0, "value": None, "family": None, "changes": []},
        "spent": {"runs": 0.0, "device_s": 0.0, "projected": False},
        "head": None,
        "probe": None,
        "overdrawn": None,
        "verdict": None,
        "test": {"rows": None, "state": "none"},
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
    Workers(database, study.id).beat("me", {0: ("cpu", 3)}, LEASE_S)
    took(database, 2.5)
    view = status_view(database, study)
    assert view["state"] == "running"
    assert view["trials"] == NO_TRIALS | {"total": 4, "complete": 1, "pruned": 1, "failed": 1, "running": 1}
    assert view["best"] == {"trial": 0, "value": 0.4}
    assert view["budget"]["spent_device_s"] == 10.0
    (worker,) = view["workers"]
    assert set(worker) == {"host", "pid", "device", "trial", "beat_age_s"}
    assert (worker["device"], worker["trial"]) == ("cpu", 3)
    assert 0 <= worker["beat_age_s"] < 10

    Slots(database, study.id).release(lease_of(study, 3), state="interrupted", reason="stopped by SIGTERM")
    Workers(database, study.id).leave("me")
    view = status_view(database, study)
    assert view["state"] == "interrupted"
    assert view["trials"]["interrupted"] == 1
    assert view["trials"]["running"] == 0


@pytest.mark.parametrize(("state", "shown"), [("open", "interrupted"), ("paused", "paused"), ("stopped", "stopped")])
def test_what_people_want_of_a_study_is_shown_until_every_slot_is_finished(
    opened: tuple[Database, StudyRecord], state: Any, shown: str
) -> None:
    database, study = opened
    run_trial(database, study, None, 0.5)
    Slots(database, study.id).release(lease_of(study, 0), state="paused", reason="paused")
    Studies(database).set_state(study.id, state)
    view = status_view(database, Studies(database).get("s"))
    assert view["state"] == shown
    assert view["trials"] | {"paused": 1, "running": 0, "interrupted": 0} == view["trials"]


def test_a_trial_whose_worker_fell_silent_is_interrupted_when_its_lease_has_expired(
    opened: tuple[Database, StudyRecord],
) -> None:
    database, study = opened
    run_trial(database, study, None, 0.5)
    assert status_view(database, study)["trials"]["running"] == 1
    expire(database)
    assert status_view(database, study)["trials"] == NO_TRIALS | {"total": 4, "interrupted": 1}


def test_events_are_shown_with_what_belongs_to_them(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    run_trial(database, study, None, 0.5)
    expire(database)
    claimed = Slots(database, study.id).claim("you", LEASE_S)
    assert claimed is not None
    lease, _ = claimed
    best = CheckpointRef(
        key="trial-00000/attempt-2/best-00000009", sha256="", bytes=1, optimiser_steps=9, value=0.5, step=90
    )
    assert Slots(database, study.id).commit(lease, Checkpoints(best=best), optimiser_steps=9, detail=best.key)
    events = Events(database, study.id).all()
    views = [event_view(event) for event in events]
    keys = ["id", "time", "kind", "trial", "attempt", "worker", "step", "value", "detail"]
    assert all(list(view) == keys for view in views)
    assert [[view[key] for key in keys[2:]] for view in views] == [
        ["claimed", 0, 1, "me", None, None, None],
        ["report", 0, 1, "me", 90, 0.5, None],
        ["stolen", 0, 2, "you", None, None, "from me"],
        ["checkpoint", 0, 2, "you", 9, None, best.key],
    ]
    assert [event.id for event in events] == sorted(event.id for event in events)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", view["time"]) for view in views)
    assert [event.kind for event in Events(database, study.id).all(trial=0)] == [view["kind"] for view in views]


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
    took(database, 2.5)
    record = History(database, study).trial(0)
    view = trial_view(record)
    assert view == {
        "number": 0,
        "state": "pruned",
        "value": 0.6,
        "reason": "pruned: weak",
        "hyperparameters": {"rate": 0.5},
        "steps": [{"step": 90, "value": 0.4}, {"step": 100, "value": 0.6}],
        "device_s": 2.5,
        "restarts": 0,
    }
    assert show_view(study, record)["checkpoints"] == {"resume": [], "best": None}
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
    run_trial(*opened, TrialState.FAIL, 0.3)
    run_trial(*opened, TrialState.COMPLETE, 0.3)
    assert best_view(*opened)["default"] is None
    assert best_view(*opened)["recipe"]["value"] is None


RECIPE: dict[str, Any] = {
    "learning_rate": 5e-5,
    "batch_size": 32,
    "num_train_epochs": 5,
    "dropout": 0.1,
    "weight_decay": 0.001,
    "lr_scheduler_type": "linear",
    "frozen_layers": 0.0,
}


def test_a_study_says_where_its_space_has_changed_the_recipe_and_what_trial_0_is_worth(
    opened: tuple[Database, StudyRecord],
) -> None:
    database, _ = opened
    space = {**RECIPE, "num_train_epochs": {"type": "int", "low": 1, "high": 3}}
    study = replace(opened[1], facts={"family": "minilm", "recipe": RECIPE, "space": space})
    changes = [{"name": "num_train_epochs", "published": 5, "used": 3}]
    waiting = {"trial": 0, "value": None, "family": "minilm", "changes": changes}
    assert status_view(database, study)["recipe"] == waiting
    run_trial(database, study, TrialState.COMPLETE, 0.4)
    run_trial(database, study, TrialState.COMPLETE, 0.3)
    assert status_view(database, study)["recipe"] == {**waiting, "value": 0.4}
    assert best_view(database, study)["recipe"] == {**waiting, "value": 0.4}
    said = "the published recipe, changed by your space: epochs 3 (published 5)"
    assert recipe_of(status_view(database, study)) == recipe_of(best_view(database, study)) == said


def test_the_cost_of_a_study_is_told_in_runs_of_trial_0(opened: tuple[Database, StudyRecord]) -> None:
    database, study = opened
    cpu = {"effective": {"device_name": "cpu"}, "device_name": "cpu"}
    whole = {"evaluation:100": {"step": 100, "optimiser_steps": 10}}
    run_trial(database, study, TrialState.COMPLETE, 0.4, **cpu, **whole)
    took(database, 4.0)
    assert status_view(database, study)["spent"] == {"runs": 1.0, "device_s": 4.0, "projected": False}
    run_trial(database, study, TrialState.PRUNED, 0.9, **cpu)
    took(database, 2.0)
    assert status_view(database, study)["spent"] == {"runs": 2.0, "device_s": 4.0, "projected": False}
    run_trial(database, study, None, 0.9)  # it has not recorded its device yet
    took(database, 2.0)
    assert status_view(database, study)["spent"] == {"runs": 3.0, "device_s": 6.0, "projected": True}
    run_trial(database, study, None, 0.9, effective={"device_name": "NVIDIA H200"}, device_name="NVIDIA H200")
    took(database, 2.0)
    assert status_view(database, study)["spent"] == {"runs": None, "device_s": 8.0, "projected": False}


def test_a_list_of_studies_reads_no_more_than_it_shows(opened: tuple[Database, StudyRecord]) -> None:
    run_trial(*opened, TrialState.COMPLETE, 0.4)
    view = status_view(*opened)
    more = ("recipe", "spent", "head", "probe", "verdict", "test")
    assert overview(*opened) == {key: value for key, value in view.items() if key not in more}


def test_the_seven_come_first_and_in_their_order() -> None:
    shown = in_order({"warmup_ratio": 0, "frozen_layers": 1, "batch_size": 8, "learning_rate": 1, "odd": 2})
    assert list(shown) == ["learning_rate", "batch_size", "frozen_layers", "warmup_ratio", "odd"]


def test_the_front_of_score_against_cost_leaves_out_what_is_dearer_and_no_better_and_twins(
    opened: tuple[Database, StudyRecord],
) -> None:
    database, study = opened
    for value, seconds in ((0.4, 9.0), (0.5, 3.0), (0.6, 5.0), (0.7, 1.0)):
        number = run_trial(database, study, TrialState.COMPLETE, value)
        with database.write() as connection:
            mine = tables.slots.c.trial_number == number
            connection.execute(tables.slots.update().where(mine).values(device_s=seconds))
    with database.write() as connection:  # trial 3 is a twin, which has cost nothing
        twin = {"id": 4, "key": "reason", "reason": '"twin: as trial 1"'}
        query = "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (:id, :key, :reason)"
        connection.execute(sa.text(query), twin)
    front = best_view(database, study)["front"]
    assert front == [
        {"trial": 0, "value": 0.4, "device_s": 9.0},
        {"trial": 1, "value": 0.5, "device_s": 3.0},
    ]

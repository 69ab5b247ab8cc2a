"""A study with trials that are put aside is counted and stopped, on each database."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from storing import LEASE_S, begin, create_study, optuna_study

from storage import (
    CheckpointStore,
    Database,
    Events,
    History,
    Plans,
    PromotionRecord,
    Shelves,
    Slots,
    SlotState,
    Studies,
    StudyRecord,
    fenced,
)
from tuner.reporting.views import overview
from tuner.service import stop as stop_module
from tuner.service.stop import Stopped, stop

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(str(tmp_path / "store"), "one", scratch=tmp_path / "scratch")


@pytest.fixture
def shelved(database: Database, record: StudyRecord, slots: Slots, study: optuna.Study) -> Shelves:
    """Of three trials, one that is complete and two that are put aside."""
    shelves = Shelves(database, record.id)
    for number in range(3):
        lease, trial = begin(slots, study)
        assert shelves.begin(lease, first_rung=4, target=4) == 4
        with fenced(lease):
            trial.report(number / 4, 4)
        if number == 0:
            with fenced(lease, ending=True):
                study.tell(trial, 0.9)
        else:
            assert shelves.shelve(lease, 4, reason=f"{number / 4} at 4 %") is SlotState.SHELVED
    return shelves


def promote(database: Database, study: int, slot: int) -> None:
    plans = Plans(database, study)
    lease = plans.take("planner", LEASE_S)
    assert lease is not None
    record = PromotionRecord(slot=slot, trial_number=slot, rung=4, target=8, reason="goes on to 8 %")
    assert plans.commit(lease, promotions=[record]) == 1


@pytest.mark.usefixtures("shelved")
def test_shelved_trials_are_counted_apart_and_leave_a_study_unfinished_unless_it_keeps_them(
    database: Database, record: StudyRecord
) -> None:
    found = overview(database, record)
    assert found["state"] == "interrupted"
    counted = {state: count for state, count in found["trials"].items() if count}
    assert counted == {"total": 3, "complete": 1, "shelved": 2}
    config = {**record.config, "keep_shelved": True}
    assert Studies(database).update(record, config, record.facts)
    assert overview(database, Studies(database).get("one"))["state"] == "finished"


def test_a_stopped_study_has_no_shelved_trial_left_nor_its_checkpoints(
    database: Database, record: StudyRecord, slots: Slots, shelved: Shelves, store: CheckpointStore
) -> None:
    folder = store.stage(1, 1)
    (folder / "file").write_text("state", encoding="utf-8")
    store.publish(folder, trial=1, attempt=1, kind="step", optimiser_steps=4, facts={})
    assert store.trials() == [1]
    assert stop(database, record, store, wait_s=0.0) == Stopped(ended=2, waiting=())
    assert [slot.state for slot in slots.all()] == ["finished"] * 3
    trials = History(database, record).trials()
    assert [(trial.state, trial.reason) for trial in trials[1:]] == [("failed", "the study was stopped")] * 2
    assert store.trials() == []
    assert shelved.claim("late", LEASE_S, slots.all()[1]) is None
    ends = [event for event in Events(database, record.id).all() if event.kind == "end"]
    assert [event.trial for event in ends] == [0, 1, 2]
    assert overview(database, Studies(database).get("one"))["state"] == "stopped"
    assert stop(database, record, store, wait_s=0.0) == Stopped(ended=0, waiting=())


@pytest.mark.usefixtures("shelved")
def test_a_trial_that_is_promoted_while_its_study_is_stopped_is_ended_too(
    database: Database,
    record: StudyRecord,
    slots: Slots,
    store: CheckpointStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look = Slots.shelved

    def promoted_after(reader: Slots) -> list[object]:
        found: list[object] = list(look(reader))
        if len(found) == 2:
            promote(database, record.id, 1)
        return found

    monkeypatch.setattr(stop_module, "_POLL_S", 0.0)
    monkeypatch.setattr(Slots, "shelved", promoted_after)
    assert stop(database, record, store, wait_s=60.0) == Stopped(ended=2, waiting=())
    assert [slot.state for slot in slots.all()] == ["finished"] * 3


def test_a_worker_that_holds_a_trial_is_waited_for_and_named_beside_shelved_ones(
    database: Database, store: CheckpointStore
) -> None:
    record = create_study(database, "one", trials=2)
    slots, study, shelves = Slots(database, record.id), optuna_study(database), Shelves(database, record.id)
    lease, _ = begin(slots, study, "away")
    other, _ = begin(slots, study, "away")
    assert shelves.begin(other, first_rung=4, target=4) == 4
    assert shelves.shelve(other, 4, reason="0.5 at 4 %") is SlotState.SHELVED
    assert stop(database, record, store, wait_s=0.0) == Stopped(ended=1, waiting=("away",))
    assert [slot.state for slot in slots.all()] == ["running", "finished"]
    assert slots.renew({lease}, LEASE_S) == {lease}

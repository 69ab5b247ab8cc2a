from __future__ import annotations

import math
from collections.abc import Iterator

import optuna
import pytest
from storing import begin, claim, content, create_study, expire, optuna_study

from storage import Database, History, Slots, StudyRecord, fenced
from storage.repairs import Finding, examine

TrialState = optuna.trial.TrialState


@pytest.fixture
def dashboard(url: str) -> Iterator[optuna.storages.RDBStorage]:
    """Optuna's own storage, as the dashboard opens it: with nothing of ours."""
    storage = optuna.storages.RDBStorage(url)
    yield storage
    storage.remove_session()
    storage.engine.dispose()


def looks(database: Database) -> list[Finding]:
    """Look without mending, which must change nothing."""
    before, ours = content(database), content(database, ours=True)
    findings = examine(database, ["one"], repair=False)
    assert content(database) == before
    assert content(database, ours=True) == ours
    return findings


def mends(database: Database) -> list[Finding]:
    """Mend what a look finds, after which nothing is found."""
    found = looks(database)
    assert examine(database, ["one"], repair=True) == found
    assert looks(database) == []
    return found


def test_nothing_is_wrong_with_a_study_in_any_state(database: Database, slots: Slots, study: optuna.Study) -> None:
    assert looks(database) == []
    lease, trial = begin(slots, study)
    trial.report(math.nan, 1)
    trial.report(math.inf, 2)
    with fenced(lease, ending=True):
        study.tell(trial, -math.inf)
    lease, _ = begin(slots, study)
    assert slots.release(lease, state="interrupted", reason="preempted")
    begin(slots, study)
    study.enqueue_trial({"x": 0.1})
    before, ours = content(database), content(database, ours=True)
    assert mends(database) == []
    assert content(database) == before
    assert content(database, ours=True) == ours


def test_a_database_that_optuna_has_not_seen_is_sound(storage_url: str) -> None:
    with Database(storage_url, create=True) as database:
        assert examine(database, [], repair=True) == []


# ---- trials in no slot ----


def test_a_trial_that_runs_in_no_slot_is_put_into_an_empty_one_where_it_goes_on(
    database: Database, record: StudyRecord, slots: Slots, study: optuna.Study
) -> None:
    begin(slots, study, "me")
    theirs = study.ask()
    theirs.report(0.25, 1)
    assert mends(database) == [
        Finding(
            study="one",
            trial=1,
            problem="it is running but in no slot, so no worker would ever go on with it",
            remedy="put into an empty slot, where a worker goes on with it",
        )
    ]
    slot = slots.all()[1]
    assert (slot.state, slot.trial_id, slot.trial_number, slot.owner) == ("interrupted", theirs._trial_id, 1, None)
    assert History(database, record).trial(1).reason == "found in no slot by tuner doctor"
    lease, again = begin(slots, study, "you")
    assert (again.number, again.storage.get_trial(again._trial_id).intermediate_values) == (1, {1: 0.25})
    with fenced(lease, ending=True):
        study.tell(again, 0.5)
    assert slots.all()[1].state == "finished"


def test_a_trial_for_which_the_budget_has_no_room_counts_as_failed(
    database: Database, record: StudyRecord, slots: Slots, study: optuna.Study
) -> None:
    begin(slots, study)
    begin(slots, study)
    for _ in range(2):
        study.ask()
    assert [(finding.trial, finding.remedy) for finding in mends(database)] == [
        (2, "put into an empty slot, where a worker goes on with it"),
        (3, "the budget has no room for it: the trial counts as failed"),
    ]
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "RUNNING", "RUNNING", "FAIL"]
    failed = History(database, record).trial(3)
    assert (failed.state, failed.reason) == ("failed", "it was running in no slot of the budget; ended by tuner doctor")
    assert failed.ended is not None
    begun, ended = study.trials[3].datetime_start, study.trials[3].datetime_complete
    assert begun is not None
    assert ended is not None
    assert abs((ended - begun).total_seconds()) < 60  # both are of Optuna's zone


def test_a_slot_that_is_held_or_was_stolen_takes_no_other_trial(
    database: Database, slots: Slots, study: optuna.Study
) -> None:
    for _ in range(3):
        claim(slots)
    expire(database, slot=1)
    study.ask()
    assert [finding.remedy for finding in mends(database)] == [
        "the budget has no room for it: the trial counts as failed"
    ]
    assert [slot.trial_id for slot in slots.all()] == [None] * 3


def test_the_trials_of_other_studies_are_left_alone(database: Database, study: optuna.Study) -> None:
    create_study(database, "two")
    optuna_study(database, "two").ask()
    study.ask()
    before = content(database)["trials"]
    assert [(finding.study, finding.trial) for finding in mends(database)] == [("one", 0)]
    assert content(database)["trials"] == before
    both = examine(database, ["one", "two"], repair=True)
    assert [(finding.study, finding.trial) for finding in both] == [("two", 0)]


# ---- values that are no numbers ----


def told_nan(dashboard: optuna.storages.RDBStorage, trial: optuna.Trial) -> None:
    """Tell a trial what the dashboard's own form takes for a number."""
    if dashboard.engine.name != "mysql":
        dashboard.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [math.nan])
        return
    with pytest.raises(optuna.exceptions.StorageInternalError):  # there it cannot be; but it may come from elsewhere
        dashboard.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [math.nan])
    dashboard.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [0.5])
    with dashboard.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE trial_values SET value = NULL")


def test_a_value_that_is_no_number_makes_its_trial_a_failed_one(
    database: Database,
    record: StudyRecord,
    slots: Slots,
    study: optuna.Study,
    dashboard: optuna.storages.RDBStorage,
) -> None:
    lease, first = begin(slots, study)
    told_nan(dashboard, first)
    assert mends(database) == [
        Finding(
            study="one",
            trial=0,
            problem="its value is not a number; Optuna cannot read it, so no new trial can be asked for",
            remedy="the trial counts as failed",
        )
    ]
    trial = History(database, record).trial(0)
    assert (trial.state, trial.value, trial.reason) == (
        "failed",
        None,
        "its value was not a number; repaired by tuner doctor",
    )
    assert study.trials[0].state == TrialState.FAIL
    assert slots.finish(lease)
    assert begin(slots, study)[1].number == 1


def test_no_trial_can_be_asked_for_beside_a_value_that_sqlite_keeps_as_nothing_until_it_is_mended(
    database: Database, slots: Slots, study: optuna.Study, dashboard: optuna.storages.RDBStorage
) -> None:
    told_nan(dashboard, begin(slots, study)[1])
    with database.write() as connection:  # as SQLite keeps it; other databases may have it from there
        connection.exec_driver_sql("UPDATE trial_values SET value = NULL")
    with pytest.raises(AssertionError):
        study.ask()
    mends(database)
    assert begin(slots, study)[1].number == 1


def test_a_report_without_a_value_counts_as_not_a_number(
    database: Database, record: StudyRecord, slots: Slots, study: optuna.Study
) -> None:
    _, trial = begin(slots, study)
    for step in (1, 2, 3):
        trial.report(step / 10, step)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE trial_intermediate_values SET intermediate_value = NULL WHERE step > 1")
    with pytest.raises(AssertionError):
        study.get_trials()
    assert [(finding.trial, finding.problem, finding.remedy) for finding in mends(database)] == [
        (
            0,
            f"its report of step {step} has no value, which Optuna cannot read",
            "the report counts as not a number",
        )
        for step in (2, 3)
    ]
    values = study.get_trials()[0].intermediate_values
    assert values[1] == 0.1
    assert math.isnan(values[2])
    assert math.isnan(values[3])
    assert History(database, record).trial(0).state == "running"


def test_a_repair_that_fails_leaves_all_as_it_was(database: Database, study: optuna.Study) -> None:
    study.ask()
    before, ours = content(database), content(database, ours=True)
    with pytest.raises(LookupError, match="no study 'nosuch'"):
        examine(database, ["one", "nosuch"], repair=True)
    assert content(database) == before
    assert content(database, ours=True) == ours

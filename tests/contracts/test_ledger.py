"""What a supervisor writes about trials, when the database goes away in between and other programs meddle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from ledgers import make_ledger
from storing import LEASE_S, content, count, create_study, expire, unseen_commit

from search_spaces import Categorical, Float, Int, SearchSpace
from storage import EVALUATION_ATTR, Database, Events, History, Lease, LeaseLost, Slots, StudyRecord, TrialOver
from tuner.search.kept_rows import BEST_ROWS_ATTR, LAST_ROWS_ATTR
from tuner.search.optuna_trials import OpenTrial
from tuner.study.study_file import parse_config
from tuner.supervisor.ledger import Ledger
from tuner.supervisor.retrying import OutageRetrying
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult

TrialState = optuna.trial.TrialState
SPACE = SearchSpace(
    parameters={
        "learning_rate": Float(low=1e-5, high=1e-3, log=True),
        "batch_size": Categorical(choices=(8, 16, 32)),
        "num_train_epochs": Int(low=1, high=6),
        "dropout": Float(low=0, high=0.3),
        "weight_decay": Categorical(choices=(0.0, 0.01)),
        "lr_scheduler_type": Categorical(choices=("constant", "linear", "cosine")),
        "frozen_layers": Categorical(choices=(0.0, 0.5, "gradual")),
    },
    conditions={},
)
COMPLETE = TrialResult(state="complete", value=0.7, final_value=0.7, best_step=10)


@pytest.fixture
def record(database: Database) -> StudyRecord:
    return create_study(database, trials=2, first={"learning_rate": 1e-4})


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def ledger(database: Database, record: StudyRecord, notices: list[str]) -> Ledger:
    return ledger_of(database, record, "me", notices)


def ledger_of(database: Database, record: StudyRecord, owner: str, notices: list[str]) -> Ledger:
    document = {"name": record.name, "train": "toy:train", "metric": {"name": "score", "direction": "maximize"}}
    config = parse_config(document, source="s.yaml", folder=Path("/nowhere"))
    retrying = OutageRetrying(notices.append)
    return make_ledger(database, record, config, SPACE, owner=owner, lease_s=LEASE_S, retrying=retrying)


def open_trial(ledger: Ledger) -> tuple[Lease, OpenTrial]:
    claimed = ledger.claim(())
    assert claimed is not None
    lease, _ = claimed
    trial = ledger.begin(lease)
    assert trial is not None
    return lease, trial


def evaluation(step: int, value: float) -> Evaluation:
    return Evaluation(
        step=step,
        value=value,
        epoch=step / 100,
        optimiser_steps=step,
        train_loss=1.0,
        validation_loss=1.0,
        learning_rate=1e-4,
    )


def ends(database: Database, record: StudyRecord) -> list[str | None]:
    return [event.detail for event in Events(database, record.id).all() if event.kind == "end"]


def test_a_trial_that_was_asked_for_when_the_database_went_away_is_the_one_that_is_begun(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study, notices: list[str]
) -> None:
    first, _ = open_trial(ledger)  # the enqueued one
    claimed = ledger.claim(())
    assert claimed is not None
    with unseen_commit(database, "UPDATE tuner_slots"):
        trial = ledger.begin(claimed[0])
    assert trial is not None
    assert [each.state for each in study.trials] == [TrialState.RUNNING] * 2
    assert [slot.trial_number for slot in Slots(database, record.id).all()] == [0, 1]
    assert (first.slot, trial.trial.number, trial.complaint) == (0, 1, None)


def test_a_slot_that_was_taken_when_the_database_went_away_is_the_one_that_is_had(
    database: Database, record: StudyRecord, ledger: Ledger
) -> None:
    first, _ = open_trial(ledger)
    with unseen_commit(database, "INSERT INTO tuner_events", engine=database.engine):
        claimed = ledger.claim((first,))
    assert claimed is not None
    lease, slot = claimed
    assert (lease, slot.attempt) == (Lease(study_id=record.id, slot=1, owner="me", attempt=1), 1)
    assert ledger.claim((first, lease)) is None
    assert ledger.begin(lease) is not None
    assert [slot.attempt for slot in Slots(database, record.id).all()] == [1, 1]


@pytest.mark.parametrize("written", [True, False])
def test_an_end_is_written_once_if_the_database_goes_away_at_its_commit(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study, written: bool
) -> None:
    lease, trial = open_trial(ledger)
    with unseen_commit(database, "UPDATE trials", written=written):
        ledger.tell(lease, trial, COMPLETE, {})
    assert (study.trials[0].state, study.trials[0].value) == (TrialState.COMPLETE, 0.7)
    assert study.trials[0].user_attrs == {"best_step": 10, "final_value": 0.7}
    assert Slots(database, record.id).all()[0].state == "finished"
    assert ends(database, record) == ["complete"]


def test_a_report_that_was_written_when_the_database_went_away_stands_once_in_the_curve(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study, notices: list[str]
) -> None:
    lease, trial = open_trial(ledger)
    with unseen_commit(database, "INSERT INTO trial_intermediate_values"):
        ledger.report(lease, trial, evaluation(10, 0.5))
    ledger.report(lease, trial, evaluation(20, 0.6))
    assert History(database, record).trial(0).steps == ((10, 0.5), (20, 0.6))
    assert len(History(database, record).trial(0).evaluations) == 2
    kept = {key for key in study.trials[0].user_attrs if key.startswith(EVALUATION_ATTR)}
    assert kept == {"evaluation:010", "evaluation:020"}
    assert notices == [
        "the database does not answer, training goes on: database is locked",
        "the database answers again",
    ]


def test_a_trial_that_another_program_asked_for_is_adopted_before_a_new_one(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study
) -> None:
    theirs = study.ask()
    lease, trial = open_trial(ledger)
    assert trial.trial.number == theirs.number == 0
    assert Slots(database, record.id).find(lease).trial_id == theirs._trial_id  # type: ignore[union-attr]
    _, second = open_trial(ledger)
    assert second.trial.number == 1
    assert len(study.trials) == 2


def test_two_supervisors_adopt_two_trials(
    database: Database, other: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study
) -> None:
    for _ in range(2):
        study.ask()
    _, mine = open_trial(ledger)
    _, yours = open_trial(ledger_of(other, record, "you", []))
    assert (mine.trial.number, yours.trial.number) == (0, 1)
    assert len(study.trials) == 2


def test_a_trial_that_another_program_has_ended_ends_its_slot_and_keeps_what_it_was_told(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study
) -> None:
    lease, trial = open_trial(ledger)
    study.tell(0, 0.9)  # from the dashboard
    ledger.tell(lease, trial, COMPLETE, {})
    assert study.trials[0].value == 0.9
    assert Slots(database, record.id).all()[0].state == "finished"
    assert ends(database, record) == ["ended by another program"]


@pytest.mark.parametrize("write", ["record", "report"])
def test_a_trial_that_another_program_has_ended_while_it_is_trained_is_over_and_so_is_its_slot(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study, write: str
) -> None:
    lease, trial = open_trial(ledger)
    study.tell(0, state=TrialState.FAIL)
    writes = {
        "record": lambda: ledger.record(lease, trial, {"device": "cpu"}),
        "report": lambda: ledger.report(lease, trial, evaluation(10, 0.5)),
    }
    with pytest.raises(TrialOver, match="slot 0: another program has ended its trial"):
        writes[write]()
    assert study.trials[0].state == TrialState.FAIL
    assert Slots(database, record.id).all()[0].state == "finished"
    assert ends(database, record) == ["ended by another program"]


def test_a_trial_that_another_program_has_ended_between_two_attempts_is_not_begun(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study
) -> None:
    lease, _ = open_trial(ledger)
    ledger.release(lease, state="interrupted", reason="preempted")
    study.tell(0, 0.9)
    claimed = ledger.claim(())
    assert claimed is not None
    assert claimed[1].trial_number == 0
    assert ledger.begin(claimed[0]) is None
    ledger.finish(claimed[0])
    assert Slots(database, record.id).all()[0].state == "finished"


def test_who_goes_on_finds_what_was_drawn_recorded_and_reported(
    database: Database, other: Database, record: StudyRecord, ledger: Ledger
) -> None:
    lease, trial = open_trial(ledger)
    ledger.record(lease, trial, {"device": "cpu"})
    ledger.report(lease, trial, evaluation(10, 0.5))
    expire(database)
    _, again = open_trial(ledger_of(other, record, "you", []))
    assert again.hyperparameters == trial.hyperparameters
    assert again.hyperparameters is not None
    assert again.hyperparameters.learning_rate == 1e-4  # the first trial's recipe
    assert (again.reported, again.effective) == ({10: 0.5}, {"device": "cpu"})
    assert again.curve[10]["value"] == 0.5


def test_who_was_robbed_of_a_trial_that_has_ended_since_is_told_so(
    database: Database, other: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study
) -> None:
    lease, trial = open_trial(ledger)
    expire(database)
    thief = ledger_of(other, record, "you", [])
    thief.tell(*open_trial(thief), TrialResult(state="complete", value=0.9, final_value=0.9, best_step=10), {})
    ledger._trials._study.get_trials()  # as the sampler does; from then on Optuna asks nobody about that trial
    with pytest.raises(LeaseLost):
        ledger.tell(lease, trial, COMPLETE, {})
    assert study.trials[0].value == 0.9
    assert len(ends(database, record)) == 1


def test_who_was_robbed_is_told_so_whatever_it_writes(
    database: Database, other: Database, record: StudyRecord, ledger: Ledger
) -> None:
    lease, trial = open_trial(ledger)
    expire(database)
    open_trial(ledger_of(other, record, "you", []))
    before, ours = content(database), content(database, ours=True)
    for write in (
        lambda: ledger.begin(lease),
        lambda: ledger.record(lease, trial, {}),
        lambda: ledger.report(lease, trial, evaluation(10, 0.5)),
        lambda: ledger.tell(lease, trial, COMPLETE, {}),
    ):
        with pytest.raises(LeaseLost):
            write()
    ledger.release(lease, state="interrupted", reason="late")
    ledger.finish(lease)
    assert content(database) == before
    assert content(database, ours=True) == ours
    assert count(database, "tuner_events") == 2


def test_the_device_of_the_last_attempt_is_recorded_by_itself_too(
    database: Database, record: StudyRecord, ledger: Ledger
) -> None:
    history = History(database, record)
    lease, trial = open_trial(ledger)
    assert {*history.device_seconds()} == {None}
    ledger.record(lease, trial, {"device": "cuda", "device_name": "NVIDIA H200"})
    assert {*history.device_seconds()} == {"NVIDIA H200"}
    ledger.record(lease, trial, {"device": "cpu"})
    assert {*history.device_seconds()} == {"cpu"}


def test_the_note_of_trial_0_alone_says_that_it_is_the_recipe(
    record: StudyRecord, ledger: Ledger, study: optuna.Study
) -> None:
    for _ in range(2):
        lease, trial = open_trial(ledger)
        ledger.tell(lease, trial, COMPLETE, {})
    attributes = study._storage.get_study_system_attrs(study._study_id)
    notes = [attributes[f"dashboard:{each._trial_id}:note_str:0"] for each in study.trials]
    assert [("This is the published recipe." in note) for note in notes] == [True, False]


#: What Python makes of a byte that is no text, and what PostgreSQL refuses; how both are stored.
UNSTORABLE = "cannot read caf\udce9\0.csv at postgresql://me:word@host/db"
STORED = "cannot read caf\\udce9\\0.csv at postgresql://me:***@host/db"


def test_why_a_trial_failed_is_stored_whatever_stands_in_it(
    database: Database, record: StudyRecord, ledger: Ledger, study: optuna.Study
) -> None:
    lease, trial = open_trial(ledger)
    ledger.record(lease, trial, {"corpus": UNSTORABLE, "parts": [{UNSTORABLE: 1}]})
    trial = replace(trial, effective={"corpus": UNSTORABLE})
    ledger.report(lease, trial, evaluation(10, 0.5))
    ledger.tell(lease, trial, TrialResult(state="failed", reason=UNSTORABLE), {10: evaluation(10, 0.5).to_dict()})
    told = History(database, record).trial(0)
    assert (told.state, told.reason) == ("failed", STORED)
    assert told.effective == {"corpus": STORED, "parts": [{STORED: 1}]}
    assert ends(database, record) == [f"failed: {STORED}"]
    attributes = study._storage.get_study_system_attrs(study._study_id)
    note = attributes[f"dashboard:{study.trials[0]._trial_id}:note_str:0"]
    assert note.count(STORED) == 2


def test_why_a_trial_is_given_back_and_what_is_warned_of_are_stored_whatever_stands_in_them(
    database: Database, record: StudyRecord, ledger: Ledger
) -> None:
    lease, _ = open_trial(ledger)
    ledger.warn(lease, UNSTORABLE)
    ledger.release(lease, state="interrupted", reason=UNSTORABLE)
    assert Slots(database, record.id).all()[0].reason == STORED
    details = {event.kind: event.detail for event in Events(database, record.id).all()}
    assert (details["warning"], details["released"]) == (STORED, STORED)


def test_the_rows_of_the_last_and_of_the_best_evaluation_are_kept_where_no_dashboard_shows_them(
    database: Database, ledger: Ledger
) -> None:
    lease, trial = open_trial(ledger)
    for step, value, rows in ((10, 0.5, "AA=="), (20, 0.7, "8A=="), (30, 0.6, "/w==")):
        ledger.report(lease, trial, replace(evaluation(step, value), rows=rows))
    stored = database.optuna_storage.get_trial(trial.trial._trial_id)
    assert stored.system_attrs[LAST_ROWS_ATTR] == {"step": 30, "rows": "/w=="}
    assert stored.system_attrs[BEST_ROWS_ATTR] == {"step": 20, "rows": "8A=="}
    assert not {LAST_ROWS_ATTR, BEST_ROWS_ATTR} & stored.user_attrs.keys()

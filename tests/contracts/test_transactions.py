"""What `storage.transactions` and `storage.attributes` rely on in Optuna and SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import pytest
import sqlalchemy as sa
from optuna.exceptions import UpdateFinishedTrialError
from storing import begin, claim, content, expire

from storage import (
    Database,
    Events,
    Lease,
    LeaseLost,
    Slots,
    StudyRecord,
    describe_outage,
    fenced,
    has_study_attribute,
    joined,
    set_study_attributes,
    set_trial_attributes,
)

TrialState = optuna.trial.TrialState


@pytest.fixture
def mine(study: optuna.Study, slots: Slots) -> tuple[Lease, optuna.Trial]:
    return begin(slots, study)


@contextmanager
def commits(database: Database) -> Iterator[list[int]]:
    """Count the transactions of Optuna's engine that are committed."""
    counted: list[int] = []
    count = lambda _: counted.append(1)  # noqa: E731 (to be removed again)
    sa.event.listen(database.optuna_storage.engine, "commit", count)
    yield counted
    sa.event.remove(database.optuna_storage.engine, "commit", count)


def test_several_calls_are_one_transaction_with_one_look_at_the_lease(
    database: Database, record: StudyRecord, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    with (
        commits(database) as counted,
        fenced(lease, kind="report", values={"step": 1, "value": 0.5}),
        joined(database.optuna_storage),
    ):
        trial.suggest_float("x", 0, 1)
        trial.report(0.5, 1)
        set_trial_attributes(database.optuna_storage, trial._trial_id, {"one": {"a": 1}})
        trial.set_user_attr("two", 2)
        assert len(study.get_trials()) == 1, "what is read within is what was written"
    assert counted == [1]
    stored = study.trials[0]
    assert (stored.params.keys(), stored.intermediate_values) == ({"x"}, {1: 0.5})
    assert stored.user_attrs == {"one": {"a": 1}, "two": 2}
    assert [event.kind for event in Events(database, record.id).all()] == ["claimed", "report"]


def test_all_of_it_is_written_or_nothing(
    database: Database, slots: Slots, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    before = content(database)

    def write(value: object) -> None:
        trial.set_user_attr("one", 1)
        trial.set_user_attr("two", value)

    with pytest.raises(TypeError, match="JSON"), fenced(lease), joined(database.optuna_storage):
        write(object())
    assert content(database) == before
    expire(database)
    claim(slots, "you")
    with pytest.raises(LeaseLost), fenced(lease), joined(database.optuna_storage):
        write(2)
    assert content(database) == before
    study.add_trial(optuna.trial.create_trial(value=1.0))  # with the same session, for which nothing is joined now
    assert len(study.trials) == 2


def test_an_end_with_what_belongs_to_it_is_one_transaction(
    database: Database, record: StudyRecord, slots: Slots, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    with (
        commits(database) as counted,
        fenced(lease, ending=True, values={"value": 0.5, "detail": "complete"}) as fence,
        joined(database.optuna_storage),
    ):
        trial.set_user_attr("reason", "none")
        assert not fence.ends
        study.tell(trial, 0.5)
        assert fence.ends
        set_study_attributes(database.optuna_storage, study._study_id, {"note": "it ended"})
    assert counted == [1]
    assert fence.ends
    assert (study.trials[0].state, study.trials[0].user_attrs) == (TrialState.COMPLETE, {"reason": "none"})
    assert slots.all()[0].state == "finished"
    assert [event.kind for event in Events(database, record.id).all()] == ["claimed", "end"]


def test_an_error_of_optunas_that_is_caught_within_leaves_what_else_was_written(
    database: Database, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    over = study.ask()
    study.tell(over, 0.5)
    with fenced(lease), joined(database.optuna_storage):
        trial.set_user_attr("one", 1)
        with pytest.raises(UpdateFinishedTrialError):
            over.set_user_attr("late", 1)
        trial.set_user_attr("two", 2)
    assert study.trials[0].user_attrs == {"one": 1, "two": 2}


def test_a_row_that_another_program_has_written_meanwhile_is_an_outage_after_which_it_is_found(
    database: Database, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    storage = database.optuna_storage
    params = sa.table("trial_params", *map(sa.column, ("trial_id", "param_name", "param_value", "distribution_json")))
    row = {"trial_id": trial._trial_id, "param_name": "y", "param_value": 0.5, "distribution_json": "{}"}

    def insert() -> None:
        trial.set_user_attr("one", 1)
        storage.scoped_session().connection().execute(params.insert(), [row, row])

    def draw_twice() -> None:  # Optuna expects an error of this, and lets it pass
        trial.set_user_attr("one", 1)
        for _ in range(2):
            storage._set_trial_param(trial._trial_id, "y", 0.5, optuna.distributions.FloatDistribution(0, 1), None)

    for write in (insert, draw_twice):
        with pytest.raises(sa.exc.PendingRollbackError) as caught, fenced(lease), joined(storage):
            write()
        assert describe_outage(caught.value) == "another program has just written the same"
        assert (study.trials[0].user_attrs, study.trials[0].params) == ({}, {})


def test_attributes_are_those_that_optuna_writes_and_replace_them(
    database: Database, study: optuna.Study, mine: tuple[Lease, optuna.Trial]
) -> None:
    lease, trial = mine
    storage, study_id = database.optuna_storage, study._study_id
    trial.set_user_attr("one", 1)
    storage.set_study_system_attr(study_id, "first", 1)
    with fenced(lease), joined(storage):
        set_trial_attributes(storage, trial._trial_id, {"one": [1, {"a": None}], "two": "zwei — “2”"})
        assert has_study_attribute(storage, study_id, "first")
        assert not has_study_attribute(storage, study_id, "second")
        set_study_attributes(storage, study_id, {"first": "one", "second": 2})
    assert study.trials[0].user_attrs == {"one": [1, {"a": None}], "two": "zwei — “2”"}
    found = storage.get_study_system_attrs(study_id)
    assert {name: found[name] for name in ("first", "second")} == {"first": "one", "second": 2}
    trial.set_user_attr("two", 2)
    storage.set_study_system_attr(study_id, "second", 3)
    assert study.trials[0].user_attrs["two"] == 2
    assert storage.get_study_system_attrs(study_id)["second"] == 3

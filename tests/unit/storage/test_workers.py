from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from storage import GONE_S, WorkerRecord, Workers, new_owner
from storage.workers import BEAT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage import Database, StudyRecord


@pytest.fixture
def study(make_study: Callable[..., StudyRecord]) -> StudyRecord:
    return make_study()


@pytest.fixture
def workers(database: Database, study: StudyRecord) -> Workers:
    return Workers(database, study.id)


def pass_time(database: Database, owner: str, seconds: float) -> None:
    """Make the last sign of life of a supervisor older, on the database's clock."""
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE tuner_workers SET beat = beat - {seconds / 86400} WHERE owner = '{owner}'")


def owners(workers: Workers) -> set[str]:
    return {worker.owner for worker in workers.alive()}


def count(database: Database) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM tuner_workers").scalar() or 0)


def test_a_supervisor_that_beats_is_seen_with_its_lanes(workers: Workers) -> None:
    assert workers.alive() == []
    workers.beat("me", {1: ("cuda:1", None), 0: ("cuda:0", 3)})
    first, second = workers.alive()
    assert first == WorkerRecord(
        owner="me",
        lane=0,
        host=socket.gethostname(),
        pid=os.getpid(),
        device="cuda:0",
        trial=3,
        beat_age_s=first.beat_age_s,
    )
    assert (second.lane, second.device, second.trial) == (1, "cuda:1", None)
    assert 0 <= first.beat_age_s < GONE_S


def test_a_beat_replaces_the_one_before(workers: Workers, database: Database) -> None:
    workers.beat("me", {0: ("cpu", 1), 1: ("cpu", 2)})
    pass_time(database, "me", 5)
    workers.beat("me", {0: ("cpu", 7)})
    (worker,) = workers.alive()
    assert worker.trial == 7
    assert worker.beat_age_s < 5


def test_the_age_is_that_of_the_databases_clock(workers: Workers, database: Database) -> None:
    workers.beat("me", {0: ("cpu", None)})
    pass_time(database, "me", 5)
    (worker,) = workers.alive()
    assert 5 <= worker.beat_age_s < GONE_S


def test_a_clock_that_runs_ahead_gives_no_negative_age(workers: Workers, database: Database) -> None:
    workers.beat("me", {0: ("cpu", None)})
    pass_time(database, "me", -60)
    assert [worker.beat_age_s for worker in workers.alive()] == [0.0]


def test_who_shows_no_sign_of_life_is_gone_and_then_forgotten(workers: Workers, database: Database) -> None:
    workers.beat("dead", {0: ("cpu", None), 1: ("cpu", None)})
    workers.beat("me", {0: ("cpu", None)})
    pass_time(database, "dead", GONE_S + 1)
    assert owners(workers) == {"me"}
    assert count(database) == 3
    workers.forget_gone()
    assert count(database) == 1
    assert owners(workers) == {"me"}


def test_there_is_time_for_some_missed_beats() -> None:
    assert GONE_S >= 5 * BEAT_S


def test_who_leaves_is_forgotten_at_once_and_nobody_else(workers: Workers) -> None:
    workers.beat("me", {0: ("cpu", None), 1: ("cpu", None)})
    workers.beat("you", {0: ("cpu", None)})
    workers.leave("me")
    assert owners(workers) == {"you"}


def test_the_workers_of_two_studies_do_not_know_each_other(
    make_study: Callable[..., StudyRecord], workers: Workers, database: Database
) -> None:
    other = Workers(database, make_study("two").id)
    workers.beat("me", {0: ("cpu", None)})
    other.beat("you", {0: ("cpu", None)})
    pass_time(database, "me", GONE_S + 1)
    other.forget_gone()
    assert count(database) == 2
    assert owners(other) == {"you"}
    assert owners(workers) == set()


def test_no_two_owners_have_one_name_and_each_fits_its_column() -> None:
    names = {new_owner() for _ in range(100)}
    assert len(names) == 100
    assert all(str(os.getpid()) in name and len(name) <= 64 for name in names)

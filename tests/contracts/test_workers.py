from __future__ import annotations

import os
import socket

import pytest
from storing import count, create_study, pass_time

from storage import BEAT_S, LEASE_S, Database, StudyRecord, WorkerRecord, Workers, new_owner


@pytest.fixture
def study(database: Database) -> StudyRecord:
    return create_study(database)


@pytest.fixture
def workers(database: Database, study: StudyRecord) -> Workers:
    return Workers(database, study.id)


def pass_seconds(database: Database, seconds: float) -> None:
    for column in ("beat", "expires"):
        pass_time(database, "tuner_workers", column, seconds)


def owners(workers: Workers) -> set[str]:
    return {worker.owner for worker in workers.alive()}


def test_a_supervisor_that_beats_is_seen_with_its_lanes(workers: Workers) -> None:
    assert workers.alive() == []
    workers.beat("me", {1: ("cuda:1", None), 0: ("cuda:0", 3)}, LEASE_S)
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
    assert 0 <= first.beat_age_s < LEASE_S


def test_a_beat_replaces_the_one_before(workers: Workers, database: Database) -> None:
    workers.beat("me", {0: ("cpu", 1), 1: ("cpu", 2)}, LEASE_S)
    pass_seconds(database, 50)
    workers.beat("me", {0: ("cpu", 3)}, LEASE_S)
    (worker,) = workers.alive()
    assert (worker.lane, worker.trial) == (0, 3)
    assert worker.beat_age_s < 40


def test_the_age_of_a_beat_is_what_has_passed_on_the_clock_of_the_database(
    workers: Workers, database: Database
) -> None:
    workers.beat("me", {0: ("cpu", None)}, LEASE_S)
    pass_seconds(database, 20)
    (worker,) = workers.alive()
    assert 20 <= worker.beat_age_s < 50


def test_a_clock_that_runs_ahead_gives_no_negative_age(workers: Workers, database: Database) -> None:
    workers.beat("me", {0: ("cpu", None)}, LEASE_S)
    pass_seconds(database, -60)
    assert [worker.beat_age_s for worker in workers.alive()] == [0.0]


def test_who_shows_no_sign_of_life_is_gone_and_then_forgotten(workers: Workers, database: Database) -> None:
    workers.beat("dead", {0: ("cpu", None), 1: ("cpu", None)}, LEASE_S)
    workers.beat("me", {0: ("cpu", None)}, 10 * LEASE_S)
    pass_seconds(database, LEASE_S + 1)
    assert owners(workers) == {"me"}
    assert count(database, "tuner_workers") == 3
    workers.forget_gone()
    assert count(database, "tuner_workers") == 1
    assert owners(workers) == {"me"}


def test_of_a_process_of_this_machine_it_is_known_at_once_that_it_is_gone(
    workers: Workers, database: Database, dead_owner: str
) -> None:
    for owner in (dead_owner, alive := new_owner(), "elsewhere"):
        workers.beat(owner, {0: ("cpu", None)}, LEASE_S)
    assert owners(workers) == {alive, "elsewhere"}
    workers.forget_gone()
    assert count(database, "tuner_workers") == 2
    assert owners(workers) == {alive, "elsewhere"}


def test_who_was_gone_and_beats_again_is_back(workers: Workers, database: Database) -> None:
    workers.beat("me", {0: ("cpu", None)}, LEASE_S)
    pass_seconds(database, LEASE_S + 1)
    assert owners(workers) == set()
    workers.beat("me", {0: ("cpu", None)}, LEASE_S)
    assert owners(workers) == {"me"}


def test_there_is_time_for_some_missed_beats() -> None:
    assert LEASE_S >= 4 * BEAT_S


def test_who_leaves_is_forgotten_at_once_and_nobody_else(workers: Workers) -> None:
    workers.beat("me", {0: ("cpu", None), 1: ("cpu", None)}, LEASE_S)
    workers.beat("you", {0: ("cpu", None)}, LEASE_S)
    workers.leave("me")
    assert owners(workers) == {"you"}


def test_the_workers_of_two_studies_do_not_know_each_other(workers: Workers, database: Database) -> None:
    other = Workers(database, create_study(database, "two").id)
    workers.beat("me", {0: ("cpu", None)}, LEASE_S)
    other.beat("you", {0: ("cpu", None)}, 10 * LEASE_S)
    pass_seconds(database, LEASE_S + 1)
    other.forget_gone()
    assert count(database, "tuner_workers") == 2
    assert owners(other) == {"you"}
    assert owners(workers) == set()

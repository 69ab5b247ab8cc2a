from __future__ import annotations

import itertools
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from storage import DatabaseUnreachable, LeaseLost
from tuner.supervisor.retrying import OutageRetrying


def locked() -> Exception:
    return sa.exc.OperationalError("UPDATE x", {}, sqlite3.OperationalError("database is locked"))


def failing(times: int, error: Callable[[], BaseException] = locked) -> Callable[[], str]:
    """Return a call that fails so many times, and then answers."""
    calls = itertools.count()

    def call() -> str:
        if next(calls) < times:
            raise error()
        return "answer"

    return call


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def retrying(notices: list[str]) -> OutageRetrying:
    return OutageRetrying(notices.append)


def test_a_call_that_succeeds_is_made_once_with_what_it_was_given(retrying: OutageRetrying, notices: list[str]) -> None:
    calls: list[tuple[int, int]] = []

    def add(one: int, *, other: int) -> int:
        calls.append((one, other))
        return one + other

    assert retrying(add, 1, other=2) == 3
    assert calls == [(1, 2)]
    assert notices == []


@pytest.mark.parametrize("error", [locked, lambda: DatabaseUnreachable("postgresql://h/d cannot be used: refused")])
def test_a_call_is_repeated_until_the_outage_is_over_and_both_ends_of_it_are_told_once(
    retrying: OutageRetrying, notices: list[str], error: Callable[[], BaseException]
) -> None:
    assert retrying(failing(3, error)) == "answer"
    began, over = notices
    assert began.startswith("the database does not answer, training goes on: ")
    assert began.endswith(("database is locked", "refused"))
    assert over == "the database answers again"


@pytest.mark.parametrize(
    "error", [lambda: RuntimeError("mine"), lambda: LeaseLost("slot 0"), lambda: KeyboardInterrupt()]
)
def test_what_is_no_outage_is_raised_at_once(
    retrying: OutageRetrying, notices: list[str], error: Callable[[], BaseException]
) -> None:
    call = failing(1, error)
    with pytest.raises(type(error())):
        retrying(call)
    assert notices == []
    assert call() == "answer"  # it was made once


def test_an_error_that_ends_an_outage_is_raised_and_the_next_success_says_that_it_is_over(
    retrying: OutageRetrying, notices: list[str]
) -> None:
    errors = [LeaseLost("slot 0"), locked()]

    def call() -> None:
        raise errors.pop()

    with pytest.raises(LeaseLost):
        retrying(call)
    assert retrying(failing(0)) == "answer"
    assert [notice.split(",")[0] for notice in notices] == [
        "the database does not answer",
        "the database answers again",
    ]


def test_a_second_outage_is_told_again(retrying: OutageRetrying, notices: list[str]) -> None:
    for _ in range(2):
        retrying(failing(1))
    assert len(notices) == 4


def test_patience_ends_some_time_after_it_was_told_to(retrying: OutageRetrying) -> None:
    began = time.monotonic()
    retrying.end_in(0.3)
    with pytest.raises(sa.exc.OperationalError):
        retrying(failing(sys.maxsize))
    assert time.monotonic() - began >= 0.3
    assert retrying(failing(0)) == "answer"


def test_an_end_that_comes_earlier_stays_and_one_that_comes_later_counts_for_nothing(retrying: OutageRetrying) -> None:
    retrying.end_in(0.0)
    retrying.end_in(3600.0)
    call = failing(1)
    with pytest.raises(sa.exc.OperationalError):
        retrying(call)
    assert call() == "answer"


def test_whoever_waits_for_the_next_try_is_woken_when_the_end_is_set(notices: list[str]) -> None:
    waiting = threading.Event()

    class Slow(OutageRetrying):
        def _sleep(self, seconds: float) -> None:
            if waiting.is_set():
                super()._sleep(seconds)
            else:
                waiting.set()
                super()._sleep(3600.0)  # as the pause after a long outage, which no signal is to wait for

    retrying = Slow(notices.append)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(retrying, failing(1))
        assert waiting.wait(60)
        retrying.end_in(60.0)
        assert call.result(60) == "answer"


def test_threads_share_one_outage(retrying: OutageRetrying, notices: list[str]) -> None:
    together = threading.Barrier(4)

    def call() -> str:
        failed = [None]

        def once() -> str:
            if failed:
                failed.pop()
                together.wait(60)
                raise locked()
            together.wait(60)
            return "answer"

        return retrying(once)

    with ThreadPoolExecutor(4) as pool:
        assert [answer.result(60) for answer in [pool.submit(call) for _ in range(4)]] == ["answer"] * 4
    assert len(notices) == 2


def test_a_person_is_reminded_of_an_outage_that_lasts(
    retrying: OutageRetrying, notices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuner.supervisor.retrying.REMIND_S", 0.0)
    assert retrying(failing(3)) == "answer"
    assert [notice.split(", ")[0] for notice in notices] == [
        "the database does not answer",
        "the database has not answered for 0 minutes",
        "the database has not answered for 0 minutes",
        "the database answers again",
    ]

from __future__ import annotations

from tuner.supervisor.backoff import Backoff


def waits(backoff: Backoff, now: float, failures: int) -> list[float]:
    """Return the seconds that each of so many failures is followed by, tried as soon as may be."""
    found = []
    for _ in range(failures):
        backoff.failed(now)
        before, now = now, next(now + s for s in range(1000) if backoff.is_over(now + s))
        found.append(now - before)
    return found


def test_each_failure_is_followed_by_twice_the_wait_up_to_the_longest() -> None:
    backoff = Backoff(5, 60)
    assert backoff.is_over(0)
    assert waits(backoff, 100, 6) == [5, 10, 20, 40, 60, 60]


def test_what_worked_begins_anew_and_at_once() -> None:
    backoff = Backoff(5, 60)
    waits(backoff, 100, 3)
    backoff.failed(200)
    backoff.worked()
    assert backoff.is_over(201)
    assert waits(backoff, 201, 2) == [5, 10]


def test_of_several_that_were_tried_at_once_the_first_to_fail_counts() -> None:
    backoff = Backoff(5, 60)
    backoff.failed(100)
    backoff.failed(102)
    assert backoff.is_over(105)
    assert waits(backoff, 105, 1) == [10]

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from storage import Checkpoints, EventRecord, TrialRecord, TrialState
from tuner.reporting.event_lines import event_line, schedules_of, short_owners

OWNER = "train-box-4711-0123abcd-0123456789abcdef"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine two hours east of Greenwich."""
    monkeypatch.setenv("TZ", "EAST-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def line(kind: str, *, schedules: dict[int, int] | None = None, **changes: Any) -> str:
    fields = ("slot", "trial", "attempt", "step", "optimiser_steps", "value", "detail")
    nothing: dict[str, Any] = dict.fromkeys(fields)
    event = EventRecord(**{"id": 1, "moment": 1.5, "kind": kind, "owner": OWNER, **nothing, **changes})
    return event_line(event, schedules or {})


def test_each_line_has_the_time_of_this_machine_and_a_short_name_of_the_worker() -> None:
    assert line("claimed", trial=3, attempt=1) == "1970-01-01 02:00:01  trial 3   claimed     by train-box:4711"
    assert line("paused", owner=None) == "1970-01-01 02:00:01            paused"


def told(*arguments: Any, **changes: Any) -> str:
    return line(*arguments, **changes, trial=12, owner=None).removeprefix("1970-01-01 02:00:01  trial 12  ")


def test_a_step_is_a_percent_wherever_it_stands() -> None:
    assert told("report", attempt=2, step=50, value=0.123456) == "report      attempt 2  50 %  0.1235"
    resume, best = "trial-00012/attempt-1/step-00000030", "trial-00012/attempt-1/best-00000030"
    known = {"schedules": {12: 40}}
    assert told("checkpoint", optimiser_steps=30, detail=resume, **known) == "checkpoint  75 %  to go on from"
    assert told("checkpoint", optimiser_steps=30, detail=resume) == (
        "checkpoint  after 30 optimiser steps  to go on from"
    )
    assert told("checkpoint", optimiser_steps=30, detail=best, **known) == "checkpoint  best weights"
    assert told("checkpoint", detail="damaged checkpoints dropped") == "checkpoint  damaged checkpoints dropped"


def test_workers_are_short_within_texts_too_and_other_words_stay() -> None:
    assert told("stolen", detail=f"from {OWNER}") == "stolen      from train-box:4711"
    assert short_owners("a-1-0123abcd and a-b-0123abcd, 2026-01-01") == "a:1 and a-b-0123abcd, 2026-01-01"
    assert short_owners("me") == "me"


def test_a_schedule_is_known_of_trials_that_have_recorded_it() -> None:
    def trial(number: int, effective: dict[str, Any] | None) -> TrialRecord:
        return TrialRecord(
            number=number,
            state=TrialState.RUNNING,
            value=None,
            reason=None,
            hyperparameters={},
            steps=(),
            device_s=0.0,
            restarts=0,
            checkpoints=Checkpoints(),
            effective=effective,
            evaluations=(),
            started=None,
            ended=None,
        )

    trials = [trial(0, {"optimiser_steps": 40}), trial(1, None), trial(2, {}), trial(3, {"optimiser_steps": "x"})]
    assert schedules_of(trials) == {0: 40}

from __future__ import annotations

import pytest
from trial_records import trial_of

from storage import EventKind, EventRecord, TrialState
from tuner.reporting.timeline import SpanEnd, host_of, timeline

HERE, THERE = "box-a-12-0123abcd-5e62df8b23252308", "box-b-7-89abcdef"


def event(moment: float, kind: EventKind, slot: int, owner: str, detail: str | None = None) -> EventRecord:
    return EventRecord(
        id=int(moment),
        moment=moment,
        kind=kind,
        slot=slot,
        trial=slot,
        attempt=1,
        owner=owner,
        step=None,
        optimiser_steps=None,
        value=None,
        detail=detail,
    )


def test_each_attempt_is_a_span_with_its_end() -> None:
    events = [
        event(1, EventKind.CLAIMED, 0, HERE),
        event(2, EventKind.CLAIMED, 1, HERE),
        event(3, EventKind.RELEASED, 0, HERE, "the study was paused"),
        event(4, EventKind.CLAIMED, 0, THERE),
        event(5, EventKind.STOLEN, 1, THERE),
        event(6, EventKind.END, 0, THERE, "complete"),
        event(7, EventKind.REPORT, 1, THERE),
    ]
    spans = timeline([trial_of(0, TrialState.COMPLETE, 0.5), trial_of(1, TrialState.RUNNING)], events).spans
    assert [(each.trial, each.host, each.lane, each.began, each.ended, each.end, each.is_moved) for each in spans] == [
        (0, "box-a", 0, 1, 3, SpanEnd.RELEASED, False),
        (1, "box-a", 1, 2, 5, SpanEnd.LOST, False),
        (0, "box-b", 0, 4, 6, SpanEnd.OVER, True),
        (1, "box-b", 1, 5, 7, SpanEnd.OPEN, True),
    ]
    assert spans[0].reason == "the study was paused"
    # A trial records the device of its last attempt alone.
    assert [each.device for each in spans] == [None, None, "cpu", "cpu"]


@pytest.mark.parametrize(
    ("owner", "host"), [(HERE, "box-a"), (THERE, "box-b"), ("worker-12", "worker-12"), ("me", "me")]
)
def test_the_host_is_read_from_the_name_of_an_owner(owner: str, host: str) -> None:
    assert host_of(owner) == host

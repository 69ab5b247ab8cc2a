"""Who trained which trial when: one span for each attempt, with its pauses, hand-overs and moves between machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from storage import EventKind
from tuner.study.full_runs import device_kind_of

if TYPE_CHECKING:
    from storage import EventRecord, TrialRecord


class SpanEnd(StrEnum):
    """How an attempt at a trial ended."""

    #: The trial was over.
    OVER = "over"
    #: The worker gave the trial back: the study was paused, the worker was stopped, or it crashed.
    RELEASED = "released"
    #: The trial was put aside at a rung.
    SHELVED = "shelved"
    #: The worker ended without a word, and another one took the trial over.
    LOST = "lost"
    #: A worker trains it now, or ended without a word a moment ago.
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Span:
    """One attempt at a trial."""

    trial: int
    attempt: int
    #: The supervisor's name as an owner, and the machine that it ran on.
    owner: str
    host: str
    #: The kind of device; None where no trial of this supervisor has recorded it.
    device: str | None
    #: Which of the trials that the supervisor trained at once: 0 is the first.
    lane: int
    #: Seconds since 1970 on the database's clock. An open span ends at the last event of the study.
    began: float
    ended: float
    end: SpanEnd
    #: How the trial ended or why the attempt did, for people; None where nothing was said.
    reason: str | None
    #: Whether the attempt before was on another machine.
    is_moved: bool


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The attempts at all trials of a study, in the order in which they began."""

    spans: tuple[Span, ...]


_BEGINS = (EventKind.CLAIMED, EventKind.STOLEN)
_ENDS = {EventKind.END: SpanEnd.OVER, EventKind.RELEASED: SpanEnd.RELEASED, EventKind.SHELVED: SpanEnd.SHELVED}


def timeline(trials: Sequence[TrialRecord], events: Sequence[EventRecord]) -> Timeline:
    """Return the attempts at the trials of a study.

    Args:
        trials: Its trials.
        events: Its claims, releases and ends, oldest first; other kinds are left out.
    """
    last = max((event.moment for event in events), default=0.0)
    open_spans: dict[int, EventRecord] = {}
    found: list[tuple[EventRecord, float, SpanEnd, str | None]] = []
    for event in events:
        if event.slot is None:
            continue
        begun = open_spans.get(event.slot)
        if event.kind in _BEGINS:
            if begun is not None:
                found.append((begun, event.moment, SpanEnd.LOST, None))
            open_spans[event.slot] = event
        elif event.kind in _ENDS and begun is not None:
            found.append((begun, event.moment, _ENDS[EventKind(event.kind)], event.detail))
            del open_spans[event.slot]
    over = {trial.number for trial in trials if trial.state.is_over}
    for begun in open_spans.values():
        end = SpanEnd.OVER if begun.trial in over else SpanEnd.OPEN
        found.append((begun, last, end, None))
    found = [entry for entry in found if entry[0].trial is not None and entry[0].owner]
    found.sort(key=lambda entry: (entry[0].moment, entry[0].id))
    return Timeline(spans=tuple(_spans(found, _devices(trials, found))))


def _devices(
    trials: Sequence[TrialRecord], found: Sequence[tuple[EventRecord, float, SpanEnd, str | None]]
) -> dict[str, str]:
    """Return the kind of device by owner. A trial records that of its last attempt alone."""
    kinds = {trial.number: device_kind_of(trial.effective) for trial in trials}
    last = {begun.trial: begun.owner for begun, *_ in found}
    return {owner: kind for trial, owner in last.items() if owner and trial is not None and (kind := kinds.get(trial))}


def _spans(found: Sequence[tuple[EventRecord, float, SpanEnd, str | None]], devices: dict[str, str]) -> list[Span]:
    #: By owner, when each of its lanes is free again.
    lanes: dict[str, list[float]] = {}
    hosts: dict[int, str] = {}
    spans = []
    for begun, ended, end, reason in found:
        trial, owner = begun.trial, begun.owner
        assert trial is not None
        assert owner is not None
        free = lanes.setdefault(owner, [])
        lane = next((number for number, until in enumerate(free) if until <= begun.moment), len(free))
        free[lane:] = [ended, *free[lane + 1 :]]
        host = host_of(owner)
        spans.append(
            Span(
                trial=trial,
                attempt=begun.attempt or 0,
                owner=owner,
                host=host,
                device=devices.get(owner),
                lane=lane,
                began=begun.moment,
                ended=ended,
                end=end,
                reason=reason,
                is_moved=hosts.get(trial, host) != host,
            )
        )
        hosts[trial] = host
    return spans


def host_of(owner: str) -> str:
    """Return the machine of an owner, whose name `storage.owners.new_owner` has made; else the whole name."""
    parts = owner.split("-")
    for place in range(len(parts) - 1, 0, -1):
        # The process id is the last part that is a plain number and is followed by eight hexadecimal digits.
        if parts[place].isdigit() and place + 1 < len(parts) and len(parts[place + 1]) == 8:
            return "-".join(parts[:place])
    return owner

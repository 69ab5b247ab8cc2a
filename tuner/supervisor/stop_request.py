"""Why a trial is to leave its lane before its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from storage import SlotState


class StopKind(StrEnum):
    """The state in which a trial leaves its lane."""

    #: It goes on as soon as a worker claims it.
    INTERRUPTED = "interrupted"
    #: It goes on once the study is opened again.
    PAUSED = "paused"
    #: It is put aside at a rung, and goes on if it is promoted.
    SHELVED = "shelved"
    #: It goes on nowhere: the study was stopped or deleted.
    FAILED = "failed"

    @property
    def slot_state(self) -> SlotState:
        """The state of a slot that is given back so."""
        return _SLOT_STATES.get(self, SlotState.INTERRUPTED)


_SLOT_STATES = {StopKind.PAUSED: SlotState.PAUSED, StopKind.SHELVED: SlotState.SHELVED}


@dataclass(frozen=True, kw_only=True)
class StopRequest:
    """A request that a trial leaves its lane."""

    kind: StopKind
    reason: str
    #: Of a trial that is put aside: the percent of its schedule, and whether a checkpoint of it is kept.
    rung: int = 0
    keeps: bool = True

"""The states of studies, slots and trials, and the kinds of events, as the database spells them."""

from __future__ import annotations

from enum import StrEnum


class StudyState(StrEnum):
    """The state that people have asked for. Whether the study is finished follows from its slots."""

    #: Workers may claim its slots.
    OPEN = "open"
    #: No worker claims its slots until the study is opened again.
    PAUSED = "paused"
    #: Its trials are ended, for good.
    STOPPED = "stopped"


class SlotState(StrEnum):
    """How far the trial in a slot is.

    A state that is added here names in `CLAIMABLE` whether workers may claim its slots.
    """

    #: No trial has been asked for yet.
    EMPTY = "empty"
    #: A worker holds the slot, or its lease has expired.
    RUNNING = "running"
    #: An attempt ended before the trial did: any worker may go on with it.
    INTERRUPTED = "interrupted"
    #: As INTERRUPTED, because the study was paused.
    PAUSED = "paused"
    #: The trial is put aside at a rung of its schedule. No worker may claim it until it is promoted.
    SHELVED = "shelved"
    #: The trial is over. Optuna's row says how it ended.
    FINISHED = "finished"


#: States of slots with a trial that no worker holds: the next worker to claim one goes on with its trial.
CLAIMABLE = (SlotState.INTERRUPTED, SlotState.PAUSED)
#: States of slots for which a study does not wait: it is over when all of its slots are in one of them.
SETTLED = (SlotState.FINISHED, SlotState.SHELVED)


class TrialState(StrEnum):
    """The state of a trial, determined from Optuna's row and the trial's slot."""

    #: Trained to its end, or stopped early as it no longer improved.
    COMPLETE = "complete"
    #: Stopped because other trials were better, or because it violates a constraint.
    PRUNED = "pruned"
    #: Ended by an error, or with its study.
    FAILED = "failed"
    #: A worker holds it.
    RUNNING = "running"
    #: As INTERRUPTED, because the study was paused.
    PAUSED = "paused"
    #: No worker holds it; the next one to claim its slot goes on with it.
    INTERRUPTED = "interrupted"
    #: It is put aside at a rung of its schedule: it goes on if it is promoted, and is pruned if it is not.
    SHELVED = "shelved"

    @property
    def is_over(self) -> bool:
        """Whether no worker will go on with the trial."""
        return self in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)


class PlanPart(StrEnum):
    """What the machines of a study decide or find out once for all of them."""

    #: Which trials go on.
    SEARCH = "search"
    #: The fitted head.
    HEAD = "head"
    #: The test split: whether it was opened, for which trials, and what it has told.
    TEST = "test"
    #: The trial that a confirmation puts first.
    CHOSEN = "chosen"


class EventKind(StrEnum):
    """The kind of an event in the event log."""

    #: A worker took a slot that no worker held.
    CLAIMED = "claimed"
    #: A worker took a slot whose owner's lease had expired.
    STOLEN = "stolen"
    #: A worker gave a slot back with its trial unfinished.
    RELEASED = "released"
    #: A worker put a trial aside at a rung.
    SHELVED = "shelved"
    #: A trial that was at a rung may train to the next one.
    PROMOTED = "promoted"
    #: A decision that holds for the whole study was made.
    DECIDED = "decided"
    #: What became of a study's result: the test split was opened, its verdict, or what other seeds have confirmed.
    JUDGED = "judged"
    #: A trial's checkpoints were replaced.
    CHECKPOINT = "checkpoint"
    #: An evaluation was reported.
    REPORT = "report"
    #: A trial ended.
    END = "end"
    #: A warning about a trial, for people.
    WARNING = "warning"
    #: The whole study was paused, opened again, stopped or edited.
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    EDITED = "edited"

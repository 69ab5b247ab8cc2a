"""The life of an attempt at a trial: its states, and which state may follow which, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AttemptState(StrEnum):
    """How far an attempt is, from the claim of its slot until it is off its lane."""

    #: The slot is claimed. The store brings back the trial's checkpoint, where it has one.
    RESTORING = "restoring"
    #: A trainer loads the model and the data, and has not recorded its effective configuration.
    PREPARING = "preparing"
    #: The trainer trains, reports evaluations and saves when it is told to.
    TRAINING = "training"
    #: The trainer is told to save and to leave: a person, a signal or a budget ends the attempt before the trial.
    LEAVING = "leaving"
    #: The trainer has left, saved where that could be done. The slot is still to be given back.
    LEFT = "left"
    #: The trainer ended before the trial did. It is to be decided whether the trial goes on or ends.
    CRASHED = "crashed"
    #: It is known how the trial ends. The best weights of a complete trial may still have to be stored.
    FINISHING = "finishing"
    #: The database has the trial's end. The store removes the files that the trial no longer needs.
    TIDYING = "tidying"
    #: Off the lane: the slot is given back, and the trial goes on in another attempt.
    RELEASED = "released"
    #: Off the lane: the trial is over.
    ENDED = "ended"
    #: Off the lane: another worker holds the trial, or another program has ended it. Nothing more is written.
    DROPPED = "dropped"

    @property
    def is_off(self) -> bool:
        """Whether the attempt has left its lane, so that messages and calls on their way to it count no more."""
        return self in _OFF


_OFF = (AttemptState.RELEASED, AttemptState.ENDED, AttemptState.DROPPED)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """From one state to another, and the event that leads there."""

    source: AttemptState
    target: AttemptState
    when: str


def _from(source: AttemptState, **targets: str) -> tuple[Transition, ...]:
    return tuple(Transition(source=source, target=AttemptState(target), when=when) for target, when in targets.items())


#: Every transition that there is. Beside these, each state on a lane but `tidying` has one to `released` and one to
#: `dropped`: see `ALWAYS`.
TRANSITIONS = (
    *_from(
        AttemptState.RESTORING,
        preparing="the checkpoint is there, or none is needed: a trainer starts",
        training="the same, with a study's own function, which need not record anything",
        crashed="no trainer can be started",
        finishing="the point cannot be trained, it crashed too often, or its time is over",
    ),
    *_from(
        AttemptState.PREPARING,
        training="the trainer records its effective configuration",
        finishing="training fails before its first optimiser step, its time is over, or the study is stopped",
        crashed="the trainer dies, or the device has no memory for the model",
    ),
    *_from(
        AttemptState.TRAINING,
        left="training that never asks whether to save leaves after an evaluation",
        leaving="a signal, a pause, a spent budget, or a rung at which the trial is put aside",
        finishing="the trainer says how the trial ended, its time is over, or the study is stopped",
        crashed="the trainer dies, memory runs out, or the store fails where the pointer is unknown",
    ),
    *_from(
        AttemptState.LEAVING,
        left="the trainer has saved, or the store cannot take a checkpoint",
        finishing="the trial ended before it heard, or its time is over",
        crashed="the trainer dies before it has saved",
    ),
    *_from(
        AttemptState.LEFT,
        crashed="the store fails where the pointer is unknown",
        finishing="the study is stopped",
    ),
    *_from(
        AttemptState.CRASHED,
        finishing="it would only crash again, or its time is over",
    ),
    *_from(
        AttemptState.FINISHING,
        crashed="the trainer or the store fails before the best weights are stored",
        tidying="the database is told",
    ),
    *_from(AttemptState.TIDYING, ended="the store is done"),
)
#: Transitions that every state has in which the supervisor holds the slot.
ALWAYS = {
    AttemptState.RELEASED: "the slot is given back: the trial goes on from its last checkpoint",
    AttemptState.DROPPED: "another worker has taken the trial over, or another program has ended it",
}

_ALLOWED = {(each.source, each.target) for each in TRANSITIONS} | {
    (state, target)
    for state in AttemptState
    for target in ALWAYS
    if not state.is_off and state is not AttemptState.TIDYING
}


def is_allowed(source: AttemptState, target: AttemptState) -> bool:
    """Return whether one state may follow another. Each may follow itself, as a crash a crash."""
    return source is target or (source, target) in _ALLOWED


def diagram() -> str:
    """Return the states and transitions as a Mermaid diagram."""
    lines = ["stateDiagram-v2", "    [*] --> restoring: a slot is claimed"]
    held = "\n".join(
        f"        {each.source} --> {each.target}: {each.when}" for each in TRANSITIONS if not _touches_tidying(each)
    )
    lines += ["    state held {", held, "    }"]
    lines += [f"    held --> {target}: {when}" for target, when in ALWAYS.items()]
    lines += [f"    {each.source} --> {each.target}: {each.when}" for each in TRANSITIONS if _touches_tidying(each)]
    lines += [f"    {state} --> [*]" for state in _OFF]
    return "\n".join(lines)


def _touches_tidying(transition: Transition) -> bool:
    return AttemptState.TIDYING in (transition.source, transition.target)

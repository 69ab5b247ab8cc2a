"""Named moments between two steps of a hand-over: tests end the process there, to see what the next one makes of it."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the name of each moment that is reached. No user's setting can set it: tests do, in their own process.
hook: Callable[[str], None] | None = None

#: Every moment, in the order in which a trial passes them.
POINTS = (
    "claimed",  # a slot is ours, no trial is asked for
    "asking",  # the trial is made, the transaction that also writes it into the slot is not committed
    "asked",  # the trial is in the slot, its hyperparameters are not drawn
    "suggested",  # all is drawn, no trainer is started
    "reported",  # an evaluation is in the database, its trainer has no answer
    "staged",  # the trainer has written a checkpoint, nothing of it is in the store
    "files",  # its files are in the store, the manifest is not
    "manifest",  # the manifest is in the store, no pointer names it
    "pointer",  # the pointer names it, what it replaces is still there
    "telling",  # the trial's end is written, the transaction that also ends the slot is not committed
    "told",  # trial and slot are ended, what the trial left in the store is still there
)


def reach(point: str) -> None:
    """Say that a moment is reached."""
    if hook is not None:
        hook(point)

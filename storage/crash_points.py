"""Crash points: named places in the code where tests kill the process, to check that the next one can recover."""

from __future__ import annotations

from collections.abc import Callable

#: Called with the name of each crash point that is reached. Only tests set it, in their own process; no setting does.
hook: Callable[[str], None] | None = None

#: Every crash point, in the order in which a trial passes them.
POINTS = (
    "claimed",  # the slot is claimed, the trial is not asked for
    "asking",  # the trial is made, the transaction that also writes it into the slot is not committed
    "asked",  # the trial is in the slot, its hyperparameters are not sampled
    "suggested",  # the hyperparameters are sampled, the trainer is not started
    "reported",  # an evaluation is in the database, the trainer has no answer yet
    "staged",  # the trainer has written a checkpoint locally, none of its files is in the store
    "files",  # the checkpoint's files are in the store, its manifest is not
    "manifest",  # the manifest is in the store, the database does not name the checkpoint
    "pointer",  # the database names the checkpoint, the checkpoint that it replaces is not deleted
    "shelving",  # a trial at its rung is saved, its slot is not shelved
    "shelved",  # its slot is shelved
    "deciding",  # a supervisor has the lease of the plan, it has changed nothing
    "promoted",  # trials are promoted, no worker has claimed them
    "ending",  # a shelved trial is claimed to be ended, its end is not told
    "telling",  # the trial's end is written, the transaction that also finishes the slot is not committed
    "told",  # trial and slot are finished, the trial's leftovers in the store are not deleted
)

#: Every crash point on the way to a fitted head besides those of its checkpoint, in order.
HEAD_POINTS = (
    "fitted",  # the head is fitted, none of its files is in the store
    "published",  # the head is in the store, the database does not name it
)

#: Every crash point of the plan of a search over depths, in order.
PLAN_POINTS = (
    "planning",  # a supervisor has the lease of the plan, it has decided nothing
    "planned",  # slots are made or a trial may go on, no worker has claimed it
    "over",  # the search has ended, trials that are put aside have not
)

#: Every crash point of the opening of the test split, in order.
TEST_POINTS = (
    "opening",  # a machine has the lease of the test split, it is not opened
    "opened",  # the test split is opened for some trials, none of its rows is read
    "tested",  # the models are judged on it, the database does not know their values
)

#: Every crash point of an upgrade, in order.
UPGRADE_POINTS = (
    "altered",  # the tables have today's columns, their rows are those of the earlier version
    "converted",  # the rows are converted, the transaction that does so is not committed
    "upgraded",  # our tables are of today's version, Optuna's may be of an earlier one
)


def reach(point: str) -> None:
    """Call the hook, if tests have set one, with the name of a crash point."""
    if hook is not None:
        hook(point)

"""How training saves a trial so that it can go on elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

from tuner.trial.evaluation import Evaluation
from tuner.trial.result import Outcome

#: Writes files into an empty folder.
Write: TypeAlias = Callable[[Path], None]


class TrialStopped(BaseException):
    """Ends training from within, wherever the trial is asked whether to save.

    No `Exception`: code that goes on after any error must not go on after this one.

    Attributes:
        state: PRUNED, or LEFT where the trial goes on elsewhere.
    """

    def __init__(self, state: Outcome) -> None:
        super().__init__(state)
        self.state = state


class Saver(Protocol):
    """Where a trial saves itself while it trains, so that it can go on elsewhere.

    Training asks `wanted` at every step and calls `save` when it says so; it never decides itself how often.
    """

    def wanted(self) -> bool:
        """Return whether the trial should be saved now. Costs microseconds.

        Raises:
            TrialStopped: The trial is to end here.
        """

    def save(self, step: int, write: Write) -> None:
        """Save where the trial is.

        Args:
            step: Steps done so far; the files belong to the moment after it.
            write: Writes everything that training needs to go on from here, bit for bit.

        Raises:
            ValueError: The steps are no whole number from 0 to 2**31 - 1.
            TrialStopped: The trial is saved and goes on elsewhere.
        """

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Take the weights of the best evaluation so far.

        Args:
            evaluation: The evaluation.
            write: Writes the weights. It is called later, at the next save or at the trial's end, and must hold what
                it needs until then.
        """

    @property
    def leaving(self) -> bool:
        """Whether the trial is about to be moved: what takes long, such as an evaluation, may be broken off.

        False again once the trial is saved.
        """


class NoSaver:
    """Saves nothing: for runs outside of a study."""

    leaving = False

    def wanted(self) -> bool:
        """Never."""
        return False

    def save(self, step: int, write: Write) -> None:
        """Do nothing."""

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Do nothing."""

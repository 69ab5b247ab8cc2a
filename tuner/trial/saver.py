"""The interface through which training saves a trial, so that a later attempt can continue it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

from tuner.trial.evaluation import Evaluation
from tuner.trial.result import Outcome

#: Writes files into an empty folder.
Write: TypeAlias = Callable[[Path], None]


class TrialStopped(BaseException):
    """Ends training from within a call of the saver.

    It is not an `Exception`: training code that catches every `Exception` and continues must not catch this.

    Attributes:
        state: PRUNED, or LEFT where another attempt will continue the trial.
    """

    def __init__(self, state: Outcome) -> None:
        super().__init__(state)
        self.state = state


class Saver(Protocol):
    """Takes the checkpoints of a trial while it trains, so that a later attempt can continue the trial.

    Training calls `wanted` at every optimiser step, and `save` when `wanted` returns True. It never decides itself how
    often to save.
    """

    def wanted(self) -> bool:
        """Return whether training should call `save` now. A call takes microseconds.

        Raises:
            TrialStopped: The trial ends here.
        """

    def save(self, optimiser_steps: int, write: Write) -> None:
        """Save a resume checkpoint.

        Args:
            optimiser_steps: Optimiser steps taken so far. The files hold the state after the last of them.
            write: Writes the whole state of training, so that it can continue from here bit for bit.

        Raises:
            ValueError: The optimiser steps are not a whole number from 0 to 2**31 - 1.
            TrialStopped: The trial is saved, and another attempt will continue it.
        """

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Keep the weights of the best evaluation so far.

        Args:
            evaluation: The evaluation.
            write: Writes the weights. It is called later, at the next save or at the end of the trial, and must hold a
                copy of the weights until then.
        """

    @property
    def leaving(self) -> bool:
        """Whether this attempt is about to end: long work, such as an evaluation, may be broken off.

        It is False again once the trial is saved.
        """


class NoSaver:
    """A saver that saves nothing, for runs outside of a study."""

    leaving = False

    def wanted(self) -> bool:
        """Return False."""
        return False

    def save(self, optimiser_steps: int, write: Write) -> None:
        """Do nothing."""

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Do nothing."""

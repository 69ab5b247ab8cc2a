"""The receiver: reads the messages of trainers, and has their evaluations reported and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tuner.errors import first_line
from tuner.processes.messages import Answer, Evaluated, Finished, Raised, Recorded, Saved
from tuner.reporting.events import TrialEvaluated, Watcher
from tuner.trial.evaluation import TENTHS
from tuner.trial.result import Outcome, TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.ledger import Ledger
    from tuner.trial.evaluation import Evaluation


@dataclass(frozen=True, kw_only=True)
class TrainerEnded:
    """The pipe of a trainer is closed: it has ended, or is about to."""


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A trainer has sent an object that this process cannot build."""

    reason: str


#: A message of a trainer, or how it came that there is none.
Received: TypeAlias = Recorded | Evaluated | Saved | Finished | TrainerEnded | Unreadable


def receive(connection: Connection) -> Received | None:
    """Read one message of a trainer; None where it is of no kind that a trial sends.

    An error that ended the trainer's call is read as a failed trial.
    """
    try:
        message = connection.recv()
    except (EOFError, OSError):  # OSError: the trainer ended in the middle of a message
        return TrainerEnded()
    except Exception as error:  # the class may be one of the user's, which only the trainer can import
        reason = f"its trainer has sent what cannot be read: {type(error).__name__}: {first_line(error)}"
        return Unreadable(reason=reason)
    if isinstance(message, Raised):
        failed = TrialResult(state=Outcome.FAILED, reason=message.text, traceback=message.traceback)
        return Finished(result=failed)
    return message if isinstance(message, Recorded | Evaluated | Saved | Finished) else None


class Receiver:
    """Has evaluations reported, and asks the pruner about them. Only the main thread may call it.

    Args:
        ledger: The database.
        watch: Told of evaluations.
        notice: Takes a line for a person.
    """

    def __init__(self, ledger: Ledger, *, watch: Watcher, notice: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._watch = watch
        self._notice = notice

    def judge(self, attempt: Attempt, evaluation: Evaluation) -> bool:
        """Report an evaluation, ask the pruner, and answer the trainer; return whether the trial goes on.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it.
        """
        reported, step = attempt.open_trial.reported, evaluation.step
        if step not in reported:
            attempt.curve[step] = evaluation.to_dict()
            self._ledger.report(attempt.lease, attempt.open_trial, evaluation)
        elif not _same(reported[step], evaluation.value):
            self._notice(
                f"trial {attempt.number}: tenth {step} is now {evaluation.value:.6g}, before it was interrupted it was "
                f"{reported[step]:.6g}; this machine computes otherwise"
            )
        self._watch(TrialEvaluated(number=attempt.number, evaluation=evaluation))
        goes_on = self._is_spared(attempt, step) or not self._ledger.should_prune(attempt.lease, attempt.open_trial)
        attempt.say(Answer(step=step, go_on=goes_on))
        return goes_on

    def _is_spared(self, attempt: Attempt, step: int) -> bool:
        """Return whether the pruner is not asked about a trial at a step."""
        # Trial 0 is the published recipe, which every other trial has to beat. At the last step nothing is left to
        # save, and a complete trial tells the sampler more than a pruned one. A trial that was interrupted and begins
        # further back is not judged by the later values that it reported before.
        return attempt.number == 0 or step == TENTHS or step < max(attempt.open_trial.reported, default=0)


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)

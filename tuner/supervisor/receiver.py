"""Hearing: what trainers say, set down in their attempts and in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.errors import first_line
from tuner.machine.memory import OutOfMemoryKills
from tuner.processes.messages import Answer, Evaluated, Finished, Raised, Recorded, Saved
from tuner.reporting.events import TrialEvaluated, Watcher
from tuner.supervisor.crash import Crash, describe_crash, was_killed
from tuner.supervisor.outcomes import is_no_trials_fault
from tuner.trial.evaluation import TENTHS
from tuner.trial.result import OUT_OF_MEMORY, TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from tuner.study.config import StudyConfig
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.checkpointing import Checkpointing
    from tuner.supervisor.crash import Crashes
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.micro_batches import MicroBatches
    from tuner.trial.evaluation import Evaluation


class Receiver:
    """Takes what trainers say. Only the main thread may call it.

    Args:
        config: The study; what may be edited of it is not asked for.
        ledger: The database.
        headroom: Told what trainers take at a time.
        saves: Told what trainers have saved.
        crashes: Told that a trainer can train.
        watch: Told of evaluations.
        notice: Told in a line what a person should know.
    """

    def __init__(
        self,
        config: StudyConfig,
        *,
        ledger: Ledger,
        micro_batches: MicroBatches,
        checkpointing: Checkpointing,
        crashes: Crashes,
        watch: Watcher,
        notice: Callable[[str], None],
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._micro_batches = micro_batches
        self._checkpointing = checkpointing
        self._crashes = crashes
        self._watch = watch
        self._notice = notice
        self._kills = OutOfMemoryKills()

    def take(self, attempt: Attempt, connection: Connection) -> None:
        """Take what a trainer has to say, or that it has ended.

        Raises:
            LeaseLost: Another worker has the trial.
            TrialOver: Another program has ended it.
        """
        try:
            message = connection.recv()
        except (EOFError, OSError):  # OSError: it ended in the middle of a message
            self._ended(attempt)
            return
        except Exception as error:  # of a class of the user's, perhaps, which only its trainer can import
            self._unread(attempt, error)
            return
        if isinstance(message, Recorded):
            attempt.trains = True
            if told := self._micro_batches.take(attempt, dict(message.effective)):
                self._notice(told)
        elif isinstance(message, Evaluated):
            self._evaluated(attempt, message.evaluation)
        elif isinstance(message, Saved):
            self._checkpointing.take(attempt, message)
        elif isinstance(message, Finished):
            self._finished(attempt, message)
        elif isinstance(message, Raised):
            result = TrialResult(state="failed", reason=message.text, traceback=message.traceback)
            self._finished(attempt, Finished(result=result))

    def _evaluated(self, attempt: Attempt, evaluation: Evaluation) -> None:
        if attempt.pruned_by is not None:  # the word to end reached it late
            return
        self._crashes.evaluated()
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
        # The published recipe is what every other trial has to beat: it is never pruned. Nor is a trial that has
        # reached its end: nothing is left to save, and as a complete one it tells the sampler more.
        # And one that begins again is not judged by what it reported further on, before it was interrupted.
        spared = attempt.number == 0 or step == TENTHS or step < max(reported, default=0)
        if not spared and self._ledger.should_prune(attempt.lease, attempt.open_trial):
            attempt.pruned_by = evaluation
        attempt.save_due = step < TENTHS
        attempt.say(Answer(step=step, go_on=attempt.pruned_by is None))

    def _finished(self, attempt: Attempt, message: Finished) -> None:
        goes_on = (attempt.can_halve and attempt.pruned_by is None) or is_no_trials_fault(attempt, self._config)
        if message.result.avoid == OUT_OF_MEMORY and goes_on:
            # It goes on from its checkpoint, with half as many examples at a time where these took the memory.
            attempt.crash = Crash(
                reason=str(message.result.reason), own=True, memory="device", before_any_step=not attempt.recorded
            )
            return
        # Weights that nobody would keep are not worth a write; nor are those of a trial that hears too late to end.
        attempt.result, attempt.unsaved = message.result, message.unsaved and attempt.pruned_by is None
        if attempt.unsaved and message.result.value is not None:
            attempt.unsaved = self._ledger.is_among_best(message.result.value)
        if not attempt.unsaved:
            self._checkpointing.withdraw(attempt)

    def _unread(self, attempt: Attempt, error: Exception) -> None:
        """Fail a trial whose trainer has said what cannot be read here."""
        assert attempt.trainer is not None
        attempt.trainer.kill()
        attempt.trainer = None
        reason = f"its trainer has sent what cannot be read: {type(error).__name__}: {first_line(error)}"
        self._finished(attempt, Finished(result=TrialResult(state="failed", reason=reason)))

    def _ended(self, attempt: Attempt) -> None:
        """Set down how a trainer ended that says nothing more."""
        assert attempt.trainer is not None
        if attempt.told_to_leave and attempt.result is None:
            attempt.crash = Crash(reason="its trainer ended before it had saved")
        elif attempt.result is None or attempt.unsaved:
            code, steps = attempt.trainer.exit()
            killed = self._kills.take() if was_killed(code) else False
            attempt.crash = describe_crash(code, attempt.restored_step + steps, out_of_memory=killed)
        attempt.trainer.kill()
        if attempt.crash is None:
            attempt.trainer = None


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)

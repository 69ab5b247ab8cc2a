"""The receiver: reads the messages of trainers, sets down their facts, and has evaluations reported and judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from tuner.errors import first_line
from tuner.machine.memory import OutOfMemoryKills
from tuner.processes.error_places import place_of
from tuner.processes.messages import Answer, Evaluated, Finished, Raised, Recorded, Saved
from tuner.reporting.events import TrialEvaluated
from tuner.supervisor.crash import Crash, describe_crash, was_killed
from tuner.supervisor.judging import Judgement
from tuner.supervisor.outcomes import is_memory_for_any_trial
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.result import Constraint, Outcome, TrialResult, Verdict

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.attempt import Attempt
    from tuner.supervisor.edges import Edges
    from tuner.supervisor.lanes import Lanes
    from tuner.supervisor.lifecycle import TrialLifecycle
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
    """Takes the messages of trainers. Only the main thread may call it.

    Args:
        lanes: The lanes, and the attempts on them.
        live: The study's configuration.
        edges: The database, the trainers and the store.
        lifecycle: Moves the attempts on.
    """

    def __init__(self, lanes: Lanes, live: LiveConfig, edges: Edges, lifecycle: TrialLifecycle) -> None:
        self._lanes = lanes
        self._live = live
        self._edges = edges
        self._lifecycle = lifecycle
        self._checkpointing = lifecycle.checkpointing
        self._kills = OutOfMemoryKills()

    def attend(self, connection: Connection) -> None:
        """Take one message of a trainer, or note that the trainer has ended."""
        attempt = self._lanes.of(connection)
        if attempt is None:  # off its lane by an earlier message of this round
            return
        with self._lifecycle.dropping(attempt):
            message = receive(connection)
            if isinstance(message, Recorded):
                attempt.note_recorded()
                if told := self._edges.micro_batches.take(attempt, dict(message.effective)):
                    self._edges.notice(told)
            elif isinstance(message, Evaluated):
                self._evaluated(attempt, message.evaluation)
            elif isinstance(message, Saved):
                if self._checkpointing.take(attempt, message) and attempt.end.result is not None:
                    attempt.note_best_written()
            elif isinstance(message, Finished):
                self._finished(attempt, message)
            elif isinstance(message, Unreadable):
                attempt.kill_trainer()
                result = TrialResult(state=Outcome.FAILED, reason=message.reason)
                self._finished(attempt, Finished(result=result))
            elif isinstance(message, TrainerEnded):
                self._ended(attempt)

    def _evaluated(self, attempt: Attempt, evaluation: Evaluation) -> None:
        if attempt.end.pruned_by is not None:  # the word to end reached the trainer late
            return
        self._edges.crashes.evaluated()
        judgement = self._judge(attempt, evaluation)
        if judgement.verdict is Verdict.PRUNED:
            attempt.note_pruned(evaluation, judgement.reason or None)
        elif judgement.verdict is Verdict.SHELVED:
            attempt.ask_to_stop(self._lifecycle.shelving(attempt, evaluation.step, judgement.reason))
        self._checkpointing.evaluated(attempt, is_last=evaluation.step == LAST_STEP)
        attempt.say(Answer(step=evaluation.step, verdict=judgement.verdict))

    def _judge(self, attempt: Attempt, evaluation: Evaluation) -> Judgement:
        """Report an evaluation, and have it judged: at a rung beside the other trials there, else by the pruner."""
        reported, step = attempt.open_trial.reported, evaluation.step
        ledger, lease = self._edges.ledger, attempt.lease
        if step not in reported:
            attempt.curve[step] = evaluation.to_dict()
            ledger.report(lease, attempt.open_trial, evaluation)
        elif not _same(reported[step], evaluation.value):
            self._edges.notice(
                f"trial {attempt.number}: the value at {step} % is now {evaluation.value:.6g}, before it was "
                f"interrupted it was {reported[step]:.6g}; this machine computes otherwise"
            )
        self._edges.watch(TrialEvaluated(number=attempt.number, evaluation=evaluation, effective=attempt.effective))
        if _is_spared(attempt, step):
            return Judgement(verdict=Verdict.GO_ON)
        if self._edges.judge.are_used:
            return self._edges.judge.judge(attempt, step, evaluation.value)
        if not ledger.should_prune(lease, attempt.open_trial):
            return Judgement(verdict=Verdict.GO_ON)
        needed = ledger.needed(step)
        reason = "" if needed is None else f"{evaluation.value:.4g} at {step} %, needed {needed:.4g}"
        return Judgement(verdict=Verdict.PRUNED, reason=reason)

    def _finished(self, attempt: Attempt, message: Finished) -> None:
        result, end = self._with_place(message.result), attempt.end
        if result.state == Outcome.LEFT:
            attempt.note_left()
            self._checkpointing.withdraw(attempt)  # a word to save may still be on its way, which no trainer answers
            return
        goes_on = (attempt.can_halve and end.pruned_by is None) or is_memory_for_any_trial(attempt, self._live.current)
        if result.avoid == Constraint.OUT_OF_MEMORY and goes_on:
            # It goes on from its checkpoint, with half as many examples at a time where these took the memory.
            reason, before_any_step = str(result.reason), not attempt.has_recorded
            attempt.crash(Crash(reason=reason, own=True, memory="device", before_any_step=before_any_step))
            return
        # Weights that would not be kept are not worth a write, nor are those of a pruned trial.
        unsaved = message.unsaved and end.pruned_by is None
        if unsaved and result.value is not None:
            unsaved = self._edges.best_trials.would_include(attempt.number, result.value)
        attempt.finish(result, is_unsaved=unsaved)
        if not unsaved:
            self._checkpointing.withdraw(attempt)

    def _with_place(self, result: TrialResult) -> TrialResult:
        """Return a result that says where a training of the user's own has failed, and where its traceback is."""
        if result.state != Outcome.FAILED or result.traceback is None or self._live.current.train is None:
            return result
        place, log = place_of(result.traceback), self._edges.fork_server.log
        told = f"{result.reason}{'' if place is None else f' at {place}'}{'' if log is None else f'; log: {log}'}"
        return replace(result, reason=told)

    def _ended(self, attempt: Attempt) -> None:
        """Note that a trainer has ended, and how if it did so before its trial."""
        assert attempt.trainer is not None
        end = attempt.end
        if end.told_to_leave and end.result is None:
            attempt.crash(Crash(reason="its trainer ended before it had saved"))
        elif end.result is None or end.is_unsaved:
            code, counted = attempt.trainer.exit()
            killed = self._kills.take() if was_killed(code) else False
            done = attempt.saving.restored_optimiser_steps + counted
            attempt.crash(describe_crash(code, done, out_of_memory=killed))
        else:
            attempt.kill_trainer()


def _is_spared(attempt: Attempt, step: int) -> bool:
    """Return whether the pruner is not asked about a trial at a step."""
    # Trial 0 is the published recipe, which every other trial has to beat. At the last step nothing is left to save,
    # and a complete trial tells the sampler more than a pruned one. A trial that was interrupted and begins further
    # back is not judged by the later values that it reported before.
    return attempt.number == 0 or step == LAST_STEP or step < max(attempt.open_trial.reported, default=0)


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)

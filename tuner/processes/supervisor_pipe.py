"""The trainer's end of the pipe: reports evaluations, and saves the trial when the supervisor asks for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.machine import disk
from tuner.processes.messages import Answer, Evaluated, Finished, Leave, Save, Saved
from tuner.trial.evaluation import LAST_STEP, whole_steps
from tuner.trial.result import Outcome, Verdict
from tuner.trial.saver import TrialStopped

if TYPE_CHECKING:
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult
    from tuner.trial.saver import Write

#: Longest wait of a trainer, in seconds, for the answer to an evaluation. A supervisor whose database is unreachable
#: answers later; the trial continues until then.
ANSWER_S = 1.0
#: Subfolders of the folder of a save: the resume checkpoint, and the weights of the best evaluation.
STEP, BEST = "step", "best"


class PipeSaver:
    """The saver of a trial whose supervisor is at the other end of a pipe.

    Args:
        connection: The pipe.
        count: Called at each optimiser step, or at each evaluation where training never asks whether to save.
        waits_from: The percent of the schedule from which on an evaluation waits for its answer.
    """

    def __init__(
        self, connection: Connection, *, count: Callable[[], None] = lambda: None, waits_from: int = LAST_STEP
    ) -> None:
        self._connection = connection
        self._count = count
        self._waits_from = waits_from
        self._save: Save | None = None
        self._best: tuple[Evaluation, Write] | None = None
        self._answers: dict[int, Verdict] = {}
        #: Whether the supervisor wants this attempt to end even if the trial cannot be saved.
        self._leave = False
        #: Whether an answer has put the trial aside: no optimiser step of this attempt counts any more.
        self._is_put_aside = False
        #: Whether training has ever asked whether to save.
        self._asks = False
        #: Steps of the evaluations that the supervisor has not answered yet.
        self._unanswered: set[int] = set()
        #: Whether a wait for an answer has timed out. Answers come in order, so there is no second wait until it comes.
        self._is_late = False

    def begin(self) -> None:
        """Take note that the optimiser steps begin, or that they go on with other settings."""

    @property
    def leaving(self) -> bool:
        """Whether this attempt is about to end."""
        self._asks = True
        self._listen()
        return self._is_put_aside or (self._save is not None and self._save.leave)

    def wanted(self) -> bool:
        """Return whether the supervisor wants the trial saved."""
        self._asks = True
        self._count()
        if not self._goes_on():
            raise TrialStopped(Outcome.PRUNED)
        return self._save is not None

    def save(self, optimiser_steps: int, write: Write) -> None:
        """Save the trial, where the supervisor has asked for it: a kept best first, then the resume checkpoint."""
        optimiser_steps = whole_steps(optimiser_steps)
        asked, self._save = self._save, None
        if asked is None:
            return
        if self._best is not None:
            # Best weights are saved first, in a save of their own, so that the store drops the previous best before it
            # has to hold the resume checkpoint.
            self._write(asked, None, None)
            if not asked.leave and not self._is_put_aside:
                return
            asked = self._next_save()
        self._write(asked, optimiser_steps, write)
        while self._is_put_aside and not asked.leave:  # it goes no further than this, and waits for the word to leave
            asked = self._next_save()
            self._write(asked, optimiser_steps, write)
        if asked.leave:
            raise TrialStopped(Outcome.LEFT)

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Keep the function that writes the best weights until the next save."""
        self._best = (evaluation.in_percent(), write)

    def decide(self, evaluation: Evaluation) -> bool:
        """Report an evaluation and return whether the trial continues.

        Training that calls `wanted` at its optimiser steps does not wait for the answer here. It receives the answer in
        a later call of `wanted`, at the latest at its next evaluation. So the device does not wait for the supervisor.
        At a rung where the trial may be put aside it does wait, however long the answer takes: a trial that trains on
        there would report values that decide about others.
        """
        if not self._asks:
            self._count()
        if not self._goes_on(wait_s=ANSWER_S):  # the answers to earlier evaluations
            return False
        if self._is_put_aside:  # training has not looked at `wanted` since the evaluation before
            self._leave_unsaved()
        self._connection.send(Evaluated(evaluation=evaluation))
        self._unanswered.add(evaluation.step)
        if self._waits_from <= evaluation.step < LAST_STEP:
            goes_on = self._goes_on(wait_s=math.inf)
        elif self._asks:
            return True
        else:
            goes_on = self._goes_on(wait_s=ANSWER_S)
        if not self._asks and (self._leave or (self._save is not None and self._save.leave)):
            self._leave_unsaved()
        return goes_on

    def _leave_unsaved(self) -> None:
        """End the attempt of training that never asks whether to save, or did not in time: the next one begins again.

        Raises:
            TrialStopped: Always.
        """
        if self._save is not None:
            self._connection.send(Saved(folder=self._save.folder, optimiser_steps=None, best=None))
        raise TrialStopped(Outcome.LEFT)

    def finish(self, result: TrialResult) -> None:
        """Report the result, and save the best weights of a complete trial when the supervisor asks for them."""
        unsaved = result.state == Outcome.COMPLETE and self._best is not None
        self._connection.send(Finished(result=result, unsaved=unsaved))
        while unsaved and self._best is not None:
            # The request may have come before the result was sent; then the supervisor does not repeat it.
            asked = self._next_save()
            self._write(asked, None, None)
            unsaved = not asked.leave

    def _next_save(self) -> Save:
        """Wait for the request to save."""
        while self._save is None:
            self._listen(None)
        asked, self._save = self._save, None
        return asked

    def _goes_on(self, *, wait_s: float = 0.0) -> bool:
        """Return False where an answer has pruned the trial. One that is put aside waits here for the word to save.

        Args:
            wait_s: Most seconds to wait for outstanding answers. After a wait that timed out there is no further wait
                until all answers have come, but for one without limit.
        """
        deadline = time.monotonic() + (wait_s if wait_s == math.inf or not self._is_late else 0.0)
        self._listen()
        while self._is_undecided() and (left := deadline - time.monotonic()) > 0:
            self._listen(None if left == math.inf else left)
        heard = self._unanswered & self._answers.keys()
        self._unanswered -= heard
        if wait_s:
            self._is_late = bool(self._unanswered)
        verdicts = {self._answers[step] for step in heard}
        self._is_put_aside |= Verdict.SHELVED in verdicts
        while self._is_put_aside and self._save is None:  # the supervisor makes room in the store first
            self._listen(None)
        return Verdict.PRUNED not in verdicts

    def _is_undecided(self) -> bool:
        """Return whether answers are outstanding, and none that has come ends the attempt."""
        heard = self._unanswered & self._answers.keys()
        return heard != self._unanswered and all(self._answers[step] is Verdict.GO_ON for step in heard)

    def _write(self, asked: Save, optimiser_steps: int | None, write: Write | None) -> None:
        folder, began = Path(asked.folder), time.monotonic()
        best, error = None, None
        try:
            if self._best is not None:
                best, write_best = self._best
                (folder / BEST).mkdir()
                write_best(folder / BEST)
            if write is not None:
                (folder / STEP).mkdir()
                write(folder / STEP)
        except Exception as problem:
            full = disk.is_full(folder, problem)
            if not full and not isinstance(problem, OSError):
                raise
            # The trial continues without this checkpoint. A later attempt may have to start from an older one.
            error = disk.full_message(folder) if full else str(problem)
            best, optimiser_steps = None, None
        else:
            self._best = None
        seconds = time.monotonic() - began
        self._connection.send(
            Saved(folder=asked.folder, optimiser_steps=optimiser_steps, best=best, seconds=seconds, error=error)
        )

    def _listen(self, timeout: float | None = 0.0) -> None:
        """Receive the messages of the supervisor.

        Args:
            timeout: Seconds to wait for the first message; None waits until it comes.
        """
        while self._connection.poll(timeout):
            message = self._connection.recv()
            timeout = 0.0
            if isinstance(message, Answer):
                self._answers[message.step] = message.verdict
            elif isinstance(message, Leave):
                self._leave = True
            else:
                assert isinstance(message, Save)
                self._save = message

"""How a trainer saves its trial: at the word of its supervisor, into the folder that it is given."""

from __future__ import annotations

import contextlib
import errno
import shutil
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.processes.messages import Answer, Evaluated, Finished, Leave, Save, Saved
from tuner.trial.evaluation import whole_steps
from tuner.trial.result import Outcome
from tuner.trial.saver import TrialStopped

if TYPE_CHECKING:
    from tuner.trial.evaluation import Evaluation
    from tuner.trial.result import TrialResult
    from tuner.trial.saver import Write

#: Seconds that a trainer waits for an answer that it cannot go on without. A supervisor whose database is away answers
#: later; until then the trial goes on.
ANSWER_S = 1.0
#: Folders of a checkpoint: what to go on from, and the weights of the best evaluation.
STEP, BEST = "step", "best"
#: Bytes below which a disk on which a checkpoint cannot be written counts as full.
_ROOM = 1 << 20


class PipeSaver:
    """The saver of a trial whose supervisor is at the other end of a pipe.

    Args:
        connection: The pipe.
        count: Called at each step; by training that never asks whether to save, at each evaluation.
    """

    def __init__(self, connection: Connection, *, count: Callable[[], None] = lambda: None) -> None:
        self._connection = connection
        self._count = count
        self._save: Save | None = None
        self._best: tuple[Evaluation, Write] | None = None
        self._answers: dict[int, bool] = {}
        #: Whether the trial is to leave even if it cannot be saved.
        self._leave = False
        #: Whether training has ever asked to be told when to save.
        self._asks = False
        #: Evaluations whose answers are still to come.
        self._unanswered: set[int] = set()
        #: Whether one of them has been waited for in vain: while it is overdue, no other is to be had.
        self._is_late = False

    @property
    def leaving(self) -> bool:
        """Whether the trial is about to be moved."""
        self._asks = True
        self._listen()
        return self._save is not None and self._save.leave

    def wanted(self) -> bool:
        """Return whether the supervisor wants the trial saved."""
        self._asks = True
        self._count()
        if not self._goes_on():
            raise TrialStopped(Outcome.PRUNED)
        return self._save is not None

    def save(self, step: int, write: Write) -> None:
        """Save where the trial is."""
        step = whole_steps(step)
        asked, self._save = self._save, None
        if asked is None:
            return
        if self._best is not None:
            # First, and alone: what they replace is then gone from the store before the rest comes.
            self._write(asked, None, None)
            if not asked.leave:
                return
            asked = self._next_save()
        self._write(asked, step, write)
        if asked.leave:
            raise TrialStopped(Outcome.LEFT)

    def keep(self, evaluation: Evaluation, write: Write) -> None:
        """Hold the best weights until the next save."""
        self._best = (evaluation, write)

    def decide(self, evaluation: Evaluation) -> bool:
        """Report an evaluation and return whether the trial goes on.

        Training that asks at its steps does not wait: it hears the answer at one of them, at the latest when it comes
        here again. So what the supervisor has to do for an answer costs no time of the device.
        """
        if not self._asks:
            self._count()
        if not self._goes_on(wait=True):  # what the evaluation before has come to
            return False
        self._connection.send(Evaluated(evaluation=evaluation))
        self._unanswered.add(evaluation.step)
        if self._asks:
            return True
        goes_on = self._goes_on(wait=True)
        if self._leave or (self._save is not None and self._save.leave):
            # Training that never asks cannot be saved: it leaves here, and begins again elsewhere.
            if self._save is not None:
                self._connection.send(Saved(folder=self._save.folder, step=None, best=None))
            raise TrialStopped(Outcome.LEFT)
        return goes_on

    def finish(self, result: TrialResult) -> None:
        """Say that the trial is over, once its best weights are saved."""
        unsaved = result.state == Outcome.COMPLETE and self._best is not None
        self._connection.send(Finished(result=result, unsaved=unsaved))
        while unsaved and self._best is not None:
            asked = self._next_save()  # it may have come before the end was said, and is then not said again
            self._write(asked, None, None)
            unsaved = not asked.leave

    def _next_save(self) -> Save:
        """Wait for the word to save."""
        while self._save is None:
            self._listen(None)
        asked, self._save = self._save, None
        return asked

    def _goes_on(self, *, wait: bool = False) -> bool:
        """Return whether no answer has ended the trial; after a wait for those that are still to come.

        A supervisor that does not answer is waited for once.
        """
        deadline = time.monotonic() + (ANSWER_S if wait and not self._is_late else 0.0)
        self._listen()
        while self._unanswered - self._answers.keys() and (left := deadline - time.monotonic()) > 0:
            self._listen(left)
        heard = self._unanswered & self._answers.keys()
        self._unanswered -= heard
        if wait:
            self._is_late = bool(self._unanswered)
        return all(self._answers[step] for step in heard)

    def _write(self, asked: Save, step: int | None, write: Write | None) -> None:
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
            full = _is_full(folder, problem)
            if not full and not isinstance(problem, OSError):
                raise
            # The trial goes on, from an older checkpoint if it must.
            error = f"the disk of {folder} is full; make room there" if full else str(problem)
            best, step = None, None
        else:
            self._best = None
        seconds = time.monotonic() - began
        self._connection.send(Saved(folder=asked.folder, step=step, best=best, seconds=seconds, error=error))

    def _listen(self, timeout: float | None = 0.0) -> bool:
        """Take what the supervisor has said; return whether it has said something."""
        heard = False
        while self._connection.poll(timeout):
            message = self._connection.recv()
            heard, timeout = True, 0.0
            if isinstance(message, Answer):
                self._answers[message.step] = message.go_on
            elif isinstance(message, Leave):
                self._leave = True
            else:
                assert isinstance(message, Save)
                self._save = message
        return heard


def _is_full(folder: Path, error: BaseException) -> bool:
    """Return whether a disk without room is at fault; of that, libraries make errors of their own."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < _ROOM
    return False

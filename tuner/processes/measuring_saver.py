"""A saver that measures how long the parts of a smoke run take, from the moments at which training calls it."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from tuner.processes.messages import Measured
from tuner.processes.supervisor_pipe import PipeSaver

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuner.trial.evaluation import Evaluation


class MeasuringSaver(PipeSaver):
    """Measures optimiser steps and the evaluation, and sends the seconds before the evaluation.

    Training asks whether to save after an optimiser step, and whether to leave before each part of an evaluation. An
    optimiser step ends at the first of these calls after it. The time before the configuration is recorded, in which
    the model is loaded, is part of no step.

    Args:
        connection: The pipe.
        count: As in `PipeSaver`.
        clock: Returns seconds.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        count: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(connection, count=count)
        self._pipe = connection
        self._clock = clock
        self._steps: list[float] = []
        #: When the running optimiser step began; None before the first one, and while an evaluation runs.
        self._step_began: float | None = None
        self._evaluation_began: float | None = None

    def begin(self) -> None:
        """Take note that the first optimiser step begins."""
        if not self._steps:
            self._step_began = self._clock()

    @property
    def leaving(self) -> bool:
        """Whether this attempt is about to end; at the first such question an evaluation begins."""
        if self._evaluation_began is None:
            self._end_step()
            self._step_began, self._evaluation_began = None, self._clock()
        return super().leaving

    def wanted(self) -> bool:
        """Return whether the supervisor wants the trial saved; the next optimiser step begins."""
        self._end_step()
        self._step_began, self._evaluation_began = self._clock(), None
        return super().wanted()

    def decide(self, evaluation: Evaluation) -> bool:
        """Report the seconds measured so far and the evaluation, and return whether the trial continues."""
        if self._steps and self._evaluation_began is not None:
            seconds = self._clock() - self._evaluation_began
            self._pipe.send(Measured(optimiser_steps_s=tuple(self._steps), evaluation_s=seconds))
        return super().decide(evaluation)

    def _end_step(self) -> None:
        if self._step_began is not None:
            self._steps.append(self._clock() - self._step_began)

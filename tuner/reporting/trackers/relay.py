"""Relays: the events of a supervisor go to each tracker through a thread and a process of its own.

A tracker waits for networks and disks, prints, and may hang or crash. None of that reaches the supervisor: its thread
alone waits, and its process alone is ended. A trial that a tracker has failed is left alone there until it ends.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from typing import TYPE_CHECKING

from tuner.errors import TrainerDied
from tuner.processes.trainers import ForkServer
from tuner.reporting.events import Notice, TrialDropped, TrialEnded, TrialEvaluated, TrialStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tuner.processes.trainers import Trainer
    from tuner.reporting.events import Event, TrialWasOver, Watcher
    from tuner.reporting.trackers.process import TrialEvent
    from tuner.study.trackers import TrackedStudy, TrackerName

#: Seconds after which a tracker that does not answer is ended.
PATIENCE_S = 60.0
#: Seconds that the end of a run waits for its trackers; and after a signal, whose sender waits as well, or an error.
LAST_S, LAST_AFTER_ERROR_S = 20.0, 5.0
#: Environment of trackers, unless the user sets the variables: none of them reports to its makers how it is used.
_DEFAULTS = {"MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_ERROR_REPORTING": "false"}


class Relay:
    """Takes events for one tracker. `put` never waits.

    Args:
        name: The tracker.
        study: The study.
        log: File for what it prints; None sends it to the stderr of this process.
        notice: Takes a line for a person, from any thread.
        function: The tracker's process.
        patience_s: Seconds after which a tracker that does not answer is ended.
    """

    def __init__(
        self,
        name: TrackerName,
        study: TrackedStudy,
        log: Path | None,
        *,
        notice: Callable[[str], None],
        function: str = "tuner.reporting.trackers.process:track",
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._name, self._study, self._log = name, study, log
        self._notice = notice
        self._function = function
        self._patience_s = patience_s
        self._events: queue.SimpleQueue[TrialEvent | tuple[TrialWasOver, ...] | None] = queue.SimpleQueue()
        self._server: ForkServer | None = None
        self._process: Trainer | None = None
        #: Trials that run as far as the tracker knows, and those of them that it has failed.
        self._running: set[int] = set()
        self._left_alone: set[int] = set()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"tracker {name}", daemon=True)
        self._thread.start()

    def put(self, event: TrialEvent) -> None:
        """Have the tracker told of an event."""
        self._events.put(event)

    def catch_up(self, trials: Sequence[TrialWasOver]) -> None:
        """Have the tracker told of trials that were over, as far as it does not know of them."""
        if trials:
            self._events.put(tuple(trials))

    def finish(self) -> None:
        """Have the tracker end once it has taken everything."""
        self._events.put(None)

    def close(self, deadline: float) -> None:
        """Wait until the tracker has ended, at most until a moment on this process's clock, and end it."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._is_closed = True
            self._notice(f"{self._name} has not taken everything in time; what is left is dropped")
        self._end_process()

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            if self._is_closed:
                return
            if isinstance(event, tuple):
                self._catch_up(event)
                continue
            number = event.number
            if isinstance(event, TrialStarted):
                self._running.add(number)
                self._left_alone.discard(number)
            if number not in self._left_alone:
                self._deliver(event)
            if isinstance(event, TrialEnded | TrialDropped):
                self._running.discard(number)
                self._left_alone.discard(number)
        if self._process is not None:
            with contextlib.suppress(OSError, EOFError):
                self._ask(None)

    def _catch_up(self, trials: tuple[TrialWasOver, ...]) -> None:
        for trial in trials:
            complaint, _ = self._told(trial)
            if complaint is not None:  # it would say the same of the rest
                if not self._is_closed:
                    self._notice(f"{self._name}: {complaint}; trials that were over are not told there")
                return

    def _deliver(self, event: TrialEvent) -> None:
        complaint, has_ended = self._told(event)
        if complaint is not None:  # where the process goes on, other trials are not concerned
            others = self._running - self._left_alone if has_ended else set[int]()
            self._leave_alone({event.number, *others}, complaint)

    def _told(self, event: TrialEvent) -> tuple[str | None, bool]:
        """Tell the process of an event; return what went wrong, or None, and whether the process has ended."""
        try:
            return self._ask(event), False
        except TimeoutError:
            complaint = f"it has not answered for {self._patience_s:g} s"
        except (OSError, EOFError, TrainerDied):
            complaint = "its process ended"
        self._end_process()
        return complaint, True

    def _ask(self, event: TrialEvent | None) -> str | None:
        """Tell the process of an event; return what went wrong, or None.

        Raises:
            TimeoutError: It does not answer.
            OSError: It has ended; also EOFError.
            TrainerDied: It cannot be started.
        """
        if self._process is None:
            self._server = ForkServer(self._log, preload=("tuner.reporting.events",))
            environment = {name: os.environ.get(name, value) for name, value in _DEFAULTS.items()}
            arguments = {"name": self._name, "study": self._study}
            self._process = self._server.start(self._function, arguments, environment)
        connection = self._process.connection
        connection.send(event)
        if not connection.poll(self._patience_s):
            raise TimeoutError
        answer: str | None = connection.recv()
        return answer

    def _leave_alone(self, numbers: set[int], complaint: str) -> None:
        self._left_alone |= numbers
        if self._is_closed:  # that was said
            return
        listed = ", ".join(map(str, sorted(numbers)))
        trials = f"trial {listed} is" if len(numbers) == 1 else f"trials {listed} are"
        self._notice(f"{self._name}: {complaint}; {trials} not tracked there any further")

    def _end_process(self) -> None:
        process, server = self._process, self._server
        self._process = self._server = None
        if process is not None:
            process.kill()
        if server is not None:
            server.close()


class Trackers:
    """A watcher that hands every event on, and those of trials to the trackers as well.

    Args:
        watch: The watcher that events are handed on to. The thread that calls this object alone calls it.
        names: The trackers.
        study: The study.
        log: File for what trackers print; None sends it to the stderr of this process.
    """

    def __init__(self, watch: Watcher, names: Sequence[TrackerName], study: TrackedStudy, log: Path | None) -> None:
        self._watch = watch
        self._texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._relays = [Relay(name, study, log, notice=self._texts.put) for name in names]

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._watch(event)
        if isinstance(event, TrialStarted | TrialEvaluated | TrialEnded | TrialDropped):
            for relay in self._relays:
                relay.put(event)
        self._show()

    def catch_up(self, trials: Sequence[TrialWasOver]) -> None:
        """Have the trackers told of trials that were over before the run began, as far as they do not know of them.

        A machine that was killed may not have told them, and a study may have been given a tracker later.
        """
        for relay in self._relays:
            relay.catch_up(trials)

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        deadline = time.monotonic() + (LAST_S if kind is None else LAST_AFTER_ERROR_S)
        for relay in self._relays:  # all at once: one that hangs takes no time from the others
            relay.finish()
        for relay in self._relays:
            relay.close(deadline)
        self._show()

    def _show(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._watch(Notice(text=self._texts.get_nowait()))

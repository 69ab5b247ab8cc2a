"""Processes of trackers that fail, for the tests of the relay."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tuner.reporting.events import TrialStarted, TrialWasOver
from tuner.study.trackers import TrackedStudy, TrackerName


def writes(connection: Connection, *, name: TrackerName, study: TrackedStudy) -> None:
    """Write down each event; hang, crash or fail at the start of trials 1, 2 and 3."""
    while (event := connection.recv()) is not None:
        answer = None
        if isinstance(event, TrialStarted | TrialWasOver):
            if event.number == 1:
                time.sleep(3600)
            if event.number == 2:
                os._exit(9)
            if event.number == 3:
                answer = "ValueError: no such project"
        with Path("written").open("a", encoding="utf-8") as file:
            file.write(f"{type(event).__name__} {event.number}\n")
        connection.send(answer)
    connection.send(None)

"""The workplace of a supervisor: its devices, its fork server and its store on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from storage import CheckpointStore
    from tuner.machine.devices import Lane
    from tuner.processes.trainers import ForkServer
    from tuner.reporting.events import Watcher
    from tuner.supervisor.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """The devices, the fork server and the store that a run of a study uses."""

    #: Where its trials train, at least one.
    lanes: tuple[Lane, ...]
    #: Starts trainers.
    fork_server: ForkServer
    #: Keeps checkpoints and the best weights.
    store: CheckpointStore
    #: Told of every event.
    watch: Watcher
    #: How long things may take.
    timing: Timing
    #: File for what trainers and trackers print; None sends it to the stderr of this process.
    log: Path | None = None

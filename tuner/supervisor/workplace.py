"""The workplace of a supervisor: what it holds and uses on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage import CheckpointStore
    from tuner.machine.devices import Lane
    from tuner.processes.trainers import ForkServer
    from tuner.reporting.events import Watcher
    from tuner.supervisor.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """What a run of a study holds on this machine."""

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

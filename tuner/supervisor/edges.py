"""The edges of a supervisor: the database, the store, trainers and people, as the life of its trials acts on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuner.processes.trainers import ForkServer
    from tuner.reporting.events import Watcher
    from tuner.supervisor.background import Background
    from tuner.supervisor.best_trials import BestTrials
    from tuner.supervisor.crash import Crashes
    from tuner.supervisor.judging import Judge
    from tuner.supervisor.ledger import Ledger
    from tuner.supervisor.micro_batches import MicroBatches
    from tuner.supervisor.transfers import Transfers
    from tuner.supervisor.twins import Twins


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Everything outside the life of a trial that it acts on."""

    #: Writes to the database.
    ledger: Ledger
    #: Judges trials at their rungs.
    judge: Judge
    #: Finds complete trials that a new one would repeat.
    twins: Twins
    #: Knows the trials whose weights stay.
    best_trials: BestTrials
    #: Forks trainers, and is started again after a crash.
    fork_server: ForkServer
    #: Counts the crashes of the run.
    crashes: Crashes
    #: Chooses how many examples trainers take at a time.
    micro_batches: MicroBatches
    #: Moves files between the store and this machine.
    transfers: Transfers
    #: Runs calls that wait for the store.
    background: Background
    #: Told of every event.
    watch: Watcher
    #: Takes a line for a person. Safe from any thread.
    notice: Callable[[str], None]
    #: Called when the leases or the lanes have changed, so that the heartbeat shows it at once.
    changed: Callable[[], None]

"""Ledgers and transfers as a supervisor makes them, for tests that go below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import Shelves, Slots
from tuner.search.optuna_trials import OptunaTrials
from tuner.study.live_config import LiveConfig
from tuner.study.space_versions import SpaceVersions, earlier_spaces
from tuner.supervisor.best_trials import BestTrials
from tuner.supervisor.ledger import Ledger
from tuner.supervisor.retrying import OutageRetrying
from tuner.supervisor.room import Room
from tuner.supervisor.transfers import Transfers
from tuner.trial.looks import LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from search_spaces import SearchSpace
    from storage import CheckpointStore, Database, StudyRecord
    from tuner.study.config import StudyConfig


def make_ledger(
    database: Database,
    record: StudyRecord,
    config: StudyConfig,
    space: SearchSpace,
    *,
    owner: str,
    lease_s: float,
    retrying: OutageRetrying,
    kind: type[Ledger] = Ledger,
) -> Ledger:
    """Return a ledger on a study."""
    spaces = SpaceVersions(spaces=(*earlier_spaces(record.facts), space))
    trials = OptunaTrials(database, record, LiveConfig(config), spaces)
    slots, shelves = Slots(database, record.id), Shelves(database, record.id)
    return kind(slots, shelves, trials, owner=owner, lease_s=lease_s, retrying=retrying, facts=record.facts)


def make_transfers(
    store: CheckpointStore, database: Database, record: StudyRecord, ledger: Ledger, notice: Callable[[str], None]
) -> Transfers:
    """Return transfers between a store and this machine, for a study whose metric is maximised."""
    from tuner.study.study_file import parse_stored

    live = LiveConfig(parse_stored(record.config, source=record.name))
    retrying = OutageRetrying(notice)
    best_trials = BestTrials(database, record, live, retrying)
    room = Room(store, Shelves(database, record.id), live, retrying, LOOKS[10])
    return Transfers(store, ledger, best_trials, room, direction="maximize", facts={}, notice=notice)

"""Shares the connections of a server that may allow fewer of them than there are supervisors.

A supervisor queries the database every second and trains for hours. If it kept its connections, other supervisors could
not start for hours. So an idle connection is kept for a few seconds for the next use, then closed. A process that the
server refuses a connection closes all of its idle ones, waits for a random time and tries again.
"""

from __future__ import annotations

import random
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.util.queue import Empty

#: Age in seconds after which an idle connection is closed. Queries in quick succession share one connection.
KEPT_S = 5.0
#: Seconds for which a command tries to get a connection before it fails.
PATIENCE_S = 30.0
#: Shortest and longest wait in seconds between two tries to connect.
_AGAIN_S = (0.1, 0.6)
#: Shortest and longest wait in seconds between two tries to get the creation lock.
LOCK_AGAIN_S = (0.02, 0.15)
#: Parts of the servers' messages that all connections are taken: PostgreSQL's two, then MySQL's.
_REFUSALS = ("too many clients", "connection slots are reserved", "too many connections")


@dataclass(frozen=True, kw_only=True)
class _WaitPolicy:
    """How long this process waits for a connection, and the function that is told of the wait."""

    patience_s: float = PATIENCE_S
    notice: Callable[[str], None] = lambda text: None


_policy = _WaitPolicy()
_pools: weakref.WeakSet[TurnPool] = weakref.WeakSet()


@contextmanager
def waiting_for_connections(
    notice: Callable[[str], None] = lambda text: None, *, seconds: float = PATIENCE_S
) -> Iterator[None]:
    """Set how this process waits if a server has no free connection.

    Args:
        notice: Called once for each wait, with one line that says why.
        seconds: Seconds after which the server's error is raised.
    """
    global _policy
    before, _policy = _policy, _WaitPolicy(patience_s=seconds, notice=notice)
    try:
        yield
    finally:
        _policy = before


def give_back(kept_s: float = 0.0) -> None:
    """Close the idle connections of this process that were opened at least `kept_s` seconds ago."""
    for pool in list(_pools):
        pool.give_back(kept_s)


def is_refused(error: BaseException) -> bool:
    """Return whether a server refused a connection because all of its connections are taken."""
    said = str(error).lower()
    return any(refusal in said for refusal in _REFUSALS)


class TurnPool(sa.pool.QueuePool):
    """A connection pool that waits for a free connection of the server, and can close its idle ones."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        event.listen(self, "connect", _note_when)
        _pools.add(self)

    def connect(self) -> sa.PoolProxiedConnection:
        """Return a connection. If the server has none left, wait for one as `waiting_for_connections` has set."""
        deadline, told = time.monotonic() + _policy.patience_s, False
        while True:
            try:
                return super().connect()
            except Exception as error:
                if not is_refused(error) or time.monotonic() >= deadline:
                    raise
                if not told:
                    told = True
                    lines = str(error).strip().splitlines()
                    _policy.notice(f"every connection of the database is taken, waiting for one: {lines[0]}")
            give_back()
            time.sleep(random.uniform(*_AGAIN_S))

    def give_back(self, kept_s: float) -> None:
        """Close the idle connections that were opened at least `kept_s` seconds ago."""
        idle = []
        while True:
            try:
                idle.append(self._pool.get(block=False))
            except Empty:
                break
        for record in idle:
            if time.monotonic() - record.info.get("made", 0.0) >= kept_s:
                record.invalidate()  # closes the connection; the next use of this record opens a new one
            self._do_return_conn(record)


def pool_arguments(*, ours: bool) -> dict[str, Any]:
    """Return keyword arguments of `create_engine` that limit the connections of our engine, or of Optuna's."""
    return {
        "poolclass": TurnPool,
        # Detects, before each use, a connection that the server closed while it was idle in the pool.
        "pool_pre_ping": True,
        "pool_timeout": 30,
        # One thread of a supervisor uses Optuna's engine. Our engine serves that thread, the heartbeat and the uploads.
        # Each engine keeps one idle connection; those beyond it are closed after use.
        "pool_size": 1,
        "max_overflow": 3 if ours else 1,
    }


def _note_when(_: object, record: Any) -> None:
    record.info["made"] = time.monotonic()

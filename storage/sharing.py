"""Connections to a server that may have fewer of them than there are supervisors: they are shared by taking turns.

A supervisor asks the database something every second and trains for hours, so one that kept its connections would keep
others from starting for as long. The rule: a connection is kept for the next use for a few seconds, then given back;
whoever is refused one gives back all that lie idle, and asks again after a moment that is drawn at random.
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

#: Seconds after which a connection that lies idle is given back: a burst of questions shares one, a pause frees it.
KEPT_S = 5.0
#: Seconds for which a command asks for a connection again before it says that there is none.
PATIENCE_S = 30.0
#: Seconds between two tries, at least and at most.
_AGAIN_S = (0.1, 0.6)
#: Seconds between two tries to get the lock for making tables, at least and at most.
LOCK_AGAIN_S = (0.02, 0.15)
#: What servers say where every connection is taken: PostgreSQL's messages, then MySQL's.
_REFUSALS = ("too many clients", "connection slots are reserved", "too many connections")


@dataclass(frozen=True, kw_only=True)
class _Manner:
    """How this process waits for a connection."""

    patience_s: float = PATIENCE_S
    notice: Callable[[str], None] = lambda text: None


_manner = _Manner()
_pools: weakref.WeakSet[TurnPool] = weakref.WeakSet()


@contextmanager
def waiting_for_connections(
    notice: Callable[[str], None] = lambda text: None, *, seconds: float = PATIENCE_S
) -> Iterator[None]:
    """Say how this process waits where a server has no connection left.

    Args:
        notice: Told in a line that it waits, and why.
        seconds: How long, before that is an error.
    """
    global _manner
    before, _manner = _manner, _Manner(patience_s=seconds, notice=notice)
    try:
        yield
    finally:
        _manner = before


def give_back(kept_s: float = 0.0) -> None:
    """Close the connections of this process that lie idle and were made at least so many seconds ago."""
    for pool in list(_pools):
        pool.give_back(kept_s)


def is_refused(error: BaseException) -> bool:
    """Return whether a server said that all of its connections are taken."""
    said = str(error).lower()
    return any(refusal in said for refusal in _REFUSALS)


class TurnPool(sa.pool.QueuePool):
    """The pool of an engine that shares its server with others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        event.listen(self, "connect", _note_when)
        _pools.add(self)

    def connect(self) -> sa.PoolProxiedConnection:
        """Return a connection; wait for one where the server has none left."""
        deadline, told = time.monotonic() + _manner.patience_s, False
        while True:
            try:
                return super().connect()
            except Exception as error:
                if not is_refused(error) or time.monotonic() >= deadline:
                    raise
                if not told:
                    told = True
                    lines = str(error).strip().splitlines()
                    _manner.notice(f"every connection of the database is taken, waiting for one: {lines[0]}")
            give_back()
            time.sleep(random.uniform(*_AGAIN_S))

    def give_back(self, kept_s: float) -> None:
        """Close what lies idle and was made at least so many seconds ago."""
        idle = []
        while True:
            try:
                idle.append(self._pool.get(block=False))
            except Empty:
                break
        for record in idle:
            if time.monotonic() - record.info.get("made", 0.0) >= kept_s:
                record.invalidate()  # closed; whoever takes its place next makes it anew
            self._do_return_conn(record)


def pool_arguments(*, ours: bool) -> dict[str, Any]:
    """Return the arguments of an engine that bound the connections of a process: ours, or Optuna's."""
    return {
        "poolclass": TurnPool,
        # A connection that the server closed while it lay in the pool is found before it is used.
        "pool_pre_ping": True,
        "pool_timeout": 30,
        # One thread of a supervisor talks to Optuna; ours serve that thread, the heartbeat and the uploads. Of what
        # they need at a time, one connection of each kind is kept for the next use.
        "pool_size": 1,
        "max_overflow": 3 if ours else 1,
    }


def _note_when(_: object, record: Any) -> None:
    record.info["made"] = time.monotonic()

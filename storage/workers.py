"""Workers: the lanes of the supervisors that run a study, and the times of their last heartbeats."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables
from storage.clock import now_s
from storage.owners import is_gone
from storage.records import WorkerRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.database import Database

_workers = tables.workers.c


class Workers:
    """The workers of one study."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def beat(self, owner: str, lanes: Mapping[int, tuple[str, int | None]], lease_s: float) -> None:
        """Write a supervisor's heartbeat: one row for each lane.

        Args:
            owner: The supervisor's name as an owner.
            lanes: By lane: its device, and the number of the trial that it trains, or None while it waits.
            lease_s: Seconds after which the supervisor counts as gone unless it sends another heartbeat.
        """
        with self._database.write() as connection:
            connection.execute(tables.workers.delete().where(_workers.owner == owner))
            for lane, (device, trial) in lanes.items():
                connection.execute(
                    tables.workers.insert().values(
                        owner=owner,
                        lane=lane,
                        study_id=self._study_id,
                        host=socket.gethostname(),
                        pid=os.getpid(),
                        device=device,
                        trial_number=trial,
                        beat=now_s(),
                        expires=now_s() + lease_s,
                    )
                )

    def leave(self, owner: str) -> None:
        """Delete the rows of a supervisor that ends regularly."""
        with self._database.write() as connection:
            connection.execute(tables.workers.delete().where(_workers.owner == owner))

    def forget_gone(self) -> None:
        """Delete the rows of supervisors that have died: their heartbeat has expired, or their process has ended."""
        mine = _workers.study_id == self._study_id
        with self._database.read() as connection:
            owners = connection.execute(sa.select(_workers.owner).where(mine).distinct()).scalars().all()
        gone = sa.or_(_workers.expires < now_s(), _workers.owner.in_([each for each in owners if is_gone(each)]))
        with self._database.write() as connection:
            connection.execute(tables.workers.delete().where(mine, gone))

    def alive(self) -> list[WorkerRecord]:
        """Return the workers whose heartbeat has not expired, without those whose process on this machine has ended."""
        age = (now_s() - _workers.beat).label("age")
        query = (
            sa.select(tables.workers, age)
            .where(_workers.study_id == self._study_id, _workers.expires >= now_s())
            .order_by(_workers.owner, _workers.lane)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            WorkerRecord(
                owner=row.owner,
                lane=row.lane,
                host=row.host,
                pid=row.pid,
                device=row.device,
                trial=row.trial_number,
                beat_age_s=max(0.0, row.age),
            )
            for row in rows
            if not is_gone(row.owner)
        ]

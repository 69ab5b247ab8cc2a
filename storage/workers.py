"""Workers: who is running a study, and when each last showed a sign of life."""

from __future__ import annotations

import os
import socket
import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables
from storage.clock import now_s
from storage.records import WorkerRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.database import Database

_workers = tables.workers.c


def new_owner() -> str:
    """Return a name for a supervisor that no other process has."""
    return f"{socket.gethostname()[:24]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class Workers:
    """The workers of one study."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def beat(self, owner: str, lanes: Mapping[int, tuple[str, int | None]], lease_s: float) -> None:
        """Show that a supervisor lives.

        Args:
            owner: The supervisor.
            lanes: By lane, its device and the number of the trial that it trains.
            lease_s: Seconds after which it counts as gone.
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
        """Forget a supervisor that ends in good order."""
        with self._database.write() as connection:
            connection.execute(tables.workers.delete().where(_workers.owner == owner))

    def forget_gone(self) -> None:
        """Forget the supervisors that ended without a word."""
        with self._database.write() as connection:
            connection.execute(
                tables.workers.delete().where(_workers.study_id == self._study_id, _workers.expires < now_s())
            )

    def alive(self) -> list[WorkerRecord]:
        """Return the workers that have shown a sign of life lately."""
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
        ]

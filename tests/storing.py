"""What tests do to a database besides what the storage offers: let time pass, look at every row, begin a trial."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import sqlalchemy as sa

from storage import Database, Lease, SlotRecord, Slots, Studies, StudyRecord, fenced

#: Seconds; nothing here expires unless a test says so.
LEASE_S = 3600.0


def create_study(
    database: Database,
    name: str = "one",
    *,
    trials: int = 4,
    direction: str = "maximize",
    first: dict[str, Any] | None = None,
) -> StudyRecord:
    return Studies(database).create(
        name,
        direction=direction,  # type: ignore[arg-type]
        config={"metric": {"name": "accuracy", "direction": direction}, "budget": {"trials": trials}},
        facts={"family": "bert"},
        trials=trials,
        first={"x": 0.5} if first is None else first,
    )


def optuna_study(database: Database, name: str = "one") -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(seed=0)
    return optuna.load_study(study_name=name, storage=database.optuna_storage, sampler=sampler)


def claim(slots: Slots, owner: str = "me") -> tuple[Lease, SlotRecord]:
    claimed = slots.claim(owner, LEASE_S)
    assert claimed is not None
    return claimed


def begin(slots: Slots, study: optuna.Study, owner: str = "me") -> tuple[Lease, optuna.Trial]:
    """Claim a slot, and ask for a trial where it has none."""
    lease, slot = claim(slots, owner)
    if slot.trial_id is not None:
        return lease, optuna.Trial(study, slot.trial_id)
    with fenced(lease, asking=True):
        return lease, study.ask()


def expire(database: Database, *, study_id: int | None = None, slot: int | None = None) -> None:
    """Let the time pass that a lease holds without a sign of life."""
    query = "UPDATE tuner_slots SET expires = expires - 100000 WHERE state = 'running'"
    if study_id is not None:
        query += f" AND study_id = {study_id}"
    if slot is not None:
        query += f" AND slot = {slot}"
    with database.write() as connection:
        assert connection.exec_driver_sql(query).rowcount >= 1


def pass_time(database: Database, table: str, column: str, seconds: float) -> None:
    """Make every moment in a column older."""
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET {column} = {column} - {seconds}")


def count(database: Database, table: str) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)


def content(database: Database, *, ours: bool = False) -> dict[str, list[str]]:
    """Return every row of Optuna's tables, or of ours, as text: in which even NaN equals itself."""
    with database.read() as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name.startswith("tuner_") == ours]
        return {
            name: sorted(repr(tuple(row)) for row in connection.exec_driver_sql(f"SELECT * FROM {name}"))
            for name in names
        }


@contextmanager
def unseen_commit(
    database: Database, statement: str, *, engine: sa.Engine | None = None, written: bool = True
) -> Iterator[None]:
    """Have the connection break as a transaction with such a statement is committed: after it is written, or before."""
    engine = engine or database.optuna_storage.engine
    seen: list[str] = []
    done: list[str] = []

    def look(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if text.startswith(statement) and not done:
            seen.append(text)

    def commit(connection: sa.Connection) -> None:
        if seen and not done:
            done.append(seen[0])
            if written:
                connection.connection.commit()
            else:
                connection.connection.rollback()
            raise sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))

    sa.event.listen(engine, "after_cursor_execute", look)
    sa.event.listen(engine, "commit", commit)
    yield
    assert done
    sa.event.remove(engine, "after_cursor_execute", look)
    sa.event.remove(engine, "commit", commit)

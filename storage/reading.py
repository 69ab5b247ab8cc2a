"""Makes Optuna's storage read-only, enforced by the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    import optuna
    import sqlalchemy as sa

_READING = {
    "sqlite": "PRAGMA query_only=ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}


def make_read_only(storage: optuna.storages.RDBStorage) -> None:
    """Make every connection of a storage read-only, so that the database refuses its writes."""
    engine: sa.Engine = storage.engine
    statement = _READING[engine.dialect.name]

    def begin(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()  # a rollback of this transaction would undo the setting on PostgreSQL

    event.listen(engine, "connect", begin)
    engine.dispose()  # so that no connection made before stays in the pool

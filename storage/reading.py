"""Optuna's storage for whoever only reads: the database itself keeps it from writing."""

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


def keep_reading(storage: optuna.storages.RDBStorage) -> None:
    """Have the database refuse whatever a storage may try to write."""
    engine: sa.Engine = storage.engine
    statement = _READING[engine.dialect.name]

    def begin(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()  # what a transaction sets for its session ends with it where it is rolled back

    event.listen(engine, "connect", begin)
    engine.dispose()  # so that no connection made before stays in the pool

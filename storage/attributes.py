"""Writes attributes of trials and studies by plain SQL, within a transaction of Optuna's.

Optuna's own methods read the trial or the study first and build their statements anew for each attribute. For the
attributes of a report this took as long as the report itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

if TYPE_CHECKING:
    import optuna

    from storage.database import Database


class _Attributes:
    """One of Optuna's tables of attributes, and the statements to read and write it."""

    def __init__(self, table: str, owner: str) -> None:
        self._owner = owner
        self._table = sa.table(table, *map(sa.column, (owner, "key", "value_json")))
        self._look = sa.select(sa.literal(1)).where(
            *(self._table.c[name] == sa.bindparam(name) for name in (owner, "key"))
        )
        #: The INSERT that replaces an existing value, by SQL dialect.
        self._writes: dict[str, sa.Insert] = {}

    def has(self, connection: sa.Connection, owner: int, key: str) -> bool:
        return connection.execute(self._look, {self._owner: owner, "key": key}).first() is not None

    def starting(self, connection: sa.Connection, owner: int, prefix: str) -> dict[str, Any]:
        query = sa.select(self._table.c.key, self._table.c.value_json).where(
            self._table.c[self._owner] == owner, self._table.c.key.startswith(prefix, autoescape=True)
        )
        return {row.key: json.loads(row.value_json) for row in connection.execute(query)}

    def set(self, connection: sa.Connection, owner: int, values: Mapping[str, Any]) -> None:
        rows = [{self._owner: owner, "key": key, "value_json": json.dumps(value)} for key, value in values.items()]
        connection.execute(self._write(connection.dialect.name), rows)

    def _write(self, dialect: str) -> sa.Insert:
        if dialect not in self._writes:
            if dialect == "mysql":
                replacing = mysql.insert(self._table)
                self._writes[dialect] = replacing.on_duplicate_key_update(value_json=replacing.inserted.value_json)
            else:
                insert = (sqlite if dialect == "sqlite" else postgresql).insert(self._table)
                self._writes[dialect] = insert.on_conflict_do_update(
                    index_elements=[self._owner, "key"], set_={"value_json": insert.excluded.value_json}
                )
        return self._writes[dialect]


_of_trials = _Attributes("trial_user_attributes", "trial_id")
_of_trials_by_system = _Attributes("trial_system_attributes", "trial_id")
_of_studies = _Attributes("study_system_attributes", "study_id")


def set_trial_attributes(storage: optuna.storages.RDBStorage, trial_id: int, values: Mapping[str, Any]) -> None:
    """Set user attributes of a trial. Call this inside `joined`, in one transaction with an Optuna write to the trial.

    This function does not check that the trial exists and is unfinished: Optuna's call does.

    Args:
        storage: The storage whose transaction runs in this thread.
        trial_id: Optuna's id of the trial.
        values: JSON values by attribute name.
    """
    _of_trials.set(storage.scoped_session().connection(), trial_id, values)


def set_trial_system_attributes(storage: optuna.storages.RDBStorage, trial_id: int, values: Mapping[str, Any]) -> None:
    """Set system attributes of a trial, which dashboards do not show; otherwise as `set_trial_attributes`.

    Args:
        storage: The storage whose transaction runs in this thread.
        trial_id: Optuna's id of the trial.
        values: JSON values by attribute name.
    """
    _of_trials_by_system.set(storage.scoped_session().connection(), trial_id, values)


def set_study_attributes(storage: optuna.storages.RDBStorage, study_id: int, values: Mapping[str, Any]) -> None:
    """Set system attributes of a study. Call this in a `joined` transaction, beside a call of Optuna's.

    Args:
        storage: The storage whose transaction runs in this thread.
        study_id: Optuna's id of the study.
        values: JSON values by attribute name.
    """
    _of_studies.set(storage.scoped_session().connection(), study_id, values)


def has_study_attribute(storage: optuna.storages.RDBStorage, study_id: int, key: str) -> bool:
    """Return whether a study has a system attribute. Optuna's own method would read all attributes of the study.

    Args:
        storage: The storage whose transaction runs in this thread.
        study_id: Optuna's id of the study.
        key: The attribute's name.
    """
    return _of_studies.has(storage.scoped_session().connection(), study_id, key)


def change_study_attributes(
    database: Database, study_id: int, prefix: str, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> None:
    """Change system attributes of a study, by one writer at a time, in a transaction of its own.

    Args:
        database: Where the study is.
        study_id: Optuna's id of the study.
        prefix: How the names of the attributes begin. Others are not read: a study has thousands.
        change: Takes these attributes as they are, and returns those to write.

    Raises:
        KeyError: The study was deleted.
    """
    studies = sa.table("studies", sa.column("study_id"))
    lock = sa.select(studies.c.study_id).where(studies.c.study_id == study_id).with_for_update()
    with database.write() as connection:
        if connection.execute(lock).first() is None:
            raise KeyError(study_id)
        if values := change(_of_studies.starting(connection, study_id, prefix)):
            _of_studies.set(connection, study_id, values)

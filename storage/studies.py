"""Studies and their stored configuration: create, open, list, edit, delete."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from filelock import FileLock, Timeout

from storage import tables
from storage.errors import StudyBusy, StudyExists, StudyNotFound
from storage.records import StudyRecord
from storage.slots import Slots

if TYPE_CHECKING:
    from storage.database import Database


class Studies:
    """The studies of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        *,
        direction: Literal["maximize", "minimize"],
        config: Mapping[str, Any],
        facts: Mapping[str, Any],
        trials: int,
        first: Mapping[str, Any],
    ) -> StudyRecord:
        """Create a study with a budget of trials.

        A creation that a crash cut short is completed by the next one of the same name.

        Args:
            name: What people call the study.
            direction: `maximize` or `minimize`.
            config: The complete study file.
            facts: What every later run must share.
            trials: The budget.
            first: The values of trial 0; what is left out is sampled.

        Raises:
            StudyExists: The name is taken.
        """
        import optuna

        storage = self._database.optuna_storage
        with FileLock(f"{self._database.path}.lock"):
            if self._row(name) is not None:
                raise StudyExists(f"there is a study {name!r} already")
            study = optuna.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
            begun = study.get_trials(deepcopy=False)
            if any(trial.state != optuna.trial.TrialState.WAITING for trial in begun):
                raise StudyExists(
                    f"the name {name!r} is taken by a study of Optuna's that was made without tuner; "
                    "choose another name, or remove it with `optuna delete-study`"
                )
            if [each.name.lower() for each in study.directions] != [direction]:
                optuna.delete_study(study_name=name, storage=storage)
                study = optuna.create_study(storage=storage, study_name=name, direction=direction)
                begun = []
            if not begun:
                study.enqueue_trial(dict(first))
            with self._database.write() as connection:
                study_id = study._study_id
                connection.execute(
                    tables.studies.insert().values(
                        study_id=study_id,
                        name=name,
                        config=dict(config),
                        facts=dict(facts),
                        wall_s=0.0,
                        created=time.time(),
                    )
                )
                Slots(self._database, study_id).resize(trials, connection)
        return self.get(name)

    def get(self, name: str) -> StudyRecord:
        """Read a study.

        Raises:
            StudyNotFound: There is none of that name; says which there are.
        """
        row = self._row(name)
        if row is None:
            known = ", ".join(self.names()) or "none yet"
            raise StudyNotFound(f"no study {name!r} in {self._database.url}; there is: {known}")
        return row

    def find(self, name: str) -> StudyRecord | None:
        """Read a study, or return None where there is none of that name."""
        return self._row(name)

    def names(self) -> list[str]:
        """Return the names of all studies, oldest first."""
        with self._database.read() as connection:
            query = sa.select(tables.studies.c.name).order_by(tables.studies.c.created, tables.studies.c.study_id)
            return list(connection.execute(query).scalars())

    def update(self, study_id: int, config: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Replace the stored configuration and facts, and make the budget's slots those that it asks for."""
        with self._database.write() as connection:
            connection.execute(
                tables.studies.update()
                .where(tables.studies.c.study_id == study_id)
                .values(config=dict(config), facts=dict(facts))
            )
            Slots(self._database, study_id).resize(int(config["budget"]["trials"]), connection)

    def add_wall_time(self, study_id: int, seconds: float) -> float:
        """Count seconds in which some worker ran trials; return the new sum."""
        with self._database.write() as connection:
            query = (
                tables.studies.update()
                .where(tables.studies.c.study_id == study_id)
                .values(wall_s=tables.studies.c.wall_s + seconds)
                .returning(tables.studies.c.wall_s)
            )
            return float(connection.execute(query).scalar_one())

    def delete(self, name: str) -> None:
        """Delete a study, its trials and its slots.

        Raises:
            StudyNotFound: There is none of that name.
        """
        import optuna

        record = self.get(name)
        # Ours last: after a crash in between the study can still be named, and deleting it again ends the job.
        with contextlib.suppress(KeyError):
            optuna.delete_study(study_name=name, storage=self._database.optuna_storage)
        with self._database.write() as connection:
            for table in (tables.slots, tables.workers, tables.studies):
                connection.execute(table.delete().where(table.c.study_id == record.id))

    def lock(self, record: StudyRecord) -> FileLock:
        """Take the study for one supervisor of this machine, until the lock is released or the process dies.

        Raises:
            StudyBusy: Another supervisor has it.
        """
        lock = FileLock(f"{self._database.path}.study-{record.id}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise StudyBusy(
                f"study {record.name!r} is being run by another command on this machine; "
                f"`tuner status {record.name}` shows it"
            ) from error
        return lock

    def _row(self, name: str) -> StudyRecord | None:
        columns = tables.studies.c
        with self._database.read() as connection:
            row = connection.execute(sa.select(tables.studies).where(columns.name == name)).first()
        if row is None:
            return None
        return StudyRecord(id=row.study_id, name=row.name, config=row.config, facts=row.facts, wall_s=row.wall_s)

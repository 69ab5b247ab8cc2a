"""What belongs to whom in Optuna's tables, for whoever changes them from outside: which studies and trials are ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from storage import tables

if TYPE_CHECKING:
    from storage.database import Database

_studies = sa.table("studies", sa.column("study_id"), sa.column("study_name"))
_directions = sa.table("study_directions", sa.column("study_id"))
_trials = sa.table("trials", sa.column("trial_id"), sa.column("study_id"), sa.column("number"), sa.column("state"))
#: Written out, not bound: PostgreSQL compares its enumeration with no text.
_RUNNING: sa.ColumnElement[str] = sa.literal_column("'RUNNING'")


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """A study of Optuna's tables, as seen by whoever wants to change it."""

    name: str
    #: Whether it was made by `tuner start`, and so has slots, workers and checkpoints.
    is_ours: bool
    #: How many values a trial of it ends with.
    objectives: int
    #: How many of its trials are being run, by whomever.
    running: int


def study_of(database: Database, study_id: int) -> Belonging | None:
    """Read a study by Optuna's id; None where there is none."""
    own = sa.exists().where(tables.studies.c.study_id == study_id)
    objectives = sa.select(sa.func.count()).select_from(_directions).where(_directions.c.study_id == study_id)
    running = (
        sa.select(sa.func.count())
        .select_from(_trials)
        .where(_trials.c.study_id == study_id, _trials.c.state == _RUNNING)
    )
    query = sa.select(
        _studies.c.study_name,
        sa.select(own).scalar_subquery().label("own"),
        objectives.scalar_subquery().label("objectives"),
        running.scalar_subquery().label("running"),
    ).where(_studies.c.study_id == study_id)
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    return Belonging(name=row.study_name, is_ours=bool(row.own), objectives=row.objectives, running=row.running)


def study_of_trial(database: Database, trial_id: int) -> Belonging | None:
    """Read the study of a trial by Optuna's id of the trial; None where there is no such trial."""
    query = sa.select(_trials.c.study_id).where(_trials.c.trial_id == trial_id)
    with database.read() as connection:
        study_id = connection.execute(query).scalar()
    return None if study_id is None else study_of(database, int(study_id))


def study_identities(database: Database) -> frozenset[tuple[int, str, float | None]]:
    """Return what tells studies apart: SQLite gives the id of a deleted one to the next."""
    query = sa.select(_studies.c.study_id, _studies.c.study_name, tables.studies.c.created).select_from(
        _studies.outerjoin(tables.studies, tables.studies.c.study_id == _studies.c.study_id)
    )
    with database.read() as connection:
        return frozenset((row.study_id, row.study_name, row.created) for row in connection.execute(query))

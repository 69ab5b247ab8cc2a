"""Tells which studies in Optuna's tables tuner made. The dashboard asks before it changes a study or a trial."""

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
#: A literal, not a bound parameter: PostgreSQL does not compare an enum column with a text parameter.
_RUNNING: sa.ColumnElement[str] = sa.literal_column("'RUNNING'")


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """A study in Optuna's tables, with the facts to check before a program changes it."""

    name: str
    #: Whether `tuner start` made the study. Then it also has slots, workers and checkpoints.
    is_ours: bool
    #: Number of objective values of a finished trial.
    objectives: int
    #: Number of trials that Optuna calls RUNNING, of tuner and of other programs.
    running: int


def study_of(database: Database, study_id: int) -> Belonging | None:
    """Return the study with this id of Optuna's; None if there is none."""
    own = sa.exists().where(tables.studies.c.study_id == study_id) if database.has_own_tables else sa.false()
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
    """Return the study of the trial with this id of Optuna's; None if there is no such trial."""
    query = sa.select(_trials.c.study_id).where(_trials.c.trial_id == trial_id)
    with database.read() as connection:
        study_id = connection.execute(query).scalar()
    return None if study_id is None else study_of(database, int(study_id))


def study_identities(database: Database) -> frozenset[tuple[int, str, float | None]]:
    """Return the id, name and time of creation of every study. Studies that tuner did not make have no time.

    The id alone does not identify a study: SQLite gives the id of a deleted study to the next one.
    """
    if database.has_own_tables:
        query = sa.select(_studies.c.study_id, _studies.c.study_name, tables.studies.c.created).select_from(
            _studies.outerjoin(tables.studies, tables.studies.c.study_id == _studies.c.study_id)
        )
    else:
        query = sa.select(_studies.c.study_id, _studies.c.study_name, sa.null().label("created"))
    with database.read() as connection:
        return frozenset((row.study_id, row.study_name, row.created) for row in connection.execute(query))

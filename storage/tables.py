"""Our own tables, beside Optuna's. Optuna's stay Optuna's, and stay the only truth for trials."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Integer, MetaData, String, Table, Text

#: Raised when a table changes; a database of another version is refused, never guessed at.
SCHEMA_VERSION = 1

metadata = MetaData()

schema = Table(
    "tuner_schema",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)

studies = Table(
    "tuner_studies",
    metadata,
    # Optuna's id of the study; there is no foreign key, so that Optuna may upgrade its tables.
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(512), nullable=False, unique=True),
    # The study file, complete with its defaults, paths made absolute.
    Column("config", JSON, nullable=False),
    # Everything that `start` works out once and every later run must share, such as the fingerprint of the space.
    Column("facts", JSON, nullable=False),
    # Seconds during which some worker ran trials of this study.
    Column("wall_s", Float, nullable=False, default=0.0),
    Column("created", Float, nullable=False),
)

slots = Table(
    "tuner_slots",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    # empty, running, interrupted or finished; how a trial ended is in Optuna's row.
    Column("state", String(16), nullable=False, default="empty"),
    Column("trial_id", Integer),
    Column("trial_number", Integer),
    Column("owner", String(64)),
    # Raised by every claim: how often the trial was begun.
    Column("attempt", Integer, nullable=False, default=0),
    # Crashes of the trainer, which count against max_restarts; preemptions do not.
    Column("crashes", Integer, nullable=False, default=0),
    # Seconds of one device, over all attempts.
    Column("device_s", Float, nullable=False, default=0.0),
    # Why the trial is interrupted.
    Column("reason", Text),
)

workers = Table(
    "tuner_workers",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("study_id", Integer, nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("device", String(64), nullable=False),
    Column("trial_number", Integer),
    # Days of the database's own clock.
    Column("beat", Float, nullable=False),
)

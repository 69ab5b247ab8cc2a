"""Our own tables, beside Optuna's. Optuna's stay Optuna's, and stay the only truth for trials."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

#: Raised when a table changes; a database of another version is refused, never guessed at.
SCHEMA_VERSION = 3

metadata = MetaData()

schema = Table(
    "tuner_schema",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    # Major version of the Optuna that writes here: two of them disagree on what a moment is.
    Column("optuna", Integer, nullable=False),
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
    # open, paused or stopped, as people want it; whether it is finished is for the slots to say.
    Column("state", String(16), nullable=False, default="open"),
    # Seconds during which some worker held a trial of this study, and up to when they are counted.
    Column("wall_s", Float, nullable=False, default=0.0),
    Column("wall_seen", Float),
    Column("created", Float, nullable=False),
)

slots = Table(
    "tuner_slots",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    # empty, running, interrupted, paused or finished; how a trial ended is in Optuna's row.
    Column("state", String(16), nullable=False, default="empty"),
    Column("trial_id", Integer),
    Column("trial_number", Integer),
    Column("owner", String(64)),
    # Raised by every claim: how often the trial was begun, and the token that fences off earlier owners.
    Column("attempt", Integer, nullable=False, default=0),
    # Until when the owner holds the trial, on the database's clock.
    Column("expires", Float),
    # Crashes that count against max_restarts.
    Column("crashes", Integer, nullable=False, default=0),
    # Whether a checkpoint was committed since the last crash: the next one is then free.
    Column("progress", Integer, nullable=False, default=0),
    # Seconds of one device, over all attempts, and up to when they are counted.
    Column("device_s", Float, nullable=False, default=0.0),
    Column("device_seen", Float),
    # Where the trial goes on from, and its best weights.
    Column("checkpoint", JSON),
    # Why the trial is interrupted or paused.
    Column("reason", Text),
    UniqueConstraint("study_id", "trial_id", name="tuner_slots_trial"),
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
    Column("beat", Float, nullable=False),
    # When it counts as gone, unless it beats again.
    Column("expires", Float, nullable=False),
)

#: What happened to trials, in order; each row is written by the transaction that it tells of.
events = Table(
    "tuner_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("study_id", Integer, nullable=False),
    Column("moment", Float, nullable=False),
    # claimed, stolen, released, checkpoint, report or end; of a whole study: paused, resumed, stopped or edited.
    Column("kind", String(16), nullable=False),
    Column("slot", Integer),
    Column("trial_number", Integer),
    Column("attempt", Integer),
    Column("owner", String(64)),
    # The tenth of a report, the steps of a checkpoint.
    Column("step", Integer),
    Column("value", Float),
    Column("detail", Text),
    Index("tuner_events_study", "study_id", "id"),
)

#: Up to how many examples fit in memory at once, as trials that ran out of it have found; see `storage.memory`.
memory = Table(
    "tuner_memory",
    metadata,
    # What is trained: the fingerprint of the weights, or the study whose own function trains.
    Column("model", String(128), primary_key=True),
    Column("device", String(128), primary_key=True),
    Column("precision", String(8), primary_key=True),
    Column("max_length", Integer, primary_key=True, autoincrement=False),
    # Thousandths of the encoder's layers.
    Column("frozen", Integer, primary_key=True, autoincrement=False),
    Column("micro_batch", Integer, nullable=False),
    Column("learned", Float, nullable=False),
)

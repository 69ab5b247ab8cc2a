"""tuner's own tables, beside Optuna's. Only Optuna's tables say how a trial ended and with which values."""

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

#: Increased with every change of a table. A database of another version is refused.
SCHEMA_VERSION = 4

metadata = MetaData()

schema = Table(
    "tuner_schema",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    # Major version of the Optuna that writes here. Major versions store times differently.
    Column("optuna", Integer, nullable=False),
)

studies = Table(
    "tuner_studies",
    metadata,
    # Optuna's id of the study. Not a foreign key, which would hinder Optuna's upgrades of its tables.
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(512), nullable=False, unique=True),
    # The study file, with all defaults filled in and absolute paths.
    Column("config", JSON, nullable=False),
    # Values that `start` determines once and every later run must share, such as the fingerprint of the space.
    Column("facts", JSON, nullable=False),
    # A StudyState.
    Column("state", String(16), nullable=False, default="open"),
    # Seconds during which at least one worker held a trial, and the time up to which they are counted.
    Column("wall_s", Float, nullable=False, default=0.0),
    Column("wall_seen", Float),
    Column("created", Float, nullable=False),
)

slots = Table(
    "tuner_slots",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    # A SlotState. Optuna's row says how a finished trial ended.
    Column("state", String(16), nullable=False, default="empty"),
    Column("trial_id", Integer),
    Column("trial_number", Integer),
    Column("owner", String(64)),
    # Increased by every claim: the number of attempts, and the fencing token that refuses writes of earlier owners.
    Column("attempt", Integer, nullable=False, default=0),
    # When the owner's lease expires, on the database's clock.
    Column("expires", Float),
    # Crashes that count against max_restarts.
    Column("crashes", Integer, nullable=False, default=0),
    # 1 if a checkpoint was committed since the last crash. Then the next crash does not count.
    Column("progress", Integer, nullable=False, default=0),
    # Device seconds over all attempts, and the time up to which they are counted.
    Column("device_s", Float, nullable=False, default=0.0),
    Column("device_seen", Float),
    # The trial's checkpoints in the store; see `storage.records.Checkpoints`.
    Column("checkpoint", JSON),
    # Bytes of these checkpoints, and bytes of one that is being written.
    Column("stored_bytes", BigInteger, nullable=False, default=0),
    Column("reserved_bytes", BigInteger, nullable=False, default=0),
    # Percents of its schedule: where the trial may first be shelved, and how far it may train now. Both are empty where
    # the study has no rungs, and before the trial has recorded its configuration.
    Column("first_rung", Integer),
    Column("target", Integer),
    # Of a search over depths, the arm for which the trial begins or has begun, as `tuner.study.arms` names it.
    Column("arm", String(32)),
    # Why the trial was last interrupted or paused.
    Column("reason", Text),
    UniqueConstraint("study_id", "trial_id", name="tuner_slots_trial"),
)

#: What the machines of a study decide or find out once for all of them, and the lease of the supervisor at work on it.
plans = Table(
    "tuner_plans",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    # A storage.states.PlanPart.
    Column("part", String(16), primary_key=True),
    # The supervisor that decides now, and when its lease expires; both are empty between two decisions.
    Column("owner", String(64)),
    Column("expires", Float),
    # Increased whenever a supervisor takes the lease: the fencing token of decisions.
    Column("attempt", Integer, nullable=False, default=0),
    # Decisions or findings that hold for the whole study, as JSON values.
    Column("content", JSON, nullable=False),
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
    # When the supervisor counts as gone, unless it sends another heartbeat.
    Column("expires", Float, nullable=False),
)

#: The event log. Each row is written by the transaction that makes the change it describes.
events = Table(
    "tuner_events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("study_id", Integer, nullable=False),
    Column("moment", Float, nullable=False),
    # An EventKind.
    Column("kind", String(16), nullable=False),
    Column("slot", Integer),
    Column("trial_number", Integer),
    Column("attempt", Integer),
    Column("owner", String(64)),
    # Of a checkpoint, the optimiser steps done; otherwise a percent of the trial's schedule.
    Column("step", Integer),
    Column("value", Float),
    Column("detail", Text),
    Index("tuner_events_study", "study_id", "id"),
)

#: Limits of the micro-batch size, found by trials that ran out of memory; see `storage.micro_batch_limits`.
memory = Table(
    "tuner_memory",
    metadata,
    # Fingerprint of the weights; STUDY/FUNCTION if a function of the study itself trains.
    Column("model", String(128), primary_key=True),
    Column("device", String(128), primary_key=True),
    Column("precision", String(8), primary_key=True),
    Column("max_length", Integer, primary_key=True, autoincrement=False),
    # Share of the encoder's layers that are frozen, in thousandths.
    Column("frozen", Integer, primary_key=True, autoincrement=False),
    Column("micro_batch", Integer, nullable=False),
    Column("learned", Float, nullable=False),
)

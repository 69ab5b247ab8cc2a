"""Where a study is remembered: SQL and files. No torch, no command line, no search space."""

from storage.checkpoints import CheckpointStore, checkpoints_folder
from storage.database import DEFAULT_URL, Database, mask_password
from storage.errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointMissing,
    CheckpointsUnwritable,
    DatabaseMissing,
    DatabaseUnreadable,
    InvalidStorageURL,
    StorageError,
    StudyBusy,
    StudyExists,
    StudyNotFound,
    TrialNotFound,
)
from storage.history import EFFECTIVE_ATTR, EVALUATION_ATTR, REASON_ATTR, History
from storage.records import SlotRecord, StudyRecord, TrialRecord, WorkerRecord
from storage.slots import Slots
from storage.studies import Studies
from storage.workers import BEAT_S, GONE_S, Workers, new_owner

__all__ = [
    "BEAT_S",
    "DEFAULT_URL",
    "EFFECTIVE_ATTR",
    "EVALUATION_ATTR",
    "GONE_S",
    "REASON_ATTR",
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointMissing",
    "CheckpointStore",
    "CheckpointsUnwritable",
    "Database",
    "DatabaseMissing",
    "DatabaseUnreadable",
    "History",
    "InvalidStorageURL",
    "SlotRecord",
    "Slots",
    "StorageError",
    "Studies",
    "StudyBusy",
    "StudyExists",
    "StudyNotFound",
    "StudyRecord",
    "TrialNotFound",
    "TrialRecord",
    "WorkerRecord",
    "Workers",
    "checkpoints_folder",
    "mask_password",
    "new_owner",
]

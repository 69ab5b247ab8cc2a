"""Stores studies in SQL and checkpoints in files. Imports no torch, no command line and no search space."""

from storage.attributes import (
    has_study_attribute,
    set_study_attributes,
    set_trial_attributes,
    set_trial_system_attributes,
)
from storage.checkpoints import CheckpointStore, Published, store_url
from storage.database import Database, describe_outage
from storage.errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointMissing,
    CheckpointsFull,
    CheckpointsUnreachable,
    CheckpointsUnwritable,
    DatabaseBusy,
    DatabaseFull,
    DatabaseMissing,
    DatabaseOutdated,
    DatabaseUnreachable,
    DatabaseUnreadable,
    InvalidStorageURL,
    LeaseLost,
    StorageError,
    StudyBusy,
    StudyExists,
    StudyNotFound,
    TrialNotFound,
    TrialOver,
)
from storage.events import Events
from storage.fencing import fenced
from storage.history import (
    BEST_ROWS_ATTR,
    DEVICE_ATTR,
    EFFECTIVE_ATTR,
    EVALUATION_ATTR,
    LAST_ROWS_ATTR,
    REASON_ATTR,
    History,
)
from storage.micro_batch_limits import Footprint, MicroBatchLimits
from storage.owners import new_owner
from storage.parameter_names import by_plain_name, plain_name, stored_name
from storage.plans import BeginRecord, PlanLease, Plans, PromotionRecord
from storage.records import (
    CheckpointRef,
    Checkpoints,
    DeviceTime,
    EventRecord,
    HeadRecord,
    Lease,
    SlotRecord,
    SlotTotals,
    StudyRecord,
    TrialRecord,
    WorkerRecord,
)
from storage.sharing import KEPT_S, give_back, waiting_for_connections
from storage.shelves import Shelves, Standing
from storage.slots import BEAT_S, LEASE_S, Slots
from storage.states import EventKind, PlanPart, SlotState, StudyState, TrialState
from storage.studies import Studies
from storage.transactions import joined
from storage.urls import DEFAULT_URL, mask_password
from storage.workers import Workers

__all__ = [
    "BEAT_S",
    "BEST_ROWS_ATTR",
    "DEFAULT_URL",
    "DEVICE_ATTR",
    "EFFECTIVE_ATTR",
    "EVALUATION_ATTR",
    "KEPT_S",
    "LAST_ROWS_ATTR",
    "LEASE_S",
    "REASON_ATTR",
    "BeginRecord",
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointMissing",
    "CheckpointRef",
    "CheckpointStore",
    "Checkpoints",
    "CheckpointsFull",
    "CheckpointsUnreachable",
    "CheckpointsUnwritable",
    "Database",
    "DatabaseBusy",
    "DatabaseFull",
    "DatabaseMissing",
    "DatabaseOutdated",
    "DatabaseUnreachable",
    "DatabaseUnreadable",
    "DeviceTime",
    "EventKind",
    "EventRecord",
    "Events",
    "Footprint",
    "HeadRecord",
    "History",
    "InvalidStorageURL",
    "Lease",
    "LeaseLost",
    "MicroBatchLimits",
    "PlanLease",
    "PlanPart",
    "Plans",
    "PromotionRecord",
    "Published",
    "Shelves",
    "SlotRecord",
    "SlotState",
    "SlotTotals",
    "Slots",
    "Standing",
    "StorageError",
    "Studies",
    "StudyBusy",
    "StudyExists",
    "StudyNotFound",
    "StudyRecord",
    "StudyState",
    "TrialNotFound",
    "TrialOver",
    "TrialRecord",
    "TrialState",
    "WorkerRecord",
    "Workers",
    "by_plain_name",
    "describe_outage",
    "fenced",
    "give_back",
    "has_study_attribute",
    "joined",
    "mask_password",
    "new_owner",
    "plain_name",
    "set_study_attributes",
    "set_trial_attributes",
    "set_trial_system_attributes",
    "store_url",
    "stored_name",
    "waiting_for_connections",
]

"""Errors of the storage.

StorageError (RuntimeError)
├── InvalidStorageURL (ValueError)     the URL names no database that tuner can open
├── DatabaseMissing (LookupError)      the SQLite file does not exist, or the database has no tables of tuner
├── DatabaseUnreachable                the server does not answer, or refuses the connection
│   └── DatabaseFull                   the disk of the SQLite file is full
├── DatabaseUnreadable                 the file or server is not usable as a database of tuner
│   └── DatabaseOutdated               the tables belong to another version of tuner or major version of Optuna
├── DatabaseBusy                       workers of an earlier version still run, so the tables cannot be upgraded
├── StudyNotFound (LookupError)        there is no study of that name
├── StudyExists (ValueError)           the name is taken by another study
├── StudyBusy                          a worker holds a trial of the study
├── LeaseLost                          another worker has taken the trial over
│   └── TrialOver                      another program has ended the trial
├── TrialNotFound (LookupError)        there is no trial of that number
└── CheckpointError
    ├── CheckpointMissing (LookupError)  there is no checkpoint of that key
    ├── CheckpointDamaged                the files do not match their manifest
    ├── CheckpointsUnreachable (OSError) the store does not answer, or a disk fails or is full
    └── CheckpointsUnwritable (OSError)  the store refuses to write files
"""

from __future__ import annotations

#: How a study comes to be, for messages. Until then the first command is at work without leaving a trace.
STARTED = "`tuner start` makes one once data and model are read"


class StorageError(RuntimeError):
    """Base of all errors of the database and the checkpoint store."""


class InvalidStorageURL(StorageError, ValueError):
    """The URL names no database that tuner can open."""


class DatabaseMissing(StorageError, LookupError):
    """The SQLite file does not exist, or the database has no tables of tuner."""


class DatabaseUnreachable(StorageError):
    """The server does not answer, or refuses the connection."""


class DatabaseFull(DatabaseUnreachable):
    """The disk of the SQLite file is full. The stored data is sound; writes can be tried again once there is room."""


class DatabaseUnreadable(StorageError):
    """The file or server exists but is not usable as a database of tuner."""


class DatabaseOutdated(DatabaseUnreadable):
    """The tables belong to another version of tuner or another major version of Optuna."""


class DatabaseBusy(StorageError):
    """Workers of an earlier version still run, so the tables cannot be upgraded."""


class StudyNotFound(StorageError, LookupError):
    """There is no study of that name."""


class StudyExists(StorageError, ValueError):
    """The name is taken by another study."""


class StudyBusy(StorageError):
    """A worker holds a trial of the study."""


class LeaseLost(StorageError):
    """Another worker has taken the trial over. The caller must not write to the trial or its checkpoints any more."""


class TrialOver(LeaseLost):
    """Another program, such as the dashboard, has ended the trial, and with it the lease."""


class TrialNotFound(StorageError, LookupError):
    """There is no trial of that number."""


class CheckpointError(StorageError):
    """Base of all errors of checkpoints."""


class CheckpointMissing(CheckpointError, LookupError):
    """There is no checkpoint of that key."""


class CheckpointDamaged(CheckpointError):
    """The files do not match their manifest."""


class CheckpointsUnreachable(CheckpointError, OSError):
    """The store does not answer, or a disk fails or is full. The checkpoints in the store may be sound."""


class CheckpointsFull(CheckpointError):
    """The limit of a study's checkpoints leaves no room for another one."""


class CheckpointsUnwritable(CheckpointError, OSError):
    """The store refuses to write files, for example because of missing rights."""

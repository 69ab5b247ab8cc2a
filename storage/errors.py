"""Errors of the storage.

StorageError (RuntimeError)
├── InvalidStorageURL (ValueError)     a URL that names no database we can open
├── DatabaseMissing (LookupError)      the file of a SQLite URL does not exist, or nobody has made tables yet
├── DatabaseUnreachable                a server does not answer, or not to us
│   └── DatabaseFull                   there is no room left on the disk of a file
├── DatabaseUnreadable                 there is something, but it is no database of ours
│   └── DatabaseOutdated               ours, but of another version of tuner or another major version of Optuna
├── StudyNotFound (LookupError)        no study of that name
├── StudyExists (ValueError)           the name is taken by something else
├── StudyBusy                          some worker holds a trial of the study
├── LeaseLost                          another worker has taken the trial over
│   └── TrialOver                      another program has ended it
├── TrialNotFound (LookupError)        no trial of that number
└── CheckpointError
    ├── CheckpointMissing (LookupError)  there is no checkpoint of that key
    ├── CheckpointDamaged                the files do not match their manifest
    ├── CheckpointsUnreachable (OSError) the store does not answer, or a disk fails or is full
    └── CheckpointsUnwritable (OSError)  the store takes no files
"""

from __future__ import annotations


class StorageError(RuntimeError):
    """Anything wrong with the database or the checkpoint store."""


class InvalidStorageURL(StorageError, ValueError):
    """A URL that names no database we can open."""


class DatabaseMissing(StorageError, LookupError):
    """The file of a SQLite URL does not exist, or nobody has made tables yet."""


class DatabaseUnreachable(StorageError):
    """A server does not answer, or not to us."""


class DatabaseFull(DatabaseUnreachable):
    """There is no room left on the disk of a file: what is in it is sound, and what is written waits."""


class DatabaseUnreadable(StorageError):
    """There is something, but it is no database of ours."""


class DatabaseOutdated(DatabaseUnreadable):
    """Ours, but of another version of tuner or another major version of Optuna."""


class StudyNotFound(StorageError, LookupError):
    """No study of that name."""


class StudyExists(StorageError, ValueError):
    """The name is taken by something else."""


class StudyBusy(StorageError):
    """Some worker holds a trial of the study."""


class LeaseLost(StorageError):
    """Another worker has taken the trial over: whoever is told so touches nothing of it."""


class TrialOver(LeaseLost):
    """Another program, such as the dashboard, has ended the trial, and with it the lease."""


class TrialNotFound(StorageError, LookupError):
    """No trial of that number."""


class CheckpointError(StorageError):
    """Anything wrong with checkpoints."""


class CheckpointMissing(CheckpointError, LookupError):
    """There is no checkpoint of that key."""


class CheckpointDamaged(CheckpointError):
    """The files do not match their manifest."""


class CheckpointsUnreachable(CheckpointError, OSError):
    """The store does not answer, or a disk fails or is full: what is in the store may be whole."""


class CheckpointsUnwritable(CheckpointError, OSError):
    """The store takes no files."""

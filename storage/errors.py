"""Errors of the storage.

StorageError (RuntimeError)
├── InvalidStorageURL (ValueError)     a URL that names no database we can open
├── DatabaseMissing (LookupError)      the file of a SQLite URL does not exist
├── DatabaseUnreadable                 there is something, but it is no database of ours
├── StudyNotFound (LookupError)        no study of that name
├── StudyExists (ValueError)           the name is taken by something else
├── StudyBusy                          another supervisor holds the study
├── TrialNotFound (LookupError)        no trial of that number
└── CheckpointError
    ├── CheckpointMissing (LookupError)  no weights are kept for this trial
    ├── CheckpointDamaged                the files do not match their manifest
    └── CheckpointsUnwritable (OSError)  the folder takes no files
"""

from __future__ import annotations


class StorageError(RuntimeError):
    """Anything wrong with the database or the checkpoint store."""


class InvalidStorageURL(StorageError, ValueError):
    """A URL that names no database we can open."""


class DatabaseMissing(StorageError, LookupError):
    """The file of a SQLite URL does not exist."""


class DatabaseUnreadable(StorageError):
    """There is something, but it is no database of ours."""


class StudyNotFound(StorageError, LookupError):
    """No study of that name."""


class StudyExists(StorageError, ValueError):
    """The name is taken by something else."""


class StudyBusy(StorageError):
    """Another supervisor holds the study."""


class TrialNotFound(StorageError, LookupError):
    """No trial of that number."""


class CheckpointError(StorageError):
    """Anything wrong with kept weights."""


class CheckpointMissing(CheckpointError, LookupError):
    """No weights are kept for this trial."""


class CheckpointDamaged(CheckpointError):
    """The files do not match their manifest."""


class CheckpointsUnwritable(CheckpointError, OSError):
    """The folder takes no files."""

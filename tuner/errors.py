"""Errors of the service.

TunerError (RuntimeError)
├── ConfigError (ValueError)     what the user wrote cannot be run: names file, key and reason
│   ├── DataError                the data are not as the study file says
│   ├── ModelError               the model cannot be trained as the study file says
│   └── StudyChanged             a study of this name exists, with another configuration
├── DeviceError (ValueError)     a device that is not there
├── AccessError (ValueError)     the dashboard is to be served in a way that is not safe
├── HubAway                      the hub does not answer, and what a study needs of it is not cached
├── DevicesBusy                  every device is in use by another command
├── StudyPaused                  somebody has paused the study, for all machines
├── NoBestTrial (LookupError)    nothing is complete yet
├── TrialsFailed                 so many trials in a row failed that the study is paused
├── TrainerDied                  the process that trains ended without a word
├── Interrupted                  a signal ended the command with work left
└── TrialError                   one trial cannot go on; the study can
    └── Diverged                 loss or gradient is no finite number
"""

from __future__ import annotations

import signal

#: What a command exits with that a signal ended with work left.
SIGNAL_EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGUSR2: 75}


def first_line(error: BaseException) -> str:
    """Return what an error of a library says, in one line fit for a message of ours."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


class TunerError(RuntimeError):
    """Anything that ends a command."""


class ConfigError(TunerError, ValueError):
    """What the user wrote cannot be run.

    Attributes:
        source: The file, or what stands for it.
        key: The key at which it is wrong, dotted; empty for the whole.
        reason: What is wrong there and what to do.
    """

    def __init__(self, source: str, key: str, reason: str) -> None:
        super().__init__(": ".join(part for part in (source, key, reason) if part))
        self.source = source
        self.key = key
        self.reason = reason


class DataError(ConfigError):
    """The data are not as the study file says."""


class ModelError(ConfigError):
    """The model cannot be trained as the study file says."""


class StudyChanged(ConfigError):
    """A study of this name exists, with another configuration."""


class DeviceError(TunerError, ValueError):
    """A device that is not there, or a spec that names none."""


class AccessError(TunerError, ValueError):
    """The dashboard is to be served in a way that is not safe, or for a log-in that cannot be read."""


class HubAway(TunerError):
    """The hub does not answer, and what a study needs of it is not cached on this machine."""


class DevicesBusy(TunerError):
    """GPUs that exist and that other commands hold.

    Attributes:
        labels: The held devices, as people see them, such as `cuda:0`.
    """

    def __init__(self, message: str, *, labels: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.labels = labels


class StudyPaused(TunerError):
    """Somebody has paused the study, for all machines."""


class NoBestTrial(TunerError, LookupError):
    """Nothing is complete yet."""


class TrialsFailed(TunerError):
    """So many trials in a row failed that the study is paused."""


class TrainerDied(TunerError):
    """The process that trains ended without a word."""


class Interrupted(TunerError):
    """A signal ended the command with work left.

    Attributes:
        exit_code: What the command exits with.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class TrialError(TunerError):
    """One trial cannot go on; the study can."""


class Diverged(TrialError):
    """Loss or gradient is no finite number."""

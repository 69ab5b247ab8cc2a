"""Errors of the service.

TunerError (RuntimeError)
├── ConfigError (ValueError)     a study file or an argument cannot be run: names file, key and reason
│   ├── ConfigErrors             several mistakes of one study file
│   ├── DataError                the data are not as the study file says
│   ├── ModelError               the model cannot be trained as the study file says
│   └── StudyChanged             a study of this name exists, with another configuration
├── DeviceError (ValueError)     a device does not exist
├── AccessError (ValueError)     the dashboard would be served in a way that is not safe
├── NobodyToAsk                  a command needs an answer, and no terminal gives one
├── HubAway                      the hub does not answer, and the study's model or data are not cached
├── DevicesBusy                  every device is in use by another command
├── StudyPaused                  a user paused the study, for all machines
├── NoBestTrial (LookupError)    no trial is complete yet
├── SplitLocked                  the study is not over, and its test split can be opened once
├── NoScript                     no plain script can repeat the trial
├── TrialsFailed                 so many trials in a row failed that the study is paused
├── TrainerDied                  the process that trains ended without sending a result
├── Interrupted                  a signal ended the command before its work was done
└── TrialError                   one trial cannot continue; the study can
    └── Diverged                 loss or gradient is not a finite number
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

#: Exit codes of commands that a signal ended before their work was done.
SIGNAL_EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGUSR2: 75}


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error message, at most 200 characters, for use in a message of our own."""
    lines = str(error).strip().splitlines()
    # Libraries quote damaged bytes, which would change the user's terminal.
    shown = "".join(each if each.isprintable() else "\ufffd" for each in lines[0][:200]) if lines else ""
    return shown or type(error).__name__


class TunerError(RuntimeError):
    """An error that ends a command with a message."""


class ConfigError(TunerError, ValueError):
    """A study file, or an argument in place of it, cannot be run.

    Attributes:
        source: The file, or the name of another source, such as a flag.
        key: The dotted key that is wrong; empty where the whole file is.
        reason: The mistake, and how to correct it.
    """

    def __init__(self, source: str, key: str, reason: str) -> None:
        super().__init__(": ".join(part for part in (source, key, reason) if part))
        self.source = source
        self.key = key
        self.reason = reason


class ConfigErrors(ConfigError):
    """A study file has several mistakes. The message has one line for each.

    Attributes:
        mistakes: The mistakes, in the order of the file where its lines are known.
    """

    def __init__(self, source: str, mistakes: Sequence[Exception]) -> None:
        super().__init__(source, "", "\n  ".join((f"{len(mistakes)} mistakes", *map(str, mistakes))))
        self.mistakes = tuple(mistakes)


class DataError(ConfigError):
    """The data are not as the study file says.

    Names and values in the reason come from files. Their control characters and line ends are written as escapes, so
    that the message is one line that a terminal can show.
    """

    def __init__(self, source: str, key: str, reason: str) -> None:
        super().__init__(source, key, "".join(map(_printable, reason)))


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


class ModelError(ConfigError):
    """The model cannot be trained as the study file says."""


class StudyChanged(ConfigError):
    """A study of this name exists, with another configuration."""


class DeviceError(TunerError, ValueError):
    """A device does not exist, or a specification of devices is not valid."""


class AccessError(TunerError, ValueError):
    """The dashboard would be served in a way that is not safe, or its credentials cannot be read."""


class NobodyToAsk(TunerError):
    """A command needs an answer, and runs without a terminal."""


class HubAway(TunerError):
    """The hub does not answer, and the study's model or data are not cached on this machine."""


class DevicesBusy(TunerError):
    """The GPUs exist, and other commands hold them.

    Attributes:
        labels: Labels of the GPUs that are held, such as `cuda:0`.
    """

    def __init__(self, message: str, *, labels: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.labels = labels


class StudyPaused(TunerError):
    """A user paused the study, for all machines."""


class NoBestTrial(TunerError, LookupError):
    """No trial is complete yet."""


class SplitLocked(TunerError):
    """The study is not over, and its test split can be opened once."""


class NoScript(TunerError):
    """No plain script can repeat the trial, or none without files beside it."""


class TrialsFailed(TunerError):
    """So many trials in a row failed that the study is paused."""


class TrainerDied(TunerError):
    """The process that trains ended without sending a result."""


class Interrupted(TunerError):
    """A signal ended the command before its work was done.

    Attributes:
        exit_code: Exit code of the command.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class TrialError(TunerError):
    """One trial cannot continue; the study can."""


class Diverged(TrialError):
    """Loss or gradient is not a finite number."""

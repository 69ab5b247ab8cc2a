"""What trainers and supervisors say to each other over a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.errors import ConfigError, DataError, ModelError, TunerError
from tuner.run import Evaluation, TrialResult


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a trainer process is forked for."""

    #: `module:function`; called with a connection and the arguments.
    function: str
    arguments: Mapping[str, Any]
    #: Set in the process before anything else.
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A trial's effective configuration, before its first step."""

    effective: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """An evaluation; the trainer waits for the answer: True to go on, False to prune."""

    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The trial is over."""

    result: TrialResult


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What a call that is no trial gives back."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Raised:
    """An error that ends a call, before or outside of training."""

    #: Class and arguments of one of our own errors; None for any other.
    config: tuple[str, str, str, str] | None
    text: str
    traceback: str

    def error(self) -> TunerError:
        """Return the error, ready to be raised on this side."""
        if self.config is None:
            return TunerError(self.text)
        name, source, key, reason = self.config
        return _CONFIG_ERRORS.get(name, ConfigError)(source, key, reason)


_CONFIG_ERRORS: dict[str, type[ConfigError]] = {error.__name__: error for error in (ConfigError, DataError, ModelError)}

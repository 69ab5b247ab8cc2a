"""What trainers and supervisors say to each other over a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.errors import ConfigError, DataError, ModelError, TunerError
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a trainer process is forked for."""

    #: `module:function`; called with a connection and the arguments.
    function: str
    arguments: Mapping[str, Any]
    #: Set in the process before anything else.
    environment: Mapping[str, str]


# ---- from a trainer


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A trial's effective configuration, before its first step."""

    effective: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """An evaluation; the trainer waits a while for its `Answer`."""

    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What is written into the folder that a `Save` named: `best` to keep, or else `step` to go on from."""

    folder: str
    #: Steps done at the moment that `step` holds; None where only the best weights are there.
    step: int | None
    #: The evaluation whose weights `best` holds; None where these have not changed.
    best: Evaluation | None
    #: Seconds that writing took.
    seconds: float = field(default=0.0, compare=False)
    #: Why nothing could be written, such as a full disk.
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The trial is over, or left."""

    result: TrialResult
    #: The best weights are not saved yet: the trainer waits for a `Save`.
    unsaved: bool = False


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


# ---- to a trainer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What becomes of a trial after one of its evaluations."""

    #: The evaluation's step.
    step: int
    go_on: bool


@dataclass(frozen=True, kw_only=True)
class Save:
    """Save at the next step, into this empty folder; then go on, or leave."""

    folder: str
    leave: bool = False


@dataclass(frozen=True, kw_only=True)
class Leave:
    """Leave at the next evaluation, if training never asks whether to save; another one is told by a `Save`."""

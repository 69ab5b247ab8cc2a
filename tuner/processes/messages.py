"""The messages between a trainer and its supervisor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.errors import ConfigError, DataError, HubAway, ModelError, NoScript, TunerError
from tuner.trial.evaluation import Evaluation
from tuner.trial.result import TrialResult, Verdict


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request to the fork server: the function to call, in a forked process or in the fork server itself."""

    #: `module:function`. In a forked process it is called with a connection and the arguments.
    function: str
    arguments: Mapping[str, Any]
    #: Environment variables, set in the forked process before the call.
    environment: Mapping[str, str]


# ---- from a trainer


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The effective configuration of a trial: sent before its first optimiser step, and again when it changes."""

    effective: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """An evaluation of a trial. The supervisor replies with an `Answer`."""

    evaluation: Evaluation


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Best weights or a resume checkpoint are written into the folder that a `Save` named, or writing has failed."""

    folder: str
    #: Optimiser steps taken before the resume checkpoint in the subfolder `step`; None where there is none.
    optimiser_steps: int | None
    #: The evaluation of the best weights in the subfolder `best`; None where there are none.
    best: Evaluation | None
    #: Seconds that writing took.
    seconds: float = field(default=0.0, compare=False)
    #: Why writing failed, such as a full disk; None where it succeeded.
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The attempt is over: the trial ended, or was left for another attempt."""

    result: TrialResult
    #: Whether the best weights are not saved yet. The trainer then waits for a `Save`.
    unsaved: bool = False


@dataclass(frozen=True, kw_only=True)
class Progressed:
    """A call that does not train a trial has come so far. Further messages follow."""

    #: The stage that runs, such as `encoding reviews.csv`.
    stage: str
    #: The amount done, and the whole amount; 0 where it is not known.
    done: int = 0
    total: int = 0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds that parts of a smoke run took, measured in its trainer. Sent before the evaluation that ends it."""

    #: The optimiser steps, in order. The first one includes work that is done once, such as allocating memory.
    optimiser_steps_s: tuple[float, ...]
    evaluation_s: float


@dataclass(frozen=True, kw_only=True)
class Returned:
    """The return value of a call that does not train a trial."""

    value: Any


@dataclass(frozen=True, kw_only=True)
class Raised:
    """An error that ended a call before or outside of training."""

    #: Class name of an error that keeps its class on the way, and the arguments that build it; None for any other.
    known: tuple[str, tuple[str, ...]] | None
    text: str
    traceback: str

    @classmethod
    def of(cls, error: Exception, *, text: str, traceback: str) -> Raised:
        """Return the message that carries an error."""
        known: tuple[str, tuple[str, ...]] | None = None
        if isinstance(error, ConfigError):
            known = (type(error).__name__, (error.source, error.key, error.reason))
        elif isinstance(error, HubAway | NoScript):
            known = (type(error).__name__, (str(error),))
        return cls(known=known, text=text, traceback=traceback)

    def error(self) -> TunerError:
        """Return the error, to be raised in the process that receives the message."""
        if self.known is None:
            return TunerError(self.text)
        name, arguments = self.known
        return _ERRORS.get(name, ConfigError)(*arguments)


_ERRORS: dict[str, type[TunerError]] = {
    error.__name__: error for error in (ConfigError, DataError, ModelError, HubAway, NoScript)
}


# ---- to a trainer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The reply to an evaluation: whether the trial continues, is pruned or is put aside."""

    #: The step of the evaluation.
    step: int
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Save:
    """Save at the next optimiser step into an empty folder."""

    folder: str
    #: Whether the trainer ends this attempt after the save; otherwise it continues to train.
    leave: bool = False


@dataclass(frozen=True, kw_only=True)
class Leave:
    """End this attempt at the next evaluation, where training never asks whether to save.

    Training that does ask is sent a `Save` with `leave` instead.
    """

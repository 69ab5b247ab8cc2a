"""The trackers that a study may report its trials to, and what names a study and its trials there."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tuner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The fact of a study that no other study shares.
IDENTITY = "identity"


class TrackerName(StrEnum):
    """A tracker, by its name in the study file. The extra that installs it, and the module, have the same name."""

    TENSORBOARD = "tensorboard"
    WANDB = "wandb"
    MLFLOW = "mlflow"
    TRACKIO = "trackio"


@dataclass(frozen=True, kw_only=True)
class TrackedStudy:
    """A study, as trackers know it."""

    name: str
    #: Eight characters that tell it from other studies of the same name.
    key: str
    #: Name of its metric.
    metric: str

    def run_name(self, number: int) -> str:
        """Return the name of a trial's run. It is the same on every machine, so that the run goes on where it was."""
        return f"trial-{number:05d}-{self.key}"


def tracked_study(name: str, metric: str, facts: Mapping[str, Any]) -> TrackedStudy:
    """Return a study as trackers know it.

    Args:
        name: The study.
        metric: The name of its metric.
        facts: The facts that are stored with it. Studies of earlier versions have no identity; those are told apart by
            their names, data and weights.
    """
    told = facts.get(IDENTITY) or [facts.get("data"), facts.get("weights")]
    key = hashlib.sha256(json.dumps([name, told]).encode()).hexdigest()[:8]
    return TrackedStudy(name=name, key=key, metric=metric)


def check_trackers(names: Sequence[TrackerName], *, source: str) -> None:
    """Refuse a tracker whose package is missing on this machine.

    Args:
        names: The trackers of a study.
        source: The study's name in errors.

    Raises:
        ConfigError: It is missing.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ConfigError(source, "report_to", f"{name} needs a package; pip install 'shichimi[{name}]'")

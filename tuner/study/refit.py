"""Refit: the winner of a study, trained on the rows of the training and of the validation split together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.trial.evaluation import LAST_STEP

#: Key of the facts of a study that refits a trial of another one.
FACT = "refits"


@dataclass(frozen=True, kw_only=True)
class Refit:
    """Which trial is trained again on more rows, and for how long."""

    #: Name of the study whose trial it is.
    parent: str
    trial: int
    #: The percent of its schedule after which it was best: training ends there, as nothing can tell when else.
    step: int

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Refit | None:
        """Return the refit of a study that is one; None for any other study."""
        stored = facts.get(FACT)
        if not isinstance(stored, Mapping):
            return None
        return cls(parent=str(stored["parent"]), trial=int(stored["trial"]), step=int(stored["step"]))

    def to_facts(self) -> dict[str, Any]:
        """Return the entry of the facts."""
        return {FACT: {"parent": self.parent, "trial": self.trial, "step": self.step}}

    @property
    def length_words(self) -> str:
        """How long it is trained, for people."""
        return "its whole schedule" if self.step == LAST_STEP else f"the first {self.step} % of its schedule"

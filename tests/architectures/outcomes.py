"""The outcome of the sweep for one architecture, and the file with all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

#: The outcomes that the documentation shows.
FILE = Path(__file__).parents[2] / "docs" / "reference" / "architectures.json"


#: Some processors compute an expert's tokens in other bits beside other tokens, and some do not.
_BY_PROCESSOR = {"kept", "the stored states are not those that the model computes"}


class Verdict(StrEnum):
    """What became of an architecture."""

    #: Every setting works.
    RIGHT = "right"
    #: It trains, and some settings are refused.
    LIMITED = "limited"
    #: It cannot be trained.
    REFUSED = "refused"
    #: An oracle complained.
    WRONG = "wrong"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome for one architecture."""

    verdict: Verdict
    #: Number of layers.
    layers: int | None = None
    #: The values of `frozen_layers` that work: `any`, `0 and 1` or `0`.
    shares: str | None = None
    #: `set` where the study's value is applied, or why it is not.
    dropout: str | None = None
    #: `kept`, or why hidden states are not cached.
    trunk: str | None = None
    #: Why something is refused, or is to be known.
    note: str | None = None

    def is_same(self, other: Outcome) -> bool:
        """Return whether another processor may have come to this outcome."""
        trunks = {self.trunk, other.trunk}
        return replace(self, trunk=other.trunk) == other and (len(trunks) == 1 or trunks == _BY_PROCESSOR)


def read_outcomes() -> dict[str, Outcome]:
    """Return the outcomes of the file, by the architecture's name."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Outcome(**{**values, "verdict": Verdict(values["verdict"])}) for name, values in stored.items()}


def write_outcomes(outcomes: Mapping[str, Outcome]) -> None:
    """Write the file."""
    rows = {
        name: {key: value for key, value in asdict(outcome).items() if value is not None}
        for name, outcome in outcomes.items()
    }
    FILE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

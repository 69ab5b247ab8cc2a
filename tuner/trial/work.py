"""The amount of work that a trial would be, and the space that it would take: found out before it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrialWork:
    """The work of one trial that is trained to the end of its schedule."""

    #: Training rows by the number of layers that are frozen while they are trained; a row counts once an epoch.
    trained_rows: Mapping[int, int]
    #: Validation rows; a row counts once an evaluation.
    evaluated_rows: int
    #: Most bytes of a resume checkpoint: trained weights and the optimiser's two moments of each.
    checkpoint_bytes: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The work of several trials of a study."""

    trials: tuple[TrialWork, ...]
    #: Parameters of the model.
    parameters: int
    #: Bytes of the hidden states that the trunk cache keeps of all examples, for all trials of the study together;
    #: 0 where it keeps none.
    trunk_bytes: int

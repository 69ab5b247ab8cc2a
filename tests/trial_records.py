"""Records of trials as readers get them, without a database."""

from __future__ import annotations

from typing import Any

from storage import Checkpoints, TrialRecord, TrialState


def trial_of(number: int, state: TrialState, *values: float, **fields: Any) -> TrialRecord:
    """Return a trial with values at 25, 50, 75 and 100 %, as far as they are given."""
    steps = tuple(zip((25, 50, 75, 100), values, strict=False))
    known: dict[str, Any] = {
        "reason": None,
        "hyperparameters": {},
        "device_s": 0.0,
        "effective": {"device": "cpu"},
        **fields,
    }
    return TrialRecord(
        number=number,
        state=state,
        value=(max(values) if state == TrialState.COMPLETE else values[-1]) if values else None,
        steps=steps,
        restarts=0,
        checkpoints=Checkpoints(),
        evaluations=(),
        started=None,
        ended=None,
        **known,
    )

"""What saving may cost a trial."""

from __future__ import annotations

import pytest
from acceptance_support import Tuner, records_of

#: Parameters of 12 bytes, from which the cost of the first checkpoint is estimated: none, and a terabyte of them.
SMALL, HUGE = "1", "1" + 12 * "0"


@pytest.mark.parametrize(("parameters", "saved"), [(SMALL, True), (HUGE, False)])
def test_a_trial_is_saved_after_an_evaluation_only_where_that_costs_little_of_its_time(
    tuner: Tuner, parameters: str, saved: bool
) -> None:
    tuner = tuner.within(TOY_PARAMETERS=parameters, TOY_PAUSE_S="0.05")
    tuner.ok("start", tuner.toy_study("saved", budget={"trials": 1}, checkpoint_every="1h"))
    records = records_of("saved", f"sqlite:///{tuner.folder}/tuner.db")
    kept = [event["detail"] for event in records.events if event["kind"] == "checkpoint"]
    assert any("/best-" in key for key in kept), "its weights are kept all the same"
    assert any("/step-" in key for key in kept) == saved

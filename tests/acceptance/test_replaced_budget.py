"""`--trials` and `--runs` replace a study's budget, and say so where they do."""

from __future__ import annotations

import pytest
from acceptance_support import Tuner

pytestmark = pytest.mark.rest


def test_a_bound_that_another_one_replaces_is_told_and_logged_once(tuner: Tuner) -> None:
    study = tuner.toy_study("grown", budget={"trials": 1})
    assert "budget:" not in tuner.ok("start", study).stderr
    assert "budget:" not in tuner.ok("resume", "grown", "--trials", "1").stderr
    first = tuner.ok("resume", "grown", "--trials", "2").stderr
    assert first.splitlines()[0][20:] == "budget: trials 2 in place of trials 1"
    second = tuner.ok("start", study, "--trials", "3").stderr
    assert "budget: trials 3 in place of trials 2" in second
    tuner.toy_study("grown", budget={"trials": 4})
    third = tuner.ok("start", study).stderr
    assert "budget: trials 4 in place of trials 3" in third
    events = tuner.json("logs", "grown")["events"]
    assert [event["detail"] for event in events if event["kind"] == "edited"] == [
        "budget.trials: 1 -> 2",
        "budget.trials: 2 -> 3",
        "budget.trials: 3 -> 4",
    ]


def test_a_budget_that_cannot_be_leaves_no_trace(tuner: Tuner) -> None:
    study = tuner.toy_study("kept", budget={"trials": 1})
    tuner.ok("start", study)
    refused = tuner.run("resume", "kept", "--runs", "2")
    assert refused.returncode == 78
    assert "budget: runs" not in refused.stderr
    assert tuner.json("status", "kept")["budget"]["trials"] == 1
    assert "edited" not in [event["kind"] for event in tuner.json("logs", "kept")["events"]]

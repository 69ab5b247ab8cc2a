"""What the pruner says of a trial reaches its trainer, whichever pruner it is."""

from __future__ import annotations

from typing import Any

import pytest
from acceptance_support import Tuner, records_of

TRIALS = 12
#: By name, what would prune a trial at each of its evaluations once there is anything to compare with.
PRUNERS: dict[str, dict[str, Any]] = {
    "percentile": {"percentile": 50, "n_startup_trials": 1, "n_warmup_steps": 0, "n_min_trials": 1},
    "median": {"n_startup_trials": 1, "n_warmup_steps": 0, "n_min_trials": 1},
    "successive_halving": {"min_resource": 10, "reduction_factor": 2},
    "hyperband": {"reduction_factor": 3},
}
#: Those that compare the values of complete trials, and so can say which value a trial needed.
COMPARED = ("percentile", "median")


@pytest.mark.parametrize("name", PRUNERS)
def test_the_weak_are_pruned_at_their_last_report_and_the_published_recipe_is_not(tuner: Tuner, name: str) -> None:
    study = tuner.toy_study("pruned", pruner={"name": name, **PRUNERS[name]}, budget={"trials": TRIALS})
    done = tuner.ok("start", study)
    records = records_of("pruned", f"sqlite:///{tuner.folder}/tuner.db")
    by_state = {
        state: [trial for trial in records.trials if trial["state"] == state] for state in ("complete", "pruned")
    }
    assert len(by_state["complete"]) + len(by_state["pruned"]) == TRIALS
    assert by_state["pruned"], done.stderr
    assert records.trials[0]["state"] == "complete"
    for trial in by_state["pruned"]:
        assert trial["value"] == trial["steps"][-1]["value"]
        last = trial["steps"][-1]["step"]
        assert last < 100
        why = f"{trial['value']:.4g} at {last} %, "
        assert trial["reason"].startswith(why + ("needed 0." if name in COMPARED else "among the weakest so far"))
        assert f"trial {trial['number']} pruned value {trial['value']:.4f}" in done.stderr
        (end,) = [each for each in records.events if each["trial"] == trial["number"] and each["kind"] == "end"]
        assert end["detail"] == f"pruned: {trial['reason']}"
    assert all(len(trial["steps"]) == 10 for trial in by_state["complete"])
    assert {slot.state for slot in records.slots} == {"finished"}

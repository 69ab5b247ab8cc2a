"""A study may have any number of trials: what holds it takes no more memory for the thirtieth than for the fifth."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from acceptance_support import Running, Tuner

pytestmark = pytest.mark.rest

TRIALS = 32
#: Growth from the fifth trial to the thirtieth.
MOST = 1.05


def held_by(running: Running) -> dict[str, int]:
    """Return the bytes that belong to supervisor and fork server alone."""
    (parent,) = psutil.Process(running.pid).children()
    return {"supervisor": psutil.Process(running.pid).memory_full_info().uss, "parent": parent.memory_full_info().uss}


def test_memory_is_flat_over_thirty_trials_of_which_some_fail_and_some_are_pruned(tuner: Tuner) -> None:
    shutil.copy(Path(__file__).with_name("uneven_training.py"), tuner.folder)
    pruner = {"name": "percentile", "percentile": 50, "n_startup_trials": 2, "n_warmup_steps": 10, "n_min_trials": 1}
    study = tuner.toy_study(
        "uneven", train="uneven_training:train", budget={"trials": TRIALS}, pruner=pruner, max_failed="none"
    )
    with tuner.cold.running("start", study) as running:
        running.wait_for(r"\b5/32,")
        early = held_by(running)
        running.wait_for(r"\b30/32,")
        late = held_by(running)
        assert running.wait() == 0
    states = [trial["state"] for trial in tuner.json("trials", "uneven")["trials"]]
    assert {state: states.count(state) >= 3 for state in states} == {"complete": True, "failed": True, "pruned": True}
    assert {name: late[name] <= MOST * early[name] for name in early} == {"supervisor": True, "parent": True}, (
        early,
        late,
    )

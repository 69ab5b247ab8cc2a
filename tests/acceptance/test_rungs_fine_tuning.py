"""Fine-tuning that is put aside at rungs and goes on has the weights that it would have if it were left in peace."""

from __future__ import annotations

from typing import Any

import pytest
from acceptance_support import SLOW, Records, Tuner, records_of

from storage import CheckpointStore, store_url

pytestmark = pytest.mark.rest

TRIALS = 8
#: 240 optimiser steps, of which 20 are at 8 %: the first rung of each trial. Dropout draws random numbers at each step.
STUDY: dict[str, Any] = {
    "search_space": {**SLOW["search_space"], "dropout": 0.1, "warmup_ratio": 0.0, "frozen_layers": 0.5},
    "sampler": "random",
    "checkpoint_every": "0.3s",
    "keep": TRIALS,
    "seed": 1,
}


def best_weights(tuner: Tuner, name: str, records: Records, trial: int) -> dict[str, bytes]:
    """Return the files of a trial's best weights."""
    store = CheckpointStore(store_url(str(tuner.folder / "tuner-checkpoints")), name, scratch=tuner.folder / "scratch")
    best = records.slots[trial].checkpoints.best
    assert best is not None
    folder, _ = store.fetch(best.key, best.sha256)
    files = {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("config.json", "manifest.json")
    }
    store.release(folder)
    return files


def started(tuner: Tuner, name: str, **changes: Any) -> Records:
    """Run a study to its end with one worker."""
    tuner.ok("start", tuner.study(name, **STUDY, **changes))
    return records_of(name, f"sqlite:///{tuner.folder}/tuner.db")


def test_a_trial_that_was_put_aside_twice_has_the_weights_of_one_that_never_was(tuner: Tuner) -> None:
    records = started(tuner, "rungs", search="auto", budget={"trials": TRIALS})
    (winner,) = [trial for trial in records.trials if trial["state"] == "complete" and trial["number"]]
    number = winner["number"]
    told = [event for event in records.events if event["trial"] == number]
    put_aside = [event for event in told if event["kind"] == "shelved"]
    assert [event["step"] for event in put_aside] == [8, 16], "with this seed"
    assert any("no checkpoint is kept" not in event["detail"] for event in put_aside)
    assert [event["step"] for event in told if event["kind"] == "promoted"] == [16, 32, 64, 100]
    assert [step["step"] for step in winner["steps"]] == [4, 8, 16, 32, 64, 100]
    assert winner["restarts"] == 2
    assert {slot.state for slot in records.slots} == {"finished"}

    peace = started(tuner, "peace", search={"promotion": "none"}, budget={"trials": number + 1})
    undisturbed = peace.trials[number]
    assert undisturbed["restarts"] == 0
    assert not [event for event in peace.events if event["kind"] in ("shelved", "promoted")]
    for key in ("hyperparameters", "value", "steps"):
        assert winner[key] == undisturbed[key], key
    weights = best_weights(tuner, "rungs", records, number)
    assert "model.safetensors" in weights
    assert weights == best_weights(tuner, "peace", peace, number)

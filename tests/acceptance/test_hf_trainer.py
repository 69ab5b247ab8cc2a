"""A script with a Trainer, and one function that returns it, is a study like any other: killed, pruned and exported."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acceptance_support import Tuner, records_of, stored_files

pytestmark = pytest.mark.rest

CRASHING = (sys.executable, "-P", str(Path(__file__).with_name("crashing.py")))
LEASE = ("--lease", "2s")
#: A user's script. Where `CROWDED` is there, more than two examples at once do not fit.
SCRIPT = f"""
import os
import sys
from pathlib import Path

sys.path.append({str(Path(__file__).parents[1])!r})

import torch
from hf_trainers import classifier


def make_trainer(run):
    trainer = classifier(run, Path.cwd(), label_smoothing_factor=run.params["smoothing"])
    if os.environ.get("CROWDED"):
        step = trainer.training_step

        def training_step(*arguments, **more):
            if trainer.args.per_device_train_batch_size > 2 and trainer.state.global_step > 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")
            return step(*arguments, **more)

        trainer.training_step = training_step
    return trainer
"""
SPACE = {
    "learning_rate": {"low": 1e-5, "high": 3e-2, "log": True},
    "num_train_epochs": 3,
    "smoothing": [0.0, 0.1],
}


def study(tuner: Tuner, name: str, **changes: Any) -> str:
    """Write the script, and the file of a study that trains with it."""
    (tuner.folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    document = {"train": "script:make_trainer", "metric": "eval_loss", "search_space": SPACE, "seed": 1, **changes}
    return tuner.study(name, **{"model": None, "data": None, "max_length": None, **document})


def test_a_trial_that_was_killed_goes_on_to_the_same_losses_and_weights(tuner: Tuner) -> None:
    changes: dict[str, Any] = {"pruner": "none", "budget": {"trials": 1}, "checkpoint_every": "0.05s"}
    tuner.ok("start", study(tuner, "whole", **changes), *LEASE)
    killed = replace(tuner, command=(*CRASHING, "pointer", "3", "SIGKILL"))
    written = study(tuner, "killed", **changes)
    crashed = killed.run("start", written, *LEASE)
    assert crashed.returncode == -signal.SIGKILL, crashed.stderr
    resumed = tuner.ok("resume", "killed", *LEASE)
    assert "again from optimiser step" in resumed.stderr
    url = f"sqlite:///{tuner.folder}/tuner.db"
    whole, again = (records_of(name, url).trials for name in ("whole", "killed"))
    for key in ("state", "value", "hyperparameters", "steps"):
        assert [trial[key] for trial in again] == [trial[key] for trial in whole], key
    assert {trial["state"] for trial in whole} == {"complete"}
    for name in ("whole", "killed"):
        tuner.ok("export", name, f"{name}-model")
    first, second = (stored_files(tuner.folder / f"{name}-model") for name in ("whole", "killed"))
    assert first["model.safetensors"] == second["model.safetensors"]
    assert not (tuner.folder / "out").exists()


def test_trials_are_pruned_go_on_with_less_memory_and_are_exported_for_transformers(tuner: Tuner) -> None:
    pruner = {"name": "percentile", "percentile": 50, "n_startup_trials": 1, "n_warmup_steps": 0, "n_min_trials": 1}
    written = study(tuner, "crowded", pruner=pruner, budget={"trials": 4}, early_stopping="none")
    done = tuner.within(CROWDED="yes").ok("start", written, *LEASE)
    for before, after in ((8, 4), (4, 2)):
        assert f"trial 0: {before} examples at a time do not fit in memory, it goes on with {after}" in done.stderr
    trials = tuner.json("trials", "crowded")["trials"]
    assert {trial["state"] for trial in trials} == {"complete", "pruned"}
    assert [trial["restarts"] for trial in trials] == [2, 0, 0, 0], "later trials begin with what fits"
    shown = tuner.json("show", "crowded", "1")
    assert (shown["effective"]["batch_size"], shown["effective"]["micro_batch"]) == (8, 2)
    assert shown["hyperparameters"].keys() == SPACE.keys()
    tuner.ok("export", "crowded", "model")
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(tuner.folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(tuner.folder / "model")
    assert model(**tokenizer("w1 w2", return_tensors="pt")).logits.shape == (1, 2)

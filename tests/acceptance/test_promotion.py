"""What a study file may say about its rungs, through the command: percentile promotion, and a lower first rung."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from acceptance_support import Tuner, points, records_of

pytestmark = pytest.mark.rest

LOOKS = [4, 8, 16, 32, 64, 100]


def test_percentile_promotion_ends_the_weak_at_a_rung_and_puts_none_aside(tuner: Tuner) -> None:
    study = tuner.toy_study(
        "percentile",
        train="toy_training:at_looks",
        search={"promotion": "percentile"},
        pruner=None,
        sampler="random",
        budget={"trials": 16},
        seed=1,
    )
    done = tuner.within(TOY_STEPS="100").ok("start", study)
    records = records_of("percentile", f"sqlite:///{tuner.folder}/tuner.db")
    assert not [event for event in records.events if event["kind"] in ("shelved", "promoted")]
    complete: list[dict[int, float]] = []
    by_state = {"complete": 0, "pruned": 0}
    for trial in records.trials:  # one worker: in the order of their numbers
        values = {step["step"]: step["value"] for step in trial["steps"]}
        by_state[trial["state"]] += 1
        for rung in [look for look in LOOKS[:-1] if look >= 20 and look in values and len(complete) >= 5]:
            best = max(value for look, value in values.items() if look <= rung)
            is_weak = best < np.percentile([each[rung] for each in complete], 25)
            assert (trial["state"] == "pruned" and max(values) == rung) == (is_weak and trial["number"] != 0)
        if trial["state"] == "complete":
            complete.append(values)
        else:
            bar = np.percentile([each[max(values)] for each in complete], 25)
            why = f"{max(values.values()):.4g} at best up to {max(values)} %, needed {bar:.4g} to be among the best "
            assert trial["reason"] == f"{why}75 % of {len(complete)} complete trials"
            assert f"trial {trial['number']} pruned value " in done.stderr
    assert by_state["complete"] > 5
    assert by_state["pruned"]


#: Trials that are long enough for 20 optimiser steps at 2 %: 96 rows for 10 epochs, one at a time, the head alone.
#: Rates are so high that the loss grows with them, at each percent.
LONG: dict[str, Any] = {
    "search_space": {
        "learning_rate": {"low": 1e-2, "high": 10.0, "log": True},
        "batch_size": 1,
        "num_train_epochs": 10,
        "lr_scheduler_type": "constant",
        "frozen_layers": 1.0,
        "dropout": 0.0,
        "weight_decay": 0.0,
    },
    "metric": "loss",
    "sampler": "random",
    "budget": {"trials": 20},
    "seed": 1,
}


def test_trials_are_put_aside_earlier_once_early_values_rank_as_later_ones(tuner: Tuner) -> None:
    tuner.ok("start", tuner.study("early", **LONG))
    records = records_of("early", f"sqlite:///{tuner.folder}/tuner.db")
    assert len(set(points({"trials": records.trials}).values())) == 20
    (decided,) = [event for event in records.events if event["kind"] == "decided"]
    assert decided["detail"].startswith("the first rung is 2 %: between 2 % and 4 % of 16 trials, rank correlation ")
    before = {event["trial"] for event in records.events[: records.events.index(decided)]}
    assert len(before) == 16
    judged: dict[int, int] = {}  # at which percent a trial was put aside, promoted or pruned first
    for event in records.events:
        if event["trial"] and event["kind"] in ("shelved", "promoted", "end"):
            number = event["trial"]
            steps = [step["step"] for step in records.trials[number]["steps"]]
            assert steps == [2, *LOOKS][: len(steps)]
            at = {"shelved": event["step"], "end": steps[-1]}
            judged.setdefault(number, at.get(event["kind"]) or steps[steps.index(event["step"]) - 1])
    assert judged == {number: 4 if number in before else 2 for number in range(1, 20)}

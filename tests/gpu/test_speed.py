"""Tokens a second beside transformers.Trainer, and what deterministic settings cost. Measured, and never asserted."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from gpu_support import DETERMINISTIC, Study, Trainers

from tuner.trial.looks import LOOKS

Measured = Callable[[str, str], None]

#: How often each system is measured, in turns.
ROUNDS = 2


@pytest.mark.parametrize("mixed", [False, True], ids=["one length", "unlike lengths"])
def test_tokens_a_second_beside_trainer(
    mixed: bool, trainers: Trainers, make_study: Callable[..., Study], tmp_path: Path, measured: Measured
) -> None:
    study = make_study(trainers.device.kind, mixed=mixed)
    size = study.size
    # Optimiser steps as many as are timed; one evaluation, after the last of them.
    epochs = size.timed * size.batch / size.rows
    run = study.run(precision="auto", num_train_epochs=epochs, looks=LOOKS[1])
    systems: dict[str, tuple[Mapping[str, str], dict[str, Any]]] = {
        "ours": ({}, {"system": "ours"}),
        "trainer": ({}, {"system": "trainer"}),
    }
    if not mixed:
        systems["deterministic"] = (DETERMINISTIC, {"system": "ours", "deterministic": True})
    found: dict[str, list[float]] = {name: [] for name in systems}
    losses: dict[str, float] = {}
    for turn in range(ROUNDS):
        order = list(systems)[turn:] + list(systems)[:turn]
        for name in order:
            environment, arguments = systems[name]
            folder = tmp_path / f"{name}-{turn}"
            one = trainers.call("time_training", environment, run=run, size=size, folder=folder, **arguments)
            found[name].append(one["tokens_s"])
            losses[name] = one["loss"]
    # Both have trained the same; bf16 sums in another order.
    assert losses["ours"] == pytest.approx(losses["trainer"], rel=0.05)
    speed = {name: statistics.median(values) for name, values in found.items()}
    texts = "of unlike lengths" if mixed else "of one length"
    measured(
        f"useful tokens a second, texts {texts}",
        f"ours {speed['ours']:,.0f}, Trainer {speed['trainer']:,.0f}: {speed['ours'] / speed['trainer']:.2f}x",
    )
    if not mixed:
        share = speed["deterministic"] / speed["ours"]
        measured(f"deterministic settings, texts {texts}", f"{share:.2f}x of the tokens a second without them")

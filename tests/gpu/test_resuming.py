"""A trial that is interrupted and goes on in another trainer ends with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gpu_support import Study, Trainers

Measured = Callable[[str, str], None]


def interrupted(trainers: Trainers, run: Any, folder: Path, *, deterministic: bool) -> tuple[Any, Any, Any]:
    """Return what comes of a trial, of its first half, and of the rest in a trainer of its own."""
    options: dict[str, Any] = {"folder": folder, "deterministic": deterministic}
    whole = trainers.train(run, **options | {"folder": folder / "whole"})
    assert whole["state"] == "complete", whole["reason"]
    half = whole["effective"]["optimiser_steps"] // 2
    first = trainers.train(run, **options, at=[half], leave=True)
    assert first["state"] == "left", first["reason"]
    rest = trainers.train(replace(run, restored=folder / f"step-{half:05d}"), **options)
    assert rest["state"] == "complete", rest["reason"]
    return whole, first, rest


def same(whole: Any, first: Any, rest: Any) -> bool:
    """Return whether weights and evaluations are equal to the last bit."""
    return bool(
        whole["weights"] == rest["weights"] and whole["evaluations"] == [*first["evaluations"], *rest["evaluations"]]
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_trial_that_goes_on_is_the_trial_that_was_never_interrupted(
    precision: str, trainers: Trainers, make_study: Callable[..., Study], tmp_path: Path, measured: Measured
) -> None:
    if precision == "fp16" and not trainers.on_gpu:
        pytest.skip("fp16 needs a GPU")
    study = make_study(trainers.device.kind, mixed=True)
    run = study.run(precision=precision, dropout=0.1, max_rows=320, micro_batch=study.size.batch)
    whole, first, rest = interrupted(trainers, run, tmp_path / "exact", deterministic=True)
    assert [*first["evaluations"], *rest["evaluations"]] == whole["evaluations"]
    assert rest["weights"] == whole["weights"]
    assert first["weights"] != whole["weights"]
    found = "the same bits with deterministic settings"
    if precision == "bf16":  # what a study on a GPU trains with, unless it says otherwise
        loose = interrupted(trainers, run, tmp_path / "loose", deterministic=False)
        counts = [len(each["evaluations"]) for each in loose]
        assert counts[0] == counts[1] + counts[2]
        found += f"; without: {'the same' if same(*loose) else 'other'} bits"
    measured(f"interrupted and gone on, {precision}", found)

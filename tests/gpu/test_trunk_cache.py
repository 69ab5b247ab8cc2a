"""What frozen layers make of the texts is kept on the GPU, and the trial learns what it would learn without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gpu_support import Study, Trainers, largest_difference

from tuner.trial.run import TrunkHome

Measured = Callable[[str, str], None]

#: By how much losses may differ where other kernels have computed the same hidden states.
BOUNDS = {"fp32": 1e-3, "bf16": 2.0**-6}


@pytest.mark.parametrize(("precision", "frozen"), [("fp32", 0.5), ("bf16", 0.5), ("bf16", 1.0)])
def test_losses_with_the_cache_on_the_device_are_those_without_it(
    precision: str,
    frozen: float,
    trainers: Trainers,
    make_study: Callable[..., Study],
    tmp_path: Path,
    measured: Measured,
) -> None:
    study = make_study(trainers.device.kind, mixed=True)
    run = study.run(precision=precision, frozen_layers=frozen, max_rows=320)
    without = trainers.train(run)
    home = TrunkHome(folder=tmp_path / "trunk", weights="of this model", shares=(0.5, 1.0))
    built = trainers.train(replace(run, trunk=home))
    again = trainers.train(replace(run, trunk=home))
    for found in (without, built, again):
        assert found["state"] == "complete", found["reason"]
    assert without["effective"]["trunk_cache"]["place"] == "recompute"
    for found in (built, again):
        decision = found["effective"]["trunk_cache"]
        assert decision["place"] == ("device" if trainers.on_gpu else "memory"), decision
    difference = max(
        largest_difference(found[losses], without[losses])
        for found in (built, again)
        for losses in ("losses", "validation")
    )
    effective = again["effective"]
    measured(
        f"trunk cache on the device, {frozen:.0%} frozen, {precision}",
        f"losses differ by {difference:.1e}, states by {effective['trunk_cache']['difference']:.1e}; "
        f"one-token last layer: {effective['one_token']}",
    )
    assert difference <= BOUNDS[precision]

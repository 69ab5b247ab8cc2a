"""bf16 and fp16 train as fp32 does, as far as their bits go; fp32 is fp32."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from gpu_support import Study, Trainers, largest_difference

Measured = Callable[[str, str], None]

#: Half of the distance between neighbouring numbers, relative to them: what rounding to a precision may change.
ROUNDING = {"bf16": 2.0**-8, "fp16": 2.0**-11}
#: Roundings that add up in a loss, at most. From texts to logits a state passes some ten roundings a layer: of six
#: layers sixty, which as a random walk are eight, and a loss moves at most as far as its logits. As much again is for
#: later steps, which start from weights that differ already. Measured on a processor with layers of 384: 3.2 in bf16.
ROUNDINGS = 16


def brief(study: Study, **values: Any) -> Any:
    """Return a trial of 40 optimiser steps, evaluated ten times."""
    rows = min(study.size.rows, 20 * study.size.batch)
    return study.run(max_rows=rows, num_train_epochs=40 * study.size.batch / rows, warmup_ratio=0.2, **values)


@pytest.fixture(scope="module")
def precisions(trainers: Trainers) -> Any:
    """What a trainer found out about this device."""
    return trainers.call("precisions")


@pytest.fixture(scope="module")
def whole(trainers: Trainers, make_study: Callable[..., Study]) -> Any:
    """What comes of the trial in fp32."""
    found = trainers.train(brief(make_study(trainers.device.kind), precision="fp32"))
    assert found["state"] == "complete", found["reason"]
    return found


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_the_losses_are_those_of_fp32_as_far_as_the_bits_go(
    precision: str, trainers: Trainers, study: Study, whole: Any, precisions: Any, measured: Measured
) -> None:
    if precision == "fp16" and not trainers.on_gpu:
        pytest.skip("fp16 needs a GPU")
    if precision == "bf16" and trainers.on_gpu and not precisions["bf16"]:
        pytest.skip("this GPU does not compute bf16")
    short = trainers.train(brief(study, precision=precision))
    assert short["state"] == "complete", short["reason"]
    assert short["effective"]["precision"] == precision
    assert short["effective"]["device"] == trainers.device.kind
    assert whole["losses"][-1] < whole["losses"][0] - 0.02, "something was learnt, so that the losses can differ"
    skipped = sum(short["skipped"])
    # A step that the scaler skips changes no weight, and the losses from there on are a step behind.
    compared = slice(None) if skipped == 0 else slice(0, 1)
    first = largest_difference(short["losses"][:1], whole["losses"][:1])
    later = largest_difference(short["losses"][compared], whole["losses"][compared])
    last = largest_difference(short["validation"][-1:], whole["validation"][-1:])
    measured(
        f"{precision} beside fp32: losses differ by",
        f"{first:.1e} in the first tenth, at most {later:.1e}; validation at the end {last:.1e}; "
        f"{skipped} steps skipped",
    )
    if skipped == 0:
        assert later < ROUNDINGS * ROUNDING[precision]
    assert short["losses"][-1] < short["losses"][0] - 0.02


def test_a_step_that_the_scaler_skips_leaves_the_learning_rate_where_it_is(
    trainers: Trainers, study: Study, measured: Measured
) -> None:
    # At the logits alone a gradient is then some 2**24 / 2 / 32, four times what fp16 holds.
    scale = 2.0**24
    precision = "fp16" if trainers.on_gpu else "fp32"
    found = trainers.train(brief(study, precision=precision), scale=scale)
    assert found["state"] == "complete", found["reason"]
    skipped = found["skipped"]
    assert skipped[0], "the first step overflows"
    assert not all(skipped), "the scale falls until gradients fit"
    measured(f"{precision} that begins with a scale of {scale:.0e}", f"{sum(skipped)} of {len(skipped)} steps skipped")
    rates = found["rates"]
    moved = [later != rate for rate, later in itertools.pairwise(rates)]
    assert moved == [not skip for skip in skipped[:-1]]


def test_auto_is_bf16_where_the_gpu_computes_it(precisions: Any) -> None:
    assert precisions["auto"] == ("bf16" if precisions["bf16"] else "no")


@pytest.mark.parametrize("what", ["product", "convolution"])
def test_fp32_is_fp32_and_not_tf32(what: str, precisions: Any, measured: Measured) -> None:
    error = precisions[what]
    measured(f"fp32 {what}: largest error beside fp64", f"{error:.1e}")
    # Sums of 512 products are off by some 1e-6 of the largest in fp32, and by some 1e-4 in TF32's ten bits.
    assert error < 2e-5

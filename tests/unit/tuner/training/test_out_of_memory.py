"""Training where more than so many examples at once do not fit, as a torch whose memory runs out says it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from tuner.training.loop import train
from tuner.trial.looks import LOOKS
from tuner.trial.runner import run_trial

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun

RUN: dict[str, Any] = {"batch_size": 16, "num_train_epochs": 3, "dropout": 0.2, "looks": LOOKS[5]}


class Scarce:
    """Memory for so many examples at once: of training from some forward pass on, and of an evaluation.

    With gradient checkpointing there may be room for one.
    """

    def __init__(
        self, *, training: int = 1 << 30, evaluating: int = 1 << 30, after: int = 0, checkpointed: bool = False
    ) -> None:
        self.checkpointed = checkpointed
        self.training = training
        self.evaluating = evaluating
        self.after = after
        #: Examples of each forward pass of training that was begun, and whether it fitted.
        self.passes: list[tuple[int, bool]] = []
        self._lost: list[weakref.ref[torch.Tensor]] = []

    @contextmanager
    def open(self) -> Iterator[Scarce]:
        hooks = [register_module_forward_pre_hook(self._begin), register_module_forward_hook(self._end)]
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()

    def _begin(self, module: Any, _: Any) -> None:
        if is_whole(module):
            assert not any(lost() is not None for lost in self._lost), "what did not fit is still there"

    def _end(self, module: Any, _: Any, output: Any) -> None:
        if not is_whole(module):
            return
        examples = len(output.logits)
        fits = examples <= (self.training if module.training else self.evaluating)
        if module.training:
            fits = fits or len(self.passes) < self.after
            fits = fits or (self.checkpointed and examples == 1 and module.is_activation_checkpointing)
            self.passes.append((examples, fits))
        if not fits:
            self._lost.append(weakref.ref(output.logits))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of 8 GiB")


def is_whole(module: Any) -> bool:
    return isinstance(module, transformers.PreTrainedModel) and hasattr(module, "classifier")


def recording(run: TrialRun) -> tuple[TrialRun, list[Mapping[str, Any]]]:
    recorded: list[Mapping[str, Any]] = []
    return replace(run, record=recorded.append), recorded


def test_the_step_is_done_again_with_half_until_it_fits_and_is_what_it_would_have_been(
    make_run: Callable[..., TrialRun],
) -> None:
    run, recorded = recording(make_run("bert", **RUN, micro_batch=16))
    with Scarce(training=4).open() as scarce:
        found = list(train(run))
    assert found == list(train(replace(run, micro_batch=4))), "not one bit differs, dropout included"
    assert scarce.passes[:3] == [(16, False), (8, False), (4, True)]
    assert all(fits for _, fits in scarce.passes[2:])
    assert [each["micro_batch"] for each in recorded[:3]] == [16, 8, 4]
    assert {each["batch_size"] for each in recorded} == {16}
    assert {each["optimiser_steps"] for each in recorded} == {6}
    assert found[-1].optimiser_steps == 6


def test_memory_that_runs_out_in_the_middle_of_a_step_spoils_neither_gradients_nor_random_numbers(
    make_run: Callable[..., TrialRun],
) -> None:
    # Nine passes fit: two steps of four parts each, and the first part of the third.
    run, recorded = recording(make_run("bert", **{**RUN, "looks": LOOKS[10]}, micro_batch=4))
    with Scarce(training=2, after=9).open() as scarce:
        found = list(train(run))
    assert scarce.passes[8:10] == [(4, True), (4, False)]
    assert [each["micro_batch"] for each in recorded] == [4, 2]
    whole = list(train(replace(run, micro_batch=4)))
    assert found[:2] == whole[:2], "what was before it is as it was"
    assert [each.optimiser_steps for each in found] == [each.optimiser_steps for each in whole]
    # Dropout draws for other parts from there on, without it there are no random numbers: then only the sum's order.
    run, _ = recording(make_run("bert", **{**RUN, "looks": LOOKS[10], "dropout": 0.0}, micro_batch=4))
    with Scarce(training=2, after=9).open():
        found = list(train(run))
    whole = list(train(run))
    for one, other in zip(found, whole, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-4)


def test_half_of_a_micro_batch_counts_from_the_batch_where_that_is_smaller(make_run: Callable[..., TrialRun]) -> None:
    run, recorded = recording(make_run("bert", **{**RUN, "batch_size": 8}, micro_batch=64))
    with Scarce(training=4).open() as scarce:
        list(train(run))
    assert scarce.passes[:2] == [(8, False), (4, True)]
    assert [each["micro_batch"] for each in recorded] == [8, 4]


def test_what_does_not_fit_one_by_one_is_to_be_avoided(make_run: Callable[..., TrialRun]) -> None:
    run, recorded = recording(make_run("bert", **RUN, micro_batch=4))
    with Scarce(training=0).open():
        result = run_trial(run, train, lambda _: True)
    assert (result.state, result.avoid) == ("pruned", "out_of_memory")
    assert (result.reason or "").startswith("out of memory: CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert [each["micro_batch"] for each in recorded] == [4, 2, 1, 1]
    assert [each["gradient_checkpointing"] for each in recorded] == [False, False, False, True]


def checkpoint_around_the_hooks(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a layer be computed again from its call on, as transformers did before it was from its `forward` on."""
    plain, call = layer.forward.__wrapped__, torch.nn.Module.__call__

    def checkpointed(self: Any, *arguments: Any, **more: Any) -> Any:
        if not (self.gradient_checkpointing and self.training):
            return call(self, *arguments, **more)
        return self._gradient_checkpointing_func(partial(call, self, **more), *arguments)

    monkeypatch.setattr(layer, "forward", plain)
    monkeypatch.setattr(layer, "__call__", checkpointed)


@pytest.mark.parametrize(("kind", "frozen"), [("bert", 0.0), ("bert", 0.5), ("deberta-v2", 0.25)])
def test_what_does_not_fit_one_by_one_is_tried_with_gradient_checkpointing_and_is_what_it_would_have_been(
    make_run: Callable[..., TrialRun], monkeypatch: pytest.MonkeyPatch, kind: str, frozen: float
) -> None:
    if kind == "deberta-v2":  # what is between two of its layers is computed from given states, and then replaced
        checkpoint_around_the_hooks(transformers.models.deberta_v2.modeling_deberta_v2.DebertaV2Layer, monkeypatch)
    run, recorded = recording(make_run(kind, **{**RUN, "frozen_layers": frozen, "num_train_epochs": 1}, micro_batch=2))
    with Scarce(training=0, checkpointed=True).open() as scarce:
        found = list(train(run))
    assert scarce.passes[:3] == [(2, False), (1, False), (1, True)]
    assert found == list(train(replace(run, micro_batch=1))), "not one bit differs, dropout included"
    told = [(each["micro_batch"], each["gradient_checkpointing"]) for each in recorded[:3]]
    assert told == [(2, False), (1, False), (1, True)]
    with Scarce(training=0, checkpointed=True).open() as scarce:
        assert found == list(train(replace(run, micro_batch=1, gradient_checkpointing=True)))
    assert all(fits for _, fits in scarce.passes), "what is told is heeded from the beginning"


def test_an_evaluation_is_made_again_with_half_and_goes_on_with_it(make_run: Callable[..., TrialRun]) -> None:
    run, recorded = recording(make_run("bert", **RUN, micro_batch=16))
    whole = list(train(run))
    with Scarce(evaluating=3).open():
        found = list(train(run))
    for one, other in zip(found, whole, strict=True):
        assert (one.step, one.train_loss) == (other.step, other.train_loss)
        assert one.value == other.value
        assert one.validation_loss == pytest.approx(other.validation_loss, rel=1e-4)
    assert [each["micro_batch"] for each in recorded] == [16] * 2, "it has taken no memory from training"


def test_an_evaluation_that_does_not_fit_one_by_one_is_to_be_avoided(make_run: Callable[..., TrialRun]) -> None:
    with Scarce(evaluating=0).open():
        result = run_trial(make_run("bert", **RUN, micro_batch=2), train, lambda _: True)
    assert (result.state, result.avoid) == ("pruned", "out_of_memory")


def test_any_other_error_is_no_lack_of_memory(make_run: Callable[..., TrialRun]) -> None:
    def fail(module: Any, _: Any) -> None:
        if is_whole(module):
            raise RuntimeError("CUDA error: device-side assert triggered")

    hook = register_module_forward_pre_hook(fail)
    try:
        result = run_trial(make_run("bert", **RUN, micro_batch=4), train, lambda _: True)
    finally:
        hook.remove()
    assert (result.state, result.reason) == ("failed", "RuntimeError: CUDA error: device-side assert triggered")


@pytest.mark.rest
@pytest.mark.parametrize("leave_after", [1, 4])
def test_a_trial_that_ran_out_of_memory_goes_on_elsewhere_bit_for_bit(
    leave_after: int, make_run: Callable[..., TrialRun], attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = make_run("bert", **RUN, micro_batch=16)
    with Scarce(training=4, evaluating=5).open():
        whole = attempt(run, tmp_path / "whole")
        first = attempt(run, tmp_path / "parts", at=[leave_after], leave=True)
        assert first.left
        # Nobody says how many fit: the checkpoint knows.
        again = replace(run, micro_batch=None, restored=first.step(leave_after))
        with Scarce(training=4).open() as scarce:
            second = attempt(again, tmp_path / "parts")
    assert all(fits for _, fits in scarce.passes)
    assert [*first.evaluations, *second.evaluations] == whole.evaluations
    assert all(torch.equal(second.weights[name], weights) for name, weights in whole.weights.items())

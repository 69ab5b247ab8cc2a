"""Weights in four bits: those of transformers and bitsandbytes, and adapters beside them as peft trains them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import bitsandbytes
import numpy as np
import peft
import pytest
import torch
import transformers
from datasets import load_from_disk
from reference_trainer import ReferenceTrainer, reference_arguments
from torch import nn

from tuner.errors import ModelError
from tuner.training.data.batches import training_batches
from tuner.training.data.encoded import EncodedData
from tuner.training.loop import train
from tuner.training.model import four_bit_linear
from tuner.training.model.adapter_files import read_adapter, write_adapter
from tuner.training.model.four_bits import check_device, check_layers, hold_in_four_bits, round_to_four_bits
from tuner.training.model.trial_model import base_model, begin_model, merged_model, trained_model
from tuner.training.model.weights import save_weights, trained_state
from tuner.training.tasks import get_task
from tuner.trial.anatomy import Anatomy
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, Speed, TrialRun, TrunkHome

#: Three batches an epoch, of 12, 12 and 8 examples.
STEPS = 6
LORA: dict[str, Any] = {
    "adapter": "lora", "lora_rank": 4, "batch_size": 12, "num_train_epochs": STEPS / 3, "looks": LOOKS[10],
    "frozen_layers": 0.5, "lora_dropout": 0.1, "learning_rate": 2e-3,
}  # fmt: skip
Runs = Callable[..., TrialRun]


def in_four_bits(run: TrialRun) -> TrialRun:
    assert run.model is not None
    return replace(run, model=replace(run.model, load_in_4bit=True))


def blueprint_of(run: TrialRun) -> Any:
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    task = get_task(run.task)
    return task.blueprint(run.model, EncodedData.open(run.data, task.examples).labels, run.seed, run.anatomy.padding)


def inputs_of(run: TrialRun) -> dict[str, torch.Tensor]:
    assert run.data is not None
    found: dict[str, torch.Tensor] = EncodedData.open(run.data, get_task(run.task).examples).train.inputs(np.arange(8))
    return found


def as_transformers_loads(run: TrialRun, *, skipped: list[str]) -> Any:
    """Load a trial's model by transformers, in four bits but for some modules."""
    assert run.model is not None
    config = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, llm_int8_skip_modules=skipped
    )
    head = {"num_labels": 2} if run.task == "text-classification" else {}
    torch.manual_seed(run.seed)
    model = get_task(run.task).auto_model.from_pretrained(
        run.model.location, quantization_config=config, device_map="cpu", dtype=torch.float32, **head
    )
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


# peft asks transformers by a name that has become another one.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_every_loss_is_that_of_peft_and_trainer_on_a_model_that_transformers_loads_in_four_bits(
    make_run: Runs, tmp_path: Path
) -> None:
    run = in_four_bits(make_run("bert", **LORA, weight_decay=0.1, speed=Speed(one_token=False)))
    ours = [each.train_loss for each in train(run)]
    plain = [
        each.train_loss for each in train(make_run("bert", **LORA, weight_decay=0.1, speed=Speed(one_token=False)))
    ]
    assert run.data is not None
    assert run.model is not None
    assert run.anatomy is not None
    task = get_task(run.task)
    data = EncodedData.open(run.data, task.examples)
    heads = ["bert.pooler.dense", "classifier"]
    model = as_transformers_loads(run, skipped=heads)
    fresh = base_model(run, blueprint_of(run))  # leaves random numbers where adapters are drawn from
    for head in heads:
        model.get_submodule(head).load_state_dict(fresh.get_submodule(head).state_dict())
    config = peft.LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.1, target_modules=run.anatomy.adapted("all-linear", 2), modules_to_save=heads
    )
    theirs = peft.get_peft_model(model, config)
    draws = torch.get_rng_state()

    class SameDraws(transformers.TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 0:
                torch.set_rng_state(draws)

    rows: Any = load_from_disk(str(run.data / "train")).remove_columns("length")
    faster = replace(run, hyperparameters=replace(run.hyperparameters, learning_rate=2e-2))
    trainer = ReferenceTrainer(
        model=theirs,
        args=reference_arguments(faster, tmp_path, steps=STEPS),
        train_dataset=rows,
        data_collator=transformers.DataCollatorWithPadding(task.processor(run.model)),
        callbacks=[SameDraws()],
        batches=[batch.tolist() for batch in islice(training_batches(len(data.train), 12, run.seed), STEPS)],
    )
    trainer.train()
    assert ours == pytest.approx(trainer.losses, abs=1e-5)
    assert max(abs(one - other) for one, other in zip(ours, plain, strict=True)) > 1e-3, "rounding changed something"


@pytest.mark.parametrize("name", ["bert", "vit"])
def test_with_frozen_layers_losses_are_the_same_from_the_cache_and_without_it(
    name: str, make_run: Runs, tmp_path: Path
) -> None:
    run = in_four_bits(make_run(name, **{**LORA, "frozen_layers": 0.75}))
    home = TrunkHome(folder=tmp_path / "trunk", weights="w", shares=(0.75,), limit=None)
    cached = [(each.train_loss, each.value) for each in train(replace(run, trunk=home))]
    assert (tmp_path / "trunk").exists()
    assert cached == [(each.train_loss, each.value) for each in train(replace(run, speed=Speed(trunk_cache=False)))]


def test_a_trial_that_goes_on_is_the_trial_that_was_never_interrupted(
    make_run: Runs, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    run = in_four_bits(make_run("bert", **LORA))
    whole = attempt(run, tmp_path / "whole", at=[3])
    first = attempt(run, tmp_path / "trial", at=[3], leave=True)
    second = attempt(replace(run, restored=first.step(3)), tmp_path / "trial", at=[])
    assert first.evaluations + second.evaluations == whole.evaluations
    assert second.best() == whole.best()
    assert whole.effective["adapter"]["base_weights"] == "nf4"
    plain = attempt(make_run("bert", **LORA), tmp_path / "plain", at=[])
    assert whole.effective["parameters"] == plain.effective["parameters"]


def test_merged_weights_and_written_adapters_compute_what_the_trained_model_does(
    make_run: Runs, tmp_path: Path
) -> None:
    run = in_four_bits(make_run("bert", **LORA))
    assert run.anatomy is not None
    model = begin_model(run, blueprint_of(run))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.2)
    save_weights(trained_state(model, run.anatomy, frozen_layers=2), tmp_path)
    inputs = inputs_of(run)
    with torch.no_grad():
        trained = trained_model(run, blueprint_of(run), tmp_path).eval()
        expected = trained(**inputs).logits
        merged = merged_model(run, blueprint_of(run), tmp_path).eval()
        write_adapter(run, trained, tmp_path / "adapter")
        read = read_adapter(base_model(run, blueprint_of(run)), tmp_path / "adapter").eval()
        assert torch.equal(model.eval()(**inputs).logits, expected)
        assert torch.allclose(merged(**inputs).logits, expected, atol=1e-5)
        assert torch.equal(read(**inputs).logits, expected)
    assert {type(module) for module in merged.modules() if isinstance(module, nn.Linear)} == {nn.Linear}
    assert {parameter.dtype for parameter in merged.parameters()} == {torch.float32}


def test_layers_alone_are_rounded_those_of_gpt_2_too() -> None:
    torch.manual_seed(0)
    config = transformers.GPT2Config(n_embd=64, n_layer=2, n_head=4, vocab_size=50, n_positions=16)
    model: Any = transformers.GPT2LMHeadModel(config).eval()
    linear = tuple(name for name, module in model.named_modules() if hasattr(module, "nf"))
    anatomy = Anatomy(layers=(("transformer.h.0",), ("transformer.h.1",)), linear=linear, predicts_tokens=True)
    inputs = torch.randint(50, (2, 9))
    with torch.no_grad():
        plain = model(inputs).logits
        rounded: Any = transformers.GPT2LMHeadModel(config).eval()
        rounded.load_state_dict(model.state_dict())
        round_to_four_bits(rounded, anatomy)
        hold_in_four_bits(model, anatomy)
        assert torch.allclose(model(inputs).logits, rounded(inputs).logits, atol=1e-5)
        assert not torch.allclose(model(inputs).logits, plain, atol=1e-3)
    held = {name for name, module in model.named_modules() if isinstance(module, bitsandbytes.nn.Linear4bit)}
    assert held == set(linear)
    assert model.lm_head.weight is model.transformer.wte.weight
    bytes_of = {name: model.get_submodule(name).weight.nbytes for name in held}
    assert bytes_of["transformer.h.0.mlp.c_fc"] == 64 * 256 // 2


def test_under_autocast_it_computes_as_a_linear_layer_would() -> None:
    linear = nn.Linear(64, 32)
    held = four_bit_linear.FourBitLinear(linear, torch.device("cpu"))
    with torch.no_grad():
        linear.weight.copy_(four_bit_linear.rounded(linear.weight))
    inputs = torch.randn(5, 64)
    for enabled, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            found = held(inputs)
            assert found.dtype == dtype
            assert torch.allclose(found, linear(inputs), atol=1e-6 if dtype == torch.float32 else 1e-2)


def test_a_device_that_cannot_hold_four_bits_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    check_device()

    def unavailable(*arguments: Any, **more: Any) -> Any:
        raise NotImplementedError("The operator 'bitsandbytes::quantize_4bit' is not there.\nmore")

    monkeypatch.setattr(bitsandbytes.functional, "quantize_4bit", unavailable)
    with pytest.raises(ModelError) as caught:
        check_device()
    assert str(caught.value) == (
        "load_in_4bit: bitsandbytes holds no weights in four bits on cpu: The operator "
        "'bitsandbytes::quantize_4bit' is not there.; leave `load_in_4bit` out, or train on another device"
    )


def test_a_model_without_linear_layers_is_refused() -> None:
    with pytest.raises(ModelError, match=r"load_in_4bit: the layers of tiny have no linear layer to hold in four bits"):
        check_layers(nn.Linear(2, 2), Anatomy(layers=((),)), "tiny")


def test_weights_in_four_bits_are_other_weights_to_caches_and_to_a_study(
    preparation: Callable[..., Any], checkpoint: Callable[..., ModelSource]
) -> None:
    plain = preparation("bert")
    held = preparation("bert", model=replace(checkpoint("bert"), load_in_4bit=True))
    assert held.weights == f"{plain.weights}-nf4"
    assert held.folder == plain.folder

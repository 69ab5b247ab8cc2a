"""Adapters: trained as peft trains them, above the frozen layers alone, and merged without a trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers
from datasets import load_from_disk
from reference_trainer import ReferenceTrainer, reference_arguments
from torch import nn

from search_spaces import Hyperparameters
from tuner.errors import ModelError
from tuner.training.data.batches import training_batches
from tuner.training.data.encoded import EncodedData
from tuner.training.loop import train
from tuner.training.model.adapters import adapter_layers, has_adapters, merge_adapters
from tuner.training.model.loading import build_model
from tuner.training.model.trial_model import begin_model
from tuner.training.model.weights import trained_tensors
from tuner.training.optimisation.parameter_groups import parameter_groups
from tuner.training.tasks import get_task
from tuner.trial.looks import LOOKS
from tuner.trial.run import Speed, TrialRun, TrunkHome

#: Three batches an epoch, of 12, 12 and 8 examples.
STEPS = 6
LORA: dict[str, Any] = {
    "adapter": "lora", "lora_rank": 4, "batch_size": 12, "num_train_epochs": STEPS / 3, "looks": LOOKS[10],
}  # fmt: skip
Runs = Callable[..., TrialRun]


def begun(run: TrialRun) -> nn.Module:
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    task = get_task(run.task)
    labels = EncodedData.open(run.data, task.examples).labels
    return begin_model(run, task.blueprint(run.model, labels, run.seed, run.anatomy.padding))


# peft asks transformers by a name that has become another one.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
@pytest.mark.parametrize("name", ["bert", "vit"])
def test_every_loss_is_that_of_peft_and_transformers_trainer(name: str, make_run: Runs, tmp_path: Path) -> None:
    # A last layer of one token draws its dropout for one token.
    speed = Speed(one_token=False)
    run = make_run(name, **LORA, frozen_layers=0.5, lora_dropout=0.1, learning_rate=2e-3, weight_decay=0.1, speed=speed)
    ours = [each.train_loss for each in train(run)]
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    task = get_task(run.task)
    data = EncodedData.open(run.data, task.examples)
    model = build_model(task.blueprint(run.model, data.labels, run.seed), dropout=0.0)
    config = peft.LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.1, target_modules=run.anatomy.adapted("all-linear", 2),
        modules_to_save=run.anatomy.head(name for name, _ in model.named_parameters()),
    )  # fmt: skip
    theirs = peft.get_peft_model(model, config)
    draws = torch.get_rng_state()
    assert run.hyperparameters.lora_scaling == 2

    class SameDraws(transformers.TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 0:
                torch.set_rng_state(draws)

    rows: Any = load_from_disk(str(run.data / "train")).remove_columns("length")
    is_picture = run.task == "image-classification"
    faster = replace(run, hyperparameters=replace(run.hyperparameters, learning_rate=2e-2))
    trainer = ReferenceTrainer(
        model=theirs,
        args=reference_arguments(faster, tmp_path, steps=STEPS),
        train_dataset=rows.with_format("torch") if is_picture else rows,
        data_collator=transformers.default_data_collator
        if is_picture
        else transformers.DataCollatorWithPadding(task.processor(run.model)),
        callbacks=[SameDraws()],
        batches=[batch.tolist() for batch in islice(training_batches(len(data.train), 12, run.seed), STEPS)],
    )
    trainer.train()
    assert ours == pytest.approx(trainer.losses, abs=1e-5)
    assert max(ours) - min(ours) > 0.05, "the losses had something to differ in"


@pytest.mark.parametrize("name", ["bert", "deberta-v2", "vit"])
def test_with_frozen_layers_losses_are_the_same_from_the_cache_and_without_it(
    name: str, make_run: Runs, tmp_path: Path
) -> None:
    run = make_run(name, **LORA, frozen_layers=0.75, lora_dropout=0.1)
    home = TrunkHome(folder=tmp_path / "trunk", weights="w", shares=(0.75,), limit=None)
    cached = [(each.train_loss, each.value) for each in train(replace(run, trunk=home))]
    assert (tmp_path / "trunk").exists()
    computed = [(each.train_loss, each.value) for each in train(replace(run, speed=Speed(trunk_cache=False)))]
    assert cached == computed


def test_adapters_are_above_the_frozen_layers_and_beside_them_the_head_alone_is_trained(make_run: Runs) -> None:
    run = make_run("bert", **LORA, frozen_layers=0.5, lora_targets="attention")
    model = begun(run)
    assert run.anatomy is not None
    where = {name for name, _ in adapter_layers(model)}
    assert where == {
        f"bert.encoder.layer.{number}.attention.{part}"
        for number in (2, 3)
        for part in ("self.query", "self.key", "self.value", "output.dense")
    }
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name in trained if ".lora_" not in name} == {
        f"{head}.{part}" for head in ("bert.pooler.dense", "classifier") for part in ("weight", "bias")
    }
    assert set(trained_tensors(model, run.anatomy, frozen_layers=2)) == trained


@pytest.mark.parametrize(
    ("targets", "parts"), [("all-linear", 6), ("attention", 4), ("query+value", 2), ("output.dense", 2)]
)
def test_the_targets_name_linear_layers(targets: str, parts: int, make_run: Runs) -> None:
    anatomy = make_run("bert").anatomy
    assert anatomy is not None
    assert len(anatomy.adapted(targets)) == 4 * parts
    assert len(anatomy.adapted(targets, 3)) == parts


def test_rank_scale_and_dropout_are_the_trials(make_run: Runs) -> None:
    for values, scaling in (({}, 2.0), ({"lora_alpha": 4.0}, 0.5)):
        layers = [layer for _, layer in adapter_layers(begun(make_run("bert", **{**LORA, "lora_rank": 8}, **values)))]
        assert {(layer.r["default"], layer.scaling["default"]) for layer in layers} == {(8, scaling)}
    dropping = begun(make_run("bert", **LORA, dropout=0.3, lora_dropout=0.05))
    assert {layer.lora_dropout["default"].p for _, layer in adapter_layers(dropping)} == {0.05}
    config: Any = dropping.config
    assert config.hidden_dropout_prob == 0.3


def test_adapters_learn_ten_times_as_fast_and_the_head_with_them(make_run: Runs) -> None:
    run = make_run("bert", **LORA, learning_rate=1e-3, weight_decay=0.01, layerwise_lr_decay=0.5)
    assert run.anatomy is not None
    model = begun(run)

    def rates(**values: Any) -> dict[str, float]:
        hp = replace(run.hyperparameters, **values)
        return {group["name"]: group["lr"] for group in parameter_groups(model, run.anatomy, hp, frozen_layers=0)}

    assert rates() == pytest.approx(
        {f"adapter-{number}/decay": 1e-2 * 0.5 ** (4 - number) for number in (1, 2, 3, 4)}
        | {"head/decay": 1e-2, "head/no_decay": 1e-2}
    )
    plain = rates(layerwise_lr_decay=1.0, head_init="fitted")
    assert plain == pytest.approx({"adapters/decay": 1e-2, "head/decay": 1e-3, "head/no_decay": 1e-3})


def test_merging_leaves_the_models_own_modules_and_its_output(make_run: Runs) -> None:
    run = make_run("bert", **LORA)
    assert run.data is not None
    model = begun(run).eval()
    names = [type(module) for module in build_model_of(run).modules()]
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.2)
    inputs = EncodedData.open(run.data, get_task(run.task).examples).train.inputs(np.arange(4))
    with torch.no_grad():
        before = model(**inputs).logits
        plain = build_model_of(run).eval()(**inputs).logits
        merge_adapters(model)
        after = model(**inputs).logits
    assert not torch.allclose(before, plain, atol=1e-2)
    assert torch.allclose(before, after, atol=1e-5)
    assert not has_adapters(model)
    assert [type(module) for module in model.modules()] == names


def build_model_of(run: TrialRun) -> nn.Module:
    return begun(replace(run, hyperparameters=replace(run.hyperparameters, adapter="none")))


def test_where_all_layers_are_frozen_the_head_alone_is_trained(make_run: Runs) -> None:
    with_adapter, without = (
        [(each.train_loss, each.value) for each in train(make_run("bert", frozen_layers=1.0, looks=LOOKS[2], **more))]
        for more in ({"adapter": "lora"}, {})
    )
    assert with_adapter == without


def test_a_hyperparameter_of_adapters_is_named_where_there_are_adapters_alone(make_run: Runs) -> None:
    hp = make_run("bert", **LORA).hyperparameters
    assert {"adapter", "lora_rank", "lora_dropout", "lora_targets"} <= hp.to_dict().keys()
    assert "lora_alpha" not in hp.to_dict()
    assert Hyperparameters.from_values(hp.to_dict()) == hp
    assert not [name for name in replace(hp, adapter="none").to_dict() if "lora" in name or name == "adapter"]


def test_a_language_model_without_any_adapter_has_nothing_to_train(make_run: Runs) -> None:
    run = make_run("bert", **LORA)
    assert run.anatomy is not None
    run = replace(run, anatomy=replace(run.anatomy, predicts_tokens=True, linear=()))
    with pytest.raises(ModelError, match=r"search_space.lora_targets: no linear layer above 0 frozen layers"):
        begun(run)

    recorded: list[Any] = []
    run = make_run("bert", **LORA, frozen_layers=0.5, lora_targets="query+value")
    for _ in train(replace(run, record=recorded.append)):
        break
    adapter = recorded[0]["adapter"]
    numbers = 4 * 4 * (32 + 32)
    assert adapter == {
        "kind": "lora", "rank": 4, "scaling": 2.0, "dropout": 0.0, "linear_layers": 4, "names": ["query", "value"],
        "parameters": numbers,
    }  # fmt: skip
    head = 32 * 32 + 32 + 32 * 2 + 2
    assert recorded[0]["trainable_parameters"] == numbers + head

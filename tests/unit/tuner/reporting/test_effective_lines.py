from __future__ import annotations

from typing import Any

import pytest

from tuner.reporting.effective_lines import condensed, effective_lines

#: A trial of BERT, six of whose twelve layers are frozen.
HALF: dict[str, Any] = {
    "learning_rates": {"encoder/decay": 2e-5, "encoder/no_decay": 2e-5, "head/decay": 1e-4, "head/no_decay": 1e-4},
    "weight_decays": {"encoder/decay": 0.01, "encoder/no_decay": 0.0, "head/decay": 0.01, "head/no_decay": 0.0},
    "dropout": {f"bert.encoder.layer.{number}.output.dropout": 0.1 for number in range(6, 12)},
    "trainable_parameters": 43_120_130,
    "parameters": 109_483_778,
    "layers": 12,
    "frozen_layers": 6,
    "thawing": None,
    "batch_size": 32,
    "micro_batch": 16,
    "optimiser_steps": 1200,
    "warmup_steps": 120,
    "lr_scheduler_type": "linear",
    "evaluations": [20, 40, 60, 80, 100],
    "max_grad_norm": 1.0,
    "trunk_cache": {
        "place": "memory",
        "reason": "37 MiB of 20 GiB available memory",
        "depths": [6],
        "difference": 0.0,
    },
    "one_token": True,
    "length_grouping": True,
    "precision": "no",
    "device": "cpu",
    "threads": 2,
    "seed": 7,
    "frozen": [f"bert.encoder.layer.{number}" for number in range(6)],
    "below": ["bert.embeddings"],
    "head": ["bert.pooler", "classifier"],
}


def lines(**changed: Any) -> dict[str, str]:
    """Return the lines of HALF with changes, by their first word."""
    found = effective_lines({**HALF, **changed})
    return {line.removeprefix("- ").partition(": ")[0]: line.partition(": ")[2] for line in found}


def test_a_trial_is_told_in_words() -> None:
    assert effective_lines(HALF) == [
        "- frozen: bert.encoder.layer.0 to 5 (6 of 12 layers), and everything below them (bert.embeddings)",
        "- head: bert.pooler, classifier",
        "- parameters: 43.1 of 109 million are trained",
        "- learning rate: encoder 2e-05, head 1e-04",
        "- weight decay: 0.01; biases and norms do not decay",
        "- dropout: 0.1 in 6 modules",
        "- schedule: linear over 1,200 optimiser steps, the first 120 warm up; evaluated after 20, 40, "
        "60, 80 and 100 %",
        "- batch: 32 examples an optimiser step, in forward passes of at most 16 of similar length",
        "- gradients: clipped to a norm of 1",
        "- hidden states of the frozen layers: kept in memory (37 MiB of 20 GiB available memory)",
        "- last layer: computed for the first token alone, as the head reads no other",
        "- machine: fp32 on cpu, 2 threads",
        "- seed: 7",
    ]


def test_a_gpu_is_told_by_its_name() -> None:
    assert lines(device="cuda", device_name="NVIDIA H200")["machine"] == "fp32 on cuda (NVIDIA H200), 2 threads"
    assert lines(device_name="cpu")["machine"] == "fp32 on cpu, 2 threads"


def numbered(*patterns: tuple[str, int]) -> list[str]:
    return [pattern.format(number) for pattern, count in patterns for number in range(count)]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (numbered(("bert.encoder.layer.{}", 6)), "bert.encoder.layer.0 to 5"),
        (numbered(("roberta.encoder.layer.{}", 3)), "roberta.encoder.layer.0 to 2"),
        (numbered(("distilbert.transformer.layer.{}", 1)), "distilbert.transformer.layer.0"),
        (numbered(("deberta.encoder.layer.{}", 12)), "deberta.encoder.layer.0 to 11"),
        (numbered(("electra.encoder.layer.{}", 2)), "electra.encoder.layer.0 to 1"),
        (numbered(("model.layers.{}", 11)), "model.layers.0 to 10"),  # ModernBERT and Llama
        (numbered(("transformer.h.{}", 6)), "transformer.h.0 to 5"),
        (
            numbered(("transformer.encoder.block.{}", 6), ("transformer.decoder.block.{}", 3)),
            "transformer.encoder.block.0 to 5, transformer.decoder.block.0 to 2",
        ),
        (numbered(("vit.layers.{}", 9)), "vit.layers.0 to 8"),
        (
            numbered(("resnet.encoder.stages.0.layers.{}", 3), ("resnet.encoder.stages.1.layers.{}", 2)),
            "resnet.encoder.stages.0.layers.0 to 2, resnet.encoder.stages.1.layers.0 to 1",
        ),
        (
            [f"transformer.{name}.{number}" for number in range(3) for name in ("attentions", "ffns")],
            "transformer.attentions.0 to 2, transformer.ffns.0 to 2",
        ),
        (["albert.encoder.group.0.layer.0"], "albert.encoder.group.0.layer.0"),
        (numbered(("layer.{}.output", 3)), "layer.0.output to layer.2.output"),
        (["layer.0", "layer.2", "layer.3", "pooler"], "layer.0, layer.2 to 3, pooler"),
        ([f"m{letter}" for letter in "abcdefghijk"], "ma, mb, mc, md, me, mf, mg, mh and 3 more"),
        ([], ""),
    ],
)
def test_names_that_differ_in_a_number_are_a_range(names: list[str], shown: str) -> None:
    assert condensed(names) == shown


def test_a_trial_of_version_0_1_has_no_names_of_layers() -> None:
    earlier = {"frozen", "below", "head", "trunk_cache", "one_token", "length_grouping"}
    found = effective_lines({key: value for key, value in HALF.items() if key not in earlier})
    assert found[0] == "- frozen: 6 of 12 layers, from the input up, and everything below them"
    assert not any("head:" in line or "hidden states" in line or "last layer" in line for line in found)
    assert "- batch: 32 examples an optimiser step, in forward passes of 16" in found


def test_a_training_function_of_ones_own_is_shown_as_it_records() -> None:
    unequal = {f"m{number}": number / 10 for number in range(5)}
    equal = {f"m{number}": 0.1 for number in range(5)}
    assert effective_lines({"dropout": unequal, "few": {"a": 0.5, "b": "x"}, "equal": equal, "no": None, "n": 40}) == [
        "- `dropout`: m0 0, m1 0.1, m2 0.2, m3 0.3, m4 0.4",
        "- `few`: a 0.5, b x",
        "- `equal`: 0.1 in 5 modules",
        "- `n`: 40",
    ]
    assert effective_lines({**HALF, "extra": 1})[-1] == "- `extra`: 1"


def test_how_much_is_frozen_is_told_in_words() -> None:
    assert lines(frozen_layers=0, frozen=[], below=[])["frozen"] == "nothing, all 12 layers are trained"
    shared = lines(frozen_layers=12, frozen=["albert.layer"], below=["albert.embeddings"])["frozen"]
    assert shared == "albert.layer (all 12 layers), and everything below them (albert.embeddings)"
    untold = lines(frozen_layers=0, frozen=[], below=[], layers=0, head=["everything"])
    assert untold["frozen"] == "nothing"
    assert "head" not in untold
    gradual = lines(thawing={"0": 6, "100": 3, "1000": 0}, frozen_layers=6)
    assert gradual["thawing"] == "6 layers frozen at first, 3 from optimiser step 100, none from optimiser step 1,000"
    assert "thawing" not in lines()


@pytest.mark.parametrize(
    ("trained", "whole", "shown"),
    [
        (109_483_778, 109_483_778, "all 109 million are trained"),
        (66_306, 13_500_000, "66,306 of 13.5 million are trained"),
        (537_000_000, 1_140_000_000, "537 million of 1.14 billion are trained"),
        (930, 1_900, "930 of 1,900 are trained"),
    ],
)
def test_the_trained_share_is_counted_in_parameters(trained: int, whole: int, shown: str) -> None:
    assert lines(trainable_parameters=trained, parameters=whole)["parameters"] == shown


def test_rates_are_told_for_each_group() -> None:
    def rate(**rates: float) -> str:
        return lines(learning_rates={key.replace("_", "-", 1) + "/decay": each for key, each in rates.items()})[
            "learning rate"
        ]

    assert rate(head=3.76e-4, encoder=2e-5) == "encoder 2e-05, head 3.76e-04"
    assert rate(encoder=2e-5, head=2e-5) == "2e-05 for encoder and head alike"
    assert rate(head=1e-3) == "head 1e-03"
    layered = {f"layer_{depth}": 1e-4 * 0.9 ** (12 - depth) for depth in range(13)}
    assert rate(**layered, head=1e-4) == (
        "layer 12 1e-04, each one below 0.9 times as much, down to 2.82e-05 below the layers, head 1e-04"
    )
    half = {key: each for key, each in layered.items() if int(key[6:]) > 10}
    assert rate(**half, head=1e-3) == (
        "layer 12 1e-04, each one below 0.9 times as much, down to 9e-05 in layer 11, head 1e-03"
    )
    assert rate(layer_12=1e-4, head=1e-3) == "layer 12 1e-04, head 1e-03"
    assert rate(layer_1=0.0, layer_2=1e-3, head=1e-3).startswith("layer 2 1e-03, each one below 0 times as much")


def test_decay_and_dropout_are_told_with_their_exceptions() -> None:
    assert lines(weight_decays={"head/decay": 0.0, "head/no_decay": 0.0})["weight decay"] == "none"
    assert lines(weight_decays={"head/decay": 0.1})["weight decay"] == "0.1"
    unequal = lines(weight_decays={"a/decay": 0.1, "b/decay": 0.2, "a/no_decay": 0.0})["weight decay"]
    assert unequal == "a/decay 0.1, b/decay 0.2; biases and norms do not decay"
    assert lines(dropout={})["dropout"] == "none"
    assert lines(dropout={"dropout": 0.1})["dropout"] == "0.1 in 1 module"
    mixed = {**HALF["dropout"], "classifier.dropout": 0.2, "pooler.0.dropout": 0.0, "pooler.1.dropout": 0.0}
    assert lines(dropout=mixed)["dropout"] == (
        "0.1 in 6 modules; 0 in pooler.0.dropout to pooler.1.dropout; 0.2 in classifier.dropout"
    )


def test_schedule_batch_and_hidden_states_are_told_as_they_were() -> None:
    constant = lines(lr_scheduler_type="constant", warmup_steps=0, evaluations=[100])["schedule"]
    assert constant == "constant over 1,200 optimiser steps; evaluated after 100 %"
    assert lines(evaluations=list(range(10, 101, 10)))["schedule"].endswith("evaluated after each 10 %")
    assert lines(length_grouping=False, micro_batch=32)["batch"] == "32 examples an optimiser step, in one forward pass"
    assert "hidden states of the frozen layers" not in lines(trunk_cache=None)
    anew = {"place": "recompute", "reason": "nothing is kept"}
    assert lines(trunk_cache=anew)["hidden states of the frozen layers"] == "computed for each batch (nothing is kept)"
    off = {**HALF["trunk_cache"], "place": "disk", "difference": 2e-7}
    assert lines(trunk_cache=off)["hidden states of the frozen layers"] == (
        "read from the disk (37 MiB of 20 GiB available memory); up to 2e-07 off those computed anew"
    )
    assert lines(precision="bf16", device="cuda", threads=1)["machine"] == "bf16 on cuda, 1 thread"

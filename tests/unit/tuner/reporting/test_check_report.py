from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces import recipe_for
from search_spaces.loading import load_space
from tuner.machine.devices import CPU, Device
from tuner.reporting.check_report import (
    anatomy_view,
    corners_line,
    cost_lines,
    data_lines,
    device_line,
    first_line,
    model_line,
    noise,
    warning_lines,
)
from tuner.study.data_report import DataReport, LeftOut, Lengths, RowCounts
from tuner.study.recipe_changes import first_point_of, recipe_changes
from tuner.trial.anatomy import Anatomy, Freezable, Padding

LENGTHS = Lengths(median=22, longest=171, keeps_95=54, limit=128, texts_cut=0.004, tokens_cut=0.0004)
ROWS = RowCounts(
    read=5574,
    left_out=(LeftOut("by data.where", 12),),
    splits={"validation": 1673, "train": 3889},
    classes={"ham": {"train": 2700, "validation": 1158}, "spam": {"train": 1189, "validation": 515}},
)
REPORT = DataReport(
    reading=("spam.csv: 5,574 lines, separated by tab, no quoting, utf-8",),
    rows=ROWS,
    guess=0.866,
    lengths=LENGTHS,
    warnings=("twelve texts stand in training and in validation",),
)
RECIPE = recipe_for("bert", "", 768)
POINT: dict[str, Any] = {"learning_rate": 4e-4, "batch_size": 64}


def space(**written: Any) -> Any:
    return load_space(written, preset="text-classification", recipe=RECIPE, folder=Path(), source="s.yaml")


def test_the_report_on_the_data_is_a_line_on_each_thing() -> None:
    assert data_lines(REPORT, "accuracy", 128) == [
        "reading: 5,574 lines, separated by tab, no quoting, utf-8",
        "rows: 5,574 read; train 3,889, validation 1,673; left out: 12 by data.where",
        "classes: ham 2,700 + 1,158, spam 1,189 + 515 (train + validation)",
        "guessing the largest class: accuracy 0.866; noise of 1,673 validation rows: about ±0.012",
        "lengths: median 22 tokens, longest 171; max_length 128 cuts 0.4 % of texts and under 0.1 % of tokens; "
        "54 keeps 95 % of texts whole",
    ]


def test_many_files_and_many_classes_are_counted_after_the_first_ones() -> None:
    classes = {f"c{number}": {"train": 2, "validation": 1} for number in range(150)}
    report = replace(REPORT, reading=tuple(f"{number}.csv" for number in range(9)), rows=replace(ROWS, classes=classes))
    lines = data_lines(report, "f1_macro", 128)
    assert lines[:3] == ["reading: 0.csv", "         1.csv", "         and 7 more"]
    assert lines[4].startswith("classes: c0 2 + 1, c1 2 + 1, ")
    assert "c9 2 + 1, and 140 more (train + validation)" in lines[4]
    assert lines[5] == "guessing the largest class: f1_macro 0.866", "F1 is no share of rows"


def test_targets_that_are_no_classes_have_no_line_of_classes_or_of_guessing() -> None:
    report = replace(REPORT, rows=replace(ROWS, classes={}), guess=None, lengths=None)
    assert [line.split()[0] for line in data_lines(report, "loss", 128)] == ["reading:", "rows:"]


def test_names_of_classes_cannot_break_the_lines() -> None:
    classes: dict[str, dict[str, int]] = {name: {} for name in ("two\nlines", " spaces ", "", "x" * 99)}
    line = data_lines(replace(REPORT, rows=replace(ROWS, classes=classes)), "accuracy", 128)[2]
    assert line.startswith(rf"classes: 'two\nlines' 0 + 0, ' spaces ' 0 + 0, '' 0 + 0, {'x' * 40}… 0 + 0")


def test_classes_that_are_numbers_are_told_from_their_counts() -> None:
    classes = {name: {"train": 101, "validation": 33} for name in ("0", "-1.5", "+", "1st", "pos")}
    line = data_lines(replace(REPORT, rows=replace(ROWS, classes=classes)), "accuracy", 128)[2]
    assert line == (
        "classes: '0' 101 + 33, '-1.5' 101 + 33, '+' 101 + 33, 1st 101 + 33, pos 101 + 33 (train + validation)"
    )


def test_a_limit_of_the_model_is_told_from_max_length() -> None:
    uncut = replace(REPORT, lengths=replace(LENGTHS, limit=64, texts_cut=0.0, tokens_cut=0.0))
    assert "; the model's limit 64 cuts nothing; " in data_lines(uncut, "accuracy", 128)[-1]


def test_noise_is_the_largest_standard_error_of_a_share() -> None:
    assert noise("accuracy", 100) == pytest.approx(0.05)
    assert noise("matthews", 100) is None
    assert noise("accuracy", 0) is None


def test_a_machine_without_a_gpu_is_said_to_have_none() -> None:
    assert device_line((CPU,), 4, None) == "device: the CPU (4 cores), as no GPU was found"
    hidden = "device: the CPU (4 cores), as no GPU was found with CUDA_VISIBLE_DEVICES=''"
    assert device_line((CPU,), 4, "") == hidden
    gpus = tuple(
        Device(kind="cuda", id=f"GPU-{number}", label=f"cuda:{number}", name="NVIDIA A2", memory_bytes=memory)
        for number, memory in enumerate([16 * 10**9, None])
    )
    assert device_line(gpus, 4, None) == "device: cuda:0 (NVIDIA A2, 16 GB), cuda:1 (NVIDIA A2)"


SIX = Anatomy(layers=tuple((f"layer.{number}",) for number in range(6)), dropouts=("a", "b"))
SHARED = replace(SIX, layers=(("layer",),) * 12, freezable=Freezable.WHOLE, reason="its one layer runs 12 times")
PADDED = Padding(token_id=50256, side="left")


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        (None, ""),
        (930, ", 930 parameters"),
        (22_713_216, ", 22.7 million parameters"),
        (7 * 10**9, ", 7 billion parameters"),
    ],
)
def test_a_model_is_shown_with_its_size(parameters: int | None, shown: str) -> None:
    assert model_line(SIX, "minilm", parameters) == f"model: 6 layers, family minilm{shown}, dropout in 2 modules"


@pytest.mark.parametrize(
    ("anatomy", "shown"),
    [
        (SHARED, "one layer that runs 12 times and is frozen whole or not at all, family f, dropout in 2 modules"),
        (
            replace(SHARED, layers=(("a",), ("b",)), reason="its blocks share a norm"),
            "2 layers, frozen all or none (its blocks share a norm), family f, dropout in 2 modules",
        ),
        (
            replace(SIX, freezable=Freezable.NOTHING, reason="its base cannot be told from its head"),
            "no layer can be frozen (its base cannot be told from its head), family f, dropout in 2 modules",
        ),
        (replace(SIX, dropouts=("a",)), "6 layers, family f, dropout in 1 module"),
        (replace(SIX, dropouts=()), "6 layers, family f, no dropout"),
        (replace(SIX, dropouts=(), padding=Padding(token_id=0, side="right")), "6 layers, family f, no dropout"),
        (replace(SIX, dropouts=(), padding=PADDED), "6 layers, family f, no dropout, texts padded on the left"),
        (
            replace(SIX, dropouts=(), padding=replace(PADDED, token="<|end|>")),
            "6 layers, family f, no dropout, texts padded on the left with the token '<|end|>'",
        ),
        (
            replace(SIX, dropouts=(), padding=replace(PADDED, side="right", token="[PAD]", embeddings=50304)),
            "6 layers, family f, no dropout, texts padded on the right with the new token '[PAD]'",
        ),
    ],
)
def test_the_line_of_a_model_says_which_layers_dropout_and_padding_it_has(anatomy: Anatomy, shown: str) -> None:
    assert model_line(anatomy, "f", None) == f"model: {shown}"


def test_the_summary_of_an_anatomy_counts() -> None:
    assert anatomy_view(replace(SHARED, padding=PADDED)) == {
        "layers": 12,
        "freezable": "whole",
        "reason": "its one layer runs 12 times",
        "dropouts": 2,
        "padding": {"token_id": 50256, "side": "left", "embeddings": None, "token": None},
    }
    assert anatomy_view(SIX)["padding"] is None


def test_trial_0_is_the_published_recipe_unless_the_space_has_changed_it() -> None:
    def line_of(searched: Any) -> str:
        first = first_point_of(RECIPE.defaults, searched)
        return first_line(first, recipe_changes(RECIPE.defaults, first), RECIPE.family)

    assert line_of(space()).startswith("trial 0, the published recipe: lr 3e-05 batch 32 epochs ")
    line = line_of(space(num_train_epochs={"low": 1, "high": 2}, lr_scheduler_type="constant", dropout=0.3))
    assert line.startswith("trial 0, the published recipe, changed by your space: ")
    assert f"epochs 2 (published {RECIPE.defaults['num_train_epochs']})" in line
    assert f"dropout 0.3 (published {RECIPE.defaults['dropout']})" in line
    assert "lr_scheduler_type constant (published linear)" in line
    assert "warmup 0 (published 0.1)" in line, "a constant schedule has none"
    assert "; in all lr 3e-05 batch 32 epochs 2 " in line


def test_cost_is_a_line_of_seconds_by_depth_and_one_of_bytes() -> None:
    disk = {"checkpoint_bytes": 273_000_000, "data_bytes": 900, "trunk_bytes": 12_500_000_000}
    assert cost_lines({0.0: 75.0, 0.5: 41.0, "gradual": 50.0}, disk, on_gpu=False) == [
        "cost: about 1m15s a trial with frozen_layers 0, 41s with 0.5, 50s with gradual, on this CPU; less where "
        "hidden states are cached",
        "disk: about 273 MB a checkpoint of a trial, 900 bytes of encoded data, at most 12.5 GB of cached hidden "
        "states",
    ]
    seconds, _ = cost_lines({1.0: 2.0}, {**disk, "trunk_bytes": 0}, on_gpu=True)
    assert seconds == "cost: about 2s a trial with frozen_layers 1, on the CPU; the GPU was not measured"
    assert len(cost_lines({}, disk, on_gpu=False)) == 1


def test_corners_are_counted_and_those_given_up_are_named() -> None:
    assert corners_line(8, []) == "corners: 8 of 8 train"
    given_up = [(POINT, f"diverged: number {number}") for number in range(5)]
    assert corners_line(8, given_up[:1]) == (
        "corners: 7 of 8 train; given up, as the search would: lr 0.0004 batch 64 (diverged: number 0)"
    )
    assert corners_line(8, given_up).endswith("(diverged: number 2), and 2 more")


def test_each_warning_is_a_line_that_says_so() -> None:
    assert warning_lines(REPORT.warnings) == ["warning: twelve texts stand in training and in validation"]

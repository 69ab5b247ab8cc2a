"""A script repeats a trial of each architecture, and reads the rows of each kind of file."""

from __future__ import annotations

import ast
import csv
import gzip
import json
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from tuner.errors import NoScript
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest
from tuner.study.script import ScriptRequest
from tuner.training.loop import train
from tuner.training.script import model_facts, plain_training
from tuner.training.script.assembly import setting
from tuner.training.script.plain_reading import row_numbers
from tuner.training.script.readings import written_numbers
from tuner.training.script.writing import write_script
from tuner.trial.looks import LOOKS
from tuner.trial.run import Speed

if TYPE_CHECKING:
    from tuner.study.prepared import Prepared
    from tuner.trial.run import TrialRun

SETTINGS: dict[str, Any] = {"dropout": 0.3, "weight_decay": 0.1, "warmup_ratio": 0.2, "num_train_epochs": 2.0}
SPLITS: dict[str, int | float | str] = {"train": 32, "validation": 16, "test": 8}


def request_of(run: TrialRun, source: Path, cache: Path, **data: Any) -> PreparationRequest:
    assert run.model is not None
    return PreparationRequest(
        task=run.task,
        model=run.model,
        data=DataConfig(source=str(source), splits=SPLITS, **data),
        source=str(source),
        max_length=16,
        seed=0,
        metric=run.metric,
        cache=cache,
    )


def trained(run: TrialRun) -> ScriptRequest:
    recorded: list[Mapping[str, Any]] = []
    evaluations = [each.to_dict() for each in train(replace(run, record=recorded.append))]
    return ScriptRequest(study="s", evaluations=evaluations, effective=recorded[0], versions={}, folder=None)


def largest_difference(script: str, folder: Path = Path()) -> float:
    """Run a script in this process, as if it were in a folder, and return what its last line says."""
    assert not re.search(r"^\s*(from|import) (tuner|storage|search_spaces)\b", script, re.MULTILINE)
    said = StringIO()
    threads = torch.get_num_threads()
    try:
        with redirect_stdout(said):
            exec(compile(script, "script.py", "exec"), {"__name__": "__main__", "__file__": str(folder / "script.py")})
    finally:
        torch.set_num_threads(threads)
    *lines, last = said.getvalue().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [20, 40, 60, 80, 100]
    return float(last.removeprefix("The largest difference from what was recorded is ").removesuffix("."))


CASES = [
    ("bert", 0.5),
    ("bert", 1.0),
    ("bert", "gradual"),
    ("electra", 1.0),
    ("deberta-v2", 0.0),
    ("deberta-v2", 0.5),
    ("vit", 0.0),
    ("vit", 1.0),
    ("roberta", 0.5),
    ("distilbert", 0.0),
    ("resnet", 0.0),
]


@pytest.mark.parametrize(("name", "frozen"), CASES)
def test_the_losses_of_each_architecture_are_repeated(
    name: str, frozen: float | str, make_run: Callable[..., TrialRun], reviews: Path, digits: Path, cache: Path
) -> None:
    changed = {"frozen_layers": frozen, **({"dropout": None} if name == "resnet" else {})}
    run = make_run(name, **{**SETTINGS, **changed}, looks=LOOKS[5], metric="f1_macro")
    source = digits if name in ("vit", "resnet") else reviews
    script = write_script(run, request_of(run, source, cache), trained(run))
    assert largest_difference(script) <= 1e-5


@pytest.mark.parametrize(
    "changed",
    [
        {"metric": "roc_auc", "lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": 2.0}},
        {"metric": "loss", "micro_batch": 3, "layerwise_lr_decay": 0.5},
        {"metric": "matthews", "joins_validation": True},
        {"speed": Speed(trunk_cache=False, one_token=False, length_grouping=False), "frozen_layers": 0.5},
    ],
    ids=["schedule", "micro-batch", "refit", "slow"],
)
def test_settings_of_a_trial_are_those_of_its_script(
    changed: dict[str, Any], make_run: Callable[..., TrialRun], reviews: Path, cache: Path
) -> None:
    run = make_run("bert", **{**SETTINGS, **changed}, looks=LOOKS[5])
    assert largest_difference(write_script(run, request_of(run, reviews, cache), trained(run))) <= 1e-5


def rows_of(reviews: Path) -> list[dict[str, Any]]:
    """Return rows with texts that need quotes in a csv file, of which every fourth one is not used."""
    with reviews.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {"text": f'{row["text"]}, "{number}"', "label": row["label"], "use": "no" if number % 4 == 3 else "yes"}
        for number, row in enumerate([*rows, *rows])
    ]


def write_semicolons(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "rows.csv"
    with path.open("w", encoding="cp1252", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]], delimiter=";", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows({**row, "text": f"caf\u00e9 {row['text']}"} for row in rows)
    return path


def write_lines(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def write_list(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps([{**row, "label": int(row["label"])} for row in rows], indent=1), encoding="utf-8")
    return path


def write_parquet(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "rows.parquet"
    parquet.write_table(pa.Table.from_pylist([{**row, "label": row["label"] == "1"} for row in rows]), path)
    return path


def write_files_of_splits(folder: Path, rows: list[dict[str, Any]]) -> Path:
    for name, part in (("test", rows[:20]), ("train", rows[20:84]), ("validation", rows[84:])):
        write_lines(folder, part).rename(folder / f"{name}.jsonl")
    return folder


@pytest.mark.parametrize(
    "write",
    [write_semicolons, write_lines, write_list, write_parquet, write_files_of_splits],
    ids=lambda each: each.__name__,
)
def test_rows_are_read_from_each_kind_of_file(
    write: Callable[[Path, list[dict[str, Any]]], Path],
    preparation: Callable[..., Prepared],
    make_run: Callable[..., TrialRun],
    reviews: Path,
    cache: Path,
    tmp_path: Path,
) -> None:
    source = write(tmp_path, rows_of(reviews))
    splits: dict[str, Any] = {name: name for name in SPLITS} if source.is_dir() else SPLITS
    data = DataConfig(source=str(source), splits=splits, where={"use": "yes"})
    plain = make_run("bert", **SETTINGS, looks=LOOKS[5])
    run = replace(plain, data=preparation("bert", data=data, source=str(source)).folder)
    script = write_script(run, replace(request_of(run, source, cache), data=data), trained(run))
    assert "test.jsonl" not in script, "the test split stays closed"
    assert largest_difference(script) <= 1e-5


def test_rows_that_take_more_than_a_plain_reader_go_into_a_file_beside_the_script(
    preparation: Callable[..., Prepared], make_run: Callable[..., TrialRun], reviews: Path, cache: Path, tmp_path: Path
) -> None:
    source = tmp_path / "rows.csv.gz"
    source.write_bytes(gzip.compress(reviews.read_bytes()))
    data = DataConfig(source=str(source), splits=SPLITS)
    plain = make_run("bert", **SETTINGS, looks=LOOKS[5])
    run = replace(plain, data=preparation("bert", data=data, source=str(source)).folder)
    request, recorded = replace(request_of(run, source, cache), data=data), trained(run)
    with pytest.raises(NoScript, match="its rows are in no file that a few lines of Python can read; with --folder"):
        write_script(run, request, recorded)
    script = write_script(run, request, replace(recorded, folder=tmp_path))
    assert largest_difference(script, folder=tmp_path) <= 1e-5


def test_pictures_that_plain_code_sees_otherwise_are_written_as_the_study_sees_them(
    preparation: Callable[..., Prepared], make_run: Callable[..., TrialRun], digits: Path, cache: Path, tmp_path: Path
) -> None:
    source, folder = tmp_path / "deep", tmp_path / "script"
    for path in (digits / "train").rglob("*.png"):
        deep = source / path.parent.name / path.name
        deep.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(Image.open(path)).astype(np.uint16) * 257).save(deep)
    folder.mkdir()
    data = DataConfig(source=str(source), splits=SPLITS)
    plain = make_run("vit", **SETTINGS, looks=LOOKS[5])
    run = replace(plain, data=preparation("vit", data=data, source=str(source)).folder)
    request, recorded = replace(request_of(run, source, cache), data=data), trained(run)
    with pytest.raises(NoScript, match="its rows are in no file that a few lines of Python can read"):
        write_script(run, request, recorded)
    script = write_script(run, request, replace(recorded, folder=folder))
    assert [path.name for path in folder.iterdir()] == ["rows.parquet"]
    assert largest_difference(script, folder) <= 1e-5


def test_a_script_ends_in_one_sentence_where_the_data_have_changed(
    preparation: Callable[..., Prepared], make_run: Callable[..., TrialRun], reviews: Path, cache: Path, tmp_path: Path
) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(reviews.read_bytes())
    data = DataConfig(source=str(source), splits=SPLITS)
    plain = make_run("bert", **SETTINGS, looks=LOOKS[5])
    run = replace(plain, data=preparation("bert", data=data, source=str(source)).folder)
    script = write_script(run, replace(request_of(run, source, cache), data=data), trained(run))
    before = source.read_text(encoding="utf-8")
    for after, said in (
        (re.sub("awful|bad|good|great", "dull", before), "they have changed since, so its losses cannot be repeated"),
        (before[: len(before) // 2], "a row, a column or a label is gone"),
    ):
        source.write_text(after, encoding="utf-8")
        with pytest.raises(SystemExit, match=f"^the data are not those of the trial: {said}$"):
            largest_difference(script)


def test_a_trial_on_a_gpu_or_in_half_precision_is_said_not_to_be_repeated_bit_by_bit(
    make_run: Callable[..., TrialRun], reviews: Path, cache: Path
) -> None:
    run = make_run("bert", **SETTINGS, looks=LOOKS[5])
    recorded = trained(run)
    elsewhere = {**recorded.effective, "device": "cuda", "precision": "bf16", "device_name": "a GPU"}
    script = write_script(run, request_of(run, reviews, cache), replace(recorded, effective=elsewhere))
    top = " ".join(script.split('"""')[1].split())
    assert "NOT REPEATED BIT BY BIT: the trial ran on cuda with precision bf16." in top
    assert largest_difference(script) < 0.2


@pytest.mark.parametrize("numbers", [[], [0], [3, 4, 5, 9, 8, 7, 7, 8], [0, 1, 2, 3]])
def test_numbers_of_rows_are_read_as_they_are_written(numbers: list[int]) -> None:
    assert list(row_numbers(written_numbers(numbers))) == numbers


@pytest.mark.parametrize(
    "value", [{}, [], (1,), {"a": [None, 1.5, True], 3: ("\\", '"', "\n", "\ud800", "\u00e9")}, ["x" * 50] * 9]
)
def test_a_setting_is_written_as_python_reads_it(value: Any) -> None:
    line = setting("NAME", value, "What it is.")
    found: dict[str, Any] = {}
    exec(line, found)
    assert found["NAME"] == value
    assert max(map(len, line.splitlines())) <= 120


def test_words_of_the_database_stay_words(make_run: Callable[..., TrialRun], reviews: Path, cache: Path) -> None:
    run = make_run("bert", **SETTINGS, looks=LOOKS[5])
    recorded = trained(run)
    hostile = {**recorded.effective, "device_name": '\\"""\nraise SystemExit("run")\n"""\\'}
    script = write_script(run, request_of(run, reviews, cache), replace(recorded, study='"""#', effective=hostile))
    assert [type(node) for node in ast.parse(script).body[:2]] == [ast.Expr, ast.ImportFrom]
    assert largest_difference(script) <= 1e-5


def test_what_plain_code_does_otherwise_is_refused(
    make_run: Callable[..., TrialRun], reviews: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("bert", **SETTINGS, looks=LOOKS[5])
    request, recorded = request_of(run, reviews, cache), trained(run)
    with pytest.raises(NoScript, match="it had 7 optimiser steps, and would now have 8"):
        write_script(run, request, replace(recorded, effective={**recorded.effective, "optimiser_steps": 7}))
    with pytest.raises(NoScript, match="plain code encodes its rows otherwise than the study did"):
        write_script(run, replace(request, max_length=5), recorded)
    assert run.anatomy is not None
    assert run.anatomy.padding is not None
    larger = replace(run.anatomy, padding=replace(run.anatomy.padding, embeddings=80))
    with pytest.raises(NoScript, match="its table of embeddings was enlarged"):
        write_script(replace(run, anatomy=larger), request, recorded)
    monkeypatch.setattr(model_facts, "set_config_dropouts", lambda *_: None)
    monkeypatch.setattr(plain_training, "_DropoutNd", ())
    with pytest.raises(NoScript, match="plain code of transformers builds another model"):
        write_script(make_run("electra", **{**SETTINGS, "dropout": 0.2}, looks=LOOKS[5]), request, recorded)

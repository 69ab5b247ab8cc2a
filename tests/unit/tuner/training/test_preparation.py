from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset, load_from_disk
from safetensors.torch import load_file, save_file

from tuner.errors import DataError, ModelError
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest, Prepared
from tuner.training import preparation
from tuner.training.data.encoded import LOCKED, EncodedData
from tuner.training.model.loading import build_model
from tuner.training.tasks import get_task
from tuner.trial.anatomy import Padding
from tuner.trial.run import ModelSource

SIZES: dict[str, int | float | str] = {"train": 32, "validation": 16, "test": 8}


def prepare(**arguments: Any) -> Prepared:
    return preparation.prepare(PreparationRequest(**arguments))


@pytest.fixture
def arguments(checkpoint: Callable[..., ModelSource], reviews: Path, tmp_path: Path) -> dict[str, Any]:
    """What `prepare` is given for a tiny BERT, with a cache of its own."""
    source = tmp_path / "reviews.csv"
    shutil.copy(reviews, source)
    return {
        "task": "text-classification",
        "model": checkpoint("bert", 2),
        "data": DataConfig(source=str(source), splits=SIZES),
        "source": str(source),
        "max_length": 16,
        "seed": 0,
        "metric": "accuracy",
        "cache": tmp_path / "cache",
    }


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Return time and size of every file, those of locks apart: taking one touches it."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def rows_of(prepared: Prepared, split: str) -> Any:
    """Return the encoded rows of a split."""
    return load_from_disk(str(prepared.folder / split))


def with_rows(arguments: dict[str, Any], rows: str, **said: Any) -> dict[str, Any]:
    path = Path(arguments["source"])
    path.write_text(rows)
    return {**arguments, "data": DataConfig(source=str(path), **{"splits": SIZES, **said})}


# ---- what is prepared


def test_what_preparation_finds(arguments: dict[str, Any]) -> None:
    prepared = prepare(**arguments)
    assert prepared.sizes == SIZES
    assert prepared.labels == ("0", "1")
    assert prepared.anatomy.layers == (("bert.encoder.layer.0",), ("bert.encoder.layer.1",))
    assert prepared.anatomy.dropouts
    data = EncodedData.open(prepared.folder, get_task("text-classification").examples)
    train, validation = rows_of(prepared, "train"), rows_of(prepared, "validation")
    assert (len(data.train), len(data.validation)) == (len(train), len(validation)) == (32, 16)
    assert data.labels == ("0", "1")
    assert data.train_tokens == sum(len(ids) for ids in train["input_ids"])
    assert data.validation_tokens == sum(len(ids) for ids in validation["input_ids"])
    assert prepared.tokens == {"train": data.train_tokens, "validation": data.validation_tokens}
    assert set(train.column_names) == {"input_ids", "token_type_ids", "attention_mask", "labels", "length"}
    assert len(load_from_disk(str(prepared.folder / LOCKED / "test"))) == 8


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [("bert", "e3098975b1dcd313d2cc96acfc40c32f"), ("vit", "6e6581ad3436d5cf2a18df6975fc10b2")],
)
def test_the_fingerprint_of_data_is_that_of_version_0_1(
    name: str, fingerprint: str, preparation: Callable[..., Prepared]
) -> None:
    # Another one would keep every study that exists from going on.
    assert preparation(name).fingerprint == fingerprint


def test_texts_are_encoded_as_the_tokenizer_does_and_cut(arguments: dict[str, Any]) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(arguments["model"].location)
    whole = rows_of(prepare(**arguments), "train")
    cut = rows_of(prepare(**{**arguments, "max_length": 5}), "train")
    assert max(cut["length"]) == 5 < max(whole["length"])
    for row in (*whole, *cut):
        assert row["length"] == len(row["input_ids"]) == len(row["attention_mask"])
        assert (row["input_ids"][0], row["input_ids"][-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    words = {"good", "great"}
    for row in whole:
        assert row["labels"] == bool(words & set(tokenizer.decode(row["input_ids"]).split()))


def test_a_tokenizer_without_padding_is_given_the_models(arguments: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "unpadded"
    shutil.copytree(arguments["model"].location, folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in settings.items() if key != "pad_token"}))
    given, own = (
        prepare(**{**arguments, "model": model}) for model in (ModelSource(location=str(folder)), arguments["model"])
    )
    assert rows_of(given, "train")[:] == rows_of(own, "train")[:]
    facts = [json.loads((each.folder / "facts.json").read_text()) for each in (given, own)]
    assert facts[0]["padding"] == facts[1]["padding"]
    assert given.tokenizer == own.tokenizer


def test_texts_that_are_longer_than_the_model_can_read_are_refused(arguments: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(arguments["model"].location, folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": int(1e30)}))
    with Path(arguments["source"]).open("a") as file:
        file.writelines(f"{'film ' * (200 + number)},{number % 2}\n" for number in range(40))
    data = DataConfig(source=arguments["source"], splits={"train": 90, "validation": 8, "test": 6})
    with pytest.raises(ModelError, match=r"longest example, of 2\d\d tokens; it has 40 positions, so set max_length"):
        prepare(**{**arguments, "model": ModelSource(location=str(folder)), "max_length": 512, "data": data})


def test_data_are_padded_as_the_study_found_right(arguments: dict[str, Any]) -> None:
    examples = get_task("text-classification").examples
    folder = prepare(**arguments).folder
    own = EncodedData.open(folder, examples)
    other = EncodedData.open(folder, examples, Padding(token_id=7, side="left"))
    shortest, longest = (int(np.argsort(own.train.lengths, kind="stable")[place]) for place in (0, -1))
    indices, more = np.array([shortest, longest]), int(own.train.lengths[longest] - own.train.lengths[shortest])
    right, left = own.train.inputs(indices), other.train.inputs(indices)
    assert more > 0
    assert right["input_ids"][0].tolist()[-more:] == [0] * more
    assert left["input_ids"][0].tolist() == [7] * more + right["input_ids"][0].tolist()[:-more]
    assert left["attention_mask"][0].tolist() == right["attention_mask"][0].tolist()[::-1]
    assert (own.train.starts_with_first, other.train.starts_with_first) == (True, False)
    for examples_of_both in zip((own.train, own.validation), (other.train, other.validation), strict=True):
        assert np.array_equal(*(each.lengths for each in examples_of_both))


def test_two_columns_are_a_pair(arguments: dict[str, Any]) -> None:
    rows = "a,b,label\n" + "".join(f"the film,was {word},{word}\n" for word in ("good", "bad") * 20)
    sizes = {"train": 20, "validation": 8}
    prepared = prepare(**with_rows(arguments, rows, text=["a", "b"], splits=sizes))
    row = rows_of(prepared, "train")[0]
    assert row["token_type_ids"] == [0, 0, 0, 0, 1, 1, 1]


def test_images_become_what_the_processor_makes_of_them(
    preparation: Callable[..., Prepared], checkpoint: Callable[..., ModelSource], digits: Path
) -> None:
    prepared = preparation("vit")
    assert prepared.labels == ("one", "zero")
    data = EncodedData.open(prepared.folder, get_task("image-classification").examples)
    assert data.train_tokens == 32
    assert prepared.tokens == {"train": 32, "validation": 16}, "a picture counts as one"
    row = rows_of(prepared, "train").with_format("numpy")[0]
    assert row["pixel_values"].shape == (3, 16, 16)
    assert -1.0 <= row["pixel_values"].min() < row["pixel_values"].max() <= 1.0


# ---- the cache


def test_preparing_again_writes_nothing(arguments: dict[str, Any]) -> None:
    first = prepare(**arguments)
    before = contents(arguments["cache"])
    assert any("facts.json" in path for path in before)
    assert prepare(**arguments) == first
    assert contents(arguments["cache"]) == before


def test_data_at_another_place_are_the_same_data(arguments: dict[str, Any], tmp_path: Path) -> None:
    first = prepare(**arguments)
    moved = tmp_path / "elsewhere" / "renamed.csv"
    moved.parent.mkdir()
    shutil.move(arguments["source"], moved)
    model = tmp_path / "elsewhere" / "model"
    shutil.copytree(arguments["model"].location, model)
    there = {
        "source": str(moved),
        "data": DataConfig(source=str(moved), splits=SIZES),
        "model": ModelSource(location=str(model)),
        "cache": tmp_path / "other cache",
    }
    assert prepare(**{**arguments, **there}).fingerprint == first.fingerprint
    again = prepare(**{**arguments, **there, "cache": arguments["cache"]})
    assert again.report.reading == (first.report.reading[0].replace("reviews.csv", "renamed.csv"),)
    assert replace(again, report=first.report) == first


def test_one_changed_row_is_other_data(arguments: dict[str, Any]) -> None:
    first = prepare(**arguments)
    lines = Path(arguments["source"]).read_text().splitlines(keepends=True)
    lines[5] = lines[5].replace("the", "a") if "the" in lines[5] else f"the {lines[5]}"
    changed = prepare(**with_rows(arguments, "".join(lines)))
    assert changed.fingerprint != first.fingerprint
    assert changed.folder != first.folder


@pytest.mark.parametrize(
    "changed", [{"max_length": 8}, {"seed": 1}, {"data": {"labels": {"0": "bad", "1": "good"}}}], ids=str
)
def test_what_decides_the_encoding_decides_the_fingerprint(arguments: dict[str, Any], changed: dict[str, Any]) -> None:
    first = prepare(**arguments)
    if "data" in changed:
        said = {"source": arguments["source"], "splits": SIZES, **changed["data"]}
        changed = {"data": DataConfig(**said)}
    assert prepare(**{**arguments, **changed}).fingerprint != first.fingerprint


def test_the_tokenizer_decides_the_cache_but_not_the_fingerprint_of_the_data(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    first = prepare(**arguments)
    folder = tmp_path / "model"
    shutil.copytree(arguments["model"].location, folder)
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace('"good"', '"fine"'))
    changed = prepare(**{**arguments, "model": ModelSource(location=str(folder))})
    assert changed.fingerprint == first.fingerprint
    assert changed.weights == first.weights
    assert changed.tokenizer != first.tokenizer
    assert changed.folder != first.folder


def test_models_of_one_vocabulary_that_take_other_inputs_do_not_share_the_cache(
    arguments: dict[str, Any], checkpoint: Callable[..., ModelSource]
) -> None:
    # As BERT and DistilBERT: the tokenizer's own file is the same, what stands beside it is not.
    distilbert = prepare(**{**arguments, "model": checkpoint("distilbert", 2)})
    bert = prepare(**arguments)
    assert "token_type_ids" not in rows_of(distilbert, "train").column_names
    assert "token_type_ids" in rows_of(bert, "train").column_names
    assert bert.fingerprint == distilbert.fingerprint
    assert bert.tokenizer != distilbert.tokenizer
    assert bert.folder != distilbert.folder


def test_what_a_crash_left_half_written_is_written_again(arguments: dict[str, Any]) -> None:
    prepared = prepare(**arguments)
    (prepared.folder / "facts.json").unlink()
    shutil.rmtree(prepared.folder / "validation")
    assert prepare(**arguments) == prepared
    assert len(rows_of(prepared, "validation")) == 16


# ---- what the weights are


@pytest.fixture
def weights_of(arguments: dict[str, Any]) -> Callable[..., str]:
    """Returns the hash of the weights in a folder."""
    return lambda folder, **changed: (
        prepare(**{**arguments, "model": ModelSource(location=str(folder)), **changed}).weights
    )


@pytest.fixture
def copied(arguments: dict[str, Any], tmp_path: Path) -> Path:
    """A copy of the tiny BERT that a test may change."""
    folder = tmp_path / "copied"
    shutil.copytree(arguments["model"].location, folder)
    return folder


def test_weights_in_other_files_at_another_place_are_the_same_weights(
    arguments: dict[str, Any], weights_of: Callable[..., str], copied: Path
) -> None:
    model = transformers.AutoModel.from_pretrained(copied)
    (copied / "model.safetensors").unlink()
    model.save_pretrained(copied, max_shard_size="20KB")
    assert len(list(copied.glob("*.safetensors"))) > 2
    settings = json.loads((copied / "config.json").read_text())
    other = {"transformers_version": "5.0.0", "architectures": ["Other"], "dtype": "float16", "_name_or_path": "/x"}
    (copied / "config.json").write_text(json.dumps({**settings, **other}))
    assert weights_of(copied) == weights_of(arguments["model"].location)


def test_the_fresh_head_is_no_part_of_the_weights(
    arguments: dict[str, Any], weights_of: Callable[..., str], copied: Path
) -> None:
    first = weights_of(copied)
    assert weights_of(copied, seed=5) == first
    three = with_rows(arguments, HEAD + "".join(f"the film,{label}\n" for label in ("x", "y", "z") * 30))
    assert weights_of(copied, data=three["data"]) == first


def test_a_pooler_that_is_not_there_is_no_part_of_the_weights(weights_of: Callable[..., str], copied: Path) -> None:
    whole = weights_of(copied)
    weights = {name: value for name, value in load_file(copied / "model.safetensors").items() if "pooler" not in name}
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    without = weights_of(copied)
    assert without != whole
    assert weights_of(copied, seed=5) == without


def test_a_pretrained_head_is_part_of_the_weights(
    arguments: dict[str, Any], weights_of: Callable[..., str], copied: Path
) -> None:
    # Training begins with it, so that another one is another trial.
    hashes = {weights_of(copied)}
    for seed in (1, 2):
        build_model(
            get_task("text-classification").blueprint(arguments["model"], ("0", "1"), seed), dropout=None
        ).save_pretrained(copied)  # type: ignore[operator]
        hashes.add(weights_of(copied))
    assert len(hashes) == 3


@pytest.mark.parametrize("name", ["embeddings.word_embeddings.weight", "encoder.layer.1.output.dense.bias"])
def test_one_number_that_is_another_is_other_weights(name: str, weights_of: Callable[..., str], copied: Path) -> None:
    first = weights_of(copied)
    weights = load_file(copied / "model.safetensors")
    weights[name].view(-1)[-1] += 1e-3
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    assert weights_of(copied) != first


def test_a_setting_of_the_model_is_part_of_the_weights(weights_of: Callable[..., str], copied: Path) -> None:
    first = weights_of(copied)
    settings = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**settings, "layer_norm_eps": 1e-6}))
    assert weights_of(copied) != first


def test_versions_are_plain_words_without_the_kind_of_build(arguments: dict[str, Any]) -> None:
    versions = prepare(**arguments).versions
    assert list(versions) == ["torch", "transformers", "tokenizers", "numpy"]
    assert {type(version) for version in versions.values()} == {str}
    assert versions["torch"] == torch.__version__.split("+")[0]
    assert not any("+" in version for version in versions.values())
    assert json.loads(json.dumps(versions)) == versions


#: Forks as a fork server does: everything is imported, nothing computed.
AT_ONCE = """
import multiprocessing, pickle, sys
from pathlib import Path
import tuner.training.calls
from tuner.study.prepared import PreparationRequest
from tuner.training.preparation import prepare

arguments = pickle.loads(Path(sys.argv[1]).read_bytes())
context = multiprocessing.get_context("fork")
together, answers = context.Barrier(4), context.Queue()

def work():
    together.wait(60)
    answers.put(str(prepare(PreparationRequest(**arguments)).folder))

workers = [context.Process(target=work) for _ in range(4)]
for worker in workers:
    worker.start()
print(*(answers.get(timeout=120) for _ in workers))
for worker in workers:
    worker.join(60)
"""


@pytest.mark.rest
def test_four_processes_that_prepare_at_once_agree_and_leave_no_scratch(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    asked = tmp_path / "arguments"
    asked.write_bytes(pickle.dumps(arguments))
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, str(asked)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    alone = prepare(**arguments)
    assert found == [str(alone.folder)] * 4
    names = {path.name for path in (arguments["cache"] / "prepared").iterdir()}
    assert names == {alone.folder.name, f"{alone.folder.name}.lock"}
    assert len(rows_of(alone, "train")) == 32


# ---- what can be wrong


HEAD = "text,label\n"
PAIRS = "".join(f"the film,{label}\n" for label in ("x", "y") * 30)


@pytest.mark.parametrize(
    ("rows", "said", "changed", "key", "reason"),
    [
        (HEAD + PAIRS, {"text": "sentence"}, {}, "data.text", "there is no column 'sentence'"),
        (
            HEAD + PAIRS,
            {"splits": {"train": 60, "validation": 8}},
            {},
            "data.splits",
            "68 rows are asked for, there are 60",
        ),
        (HEAD + PAIRS, {"splits": {"train": "train", "validation": 60}}, {}, "data.splits.train", "is empty"),
        (
            HEAD + PAIRS + ",x\n",
            {"splits": {"train": 0.5, "validation": 0.5}},
            {},
            "data.text",
            "reviews.csv, line 62: there is no text in column 'text'",
        ),
        (HEAD + "a,x\n" * 60, {}, {}, "data.label", "has 1 class, "),
        (
            HEAD + "a,x\n" * 30 + "a,y\n" * 30 + "a,z\n",
            {"splits": {"train": 59, "validation": 2}},
            {"metric": "roc_auc"},
            "metric",
            "roc_auc needs every class in the validation split",
        ),
    ],
)
def test_data_that_are_not_as_the_study_file_says(
    arguments: dict[str, Any], rows: str, said: dict[str, Any], changed: dict[str, Any], key: str, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        prepare(**{**with_rows(arguments, rows, **said), **changed})
    assert caught.value.key == key
    assert reason in caught.value.reason


def test_a_checkpoint_that_lacks_weights_of_its_encoder_is_refused(arguments: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "partly"
    shutil.copytree(arguments["model"].location, folder)
    weights = {key: value for key, value in load_file(folder / "model.safetensors").items() if "layer.0" not in key}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"weights of its encoder, such as bert\.encoder\.layer\.0"):
        prepare(**{**arguments, "model": ModelSource(location=str(folder))})


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("tokenizer*", "knows no word of the texts; are its files there?"),
        ("model.safetensors", "has no usable weights"),
        ("config.json", "has no usable configuration"),
    ],
)
def test_a_folder_that_is_not_a_whole_checkpoint_is_refused(
    arguments: dict[str, Any], tmp_path: Path, missing: str, reason: str
) -> None:
    folder = tmp_path / "partly"
    shutil.copytree(arguments["model"].location, folder)
    for path in folder.glob(missing):
        path.unlink()
    with pytest.raises(ModelError) as caught:
        prepare(**{**arguments, "model": ModelSource(location=str(folder))})
    assert caught.value.key == "model"
    assert reason in caught.value.reason


def test_tokens_without_an_embedding_are_refused(arguments: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "smaller"
    shutil.copytree(arguments["model"].location, folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vocab_size": 8}))
    for _ in ("encoded", "read from the cache"):
        with pytest.raises(ModelError, match="gives ids up to 20, but the model has embeddings for 8 tokens"):
            prepare(**{**arguments, "model": ModelSource(location=str(folder))})


def test_a_row_without_an_image_is_refused(
    checkpoint: Callable[..., ModelSource], arguments: dict[str, Any], tmp_path: Path
) -> None:
    from datasets import Features, Image, Value
    from PIL import Image as Pictures

    picture = Pictures.new("L", (8, 8))
    features = Features({"image": Image(), "label": Value("string")})
    rows: dict[str, list[Any]] = {"image": [picture] * 11 + [None], "label": ["x", "y"] * 6}
    folder = tmp_path / "images"
    Dataset.from_dict(rows, features=features).save_to_disk(folder)
    changed = {
        "task": "image-classification",
        "model": checkpoint("vit", 2),
        "source": str(folder),
        "data": DataConfig(source=str(folder), splits={"train": 6, "validation": 6}),
    }
    with pytest.raises(DataError, match="1 of 12 pictures cannot be used: images, record 12 has no picture"):
        prepare(**{**arguments, **changed})

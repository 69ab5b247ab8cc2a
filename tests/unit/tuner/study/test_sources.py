from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tuner.errors import ConfigError, DataError, HubAway, ModelError
from tuner.study.loading_problems import loading_problem
from tuner.study.sources import find_data, find_model, find_package_path, read_model_config
from tuner.trial.run import ModelSource


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships files and must not be imported."""
    home = tmp_path / "site" / "shipped_files"
    (home / "model").mkdir(parents=True)
    (home / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    (home / "rows.csv").write_text("text,label\n", encoding="utf-8")
    (home.parent / "secret.csv").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(home.parent))
    return home


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_file_of_a_package_is_found_without_importing_it(package: Path) -> None:
    assert find_package_path("package:shipped_files/rows.csv", "data.source") == package / "rows.csv"
    assert find_data("package:shipped_files/rows.csv") == str(package / "rows.csv")
    assert "shipped_files" not in sys.modules


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("package:no_such_package/x", "no package 'no_such_package' is installed here; pip install it"),
        ("package:shipped_files/gone.csv", "the package 'shipped_files' has no 'gone.csv'"),
        ("package:shipped_files/../secret.csv", "the package 'shipped_files' has no '../secret.csv'"),
        ("package:", "no package '' is installed here"),
        ("package:.", "no package '.' is installed here"),
        ("package:json.decoder/x", "no package"),
        ("package:sys/x", "no package"),
    ],
)
def test_what_a_package_does_not_ship_is_said_with_the_key(package: Path, written: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_package_path(written, "data.source")
    assert caught.value.key == "data.source"
    assert words in caught.value.reason


def test_a_model_is_a_folder_or_is_left_to_the_hub(model: Path) -> None:
    assert find_model(str(model), "abc") == ModelSource(location=str(model))
    assert find_model("org/name", "abc") == ModelSource(location="org/name", revision="abc")


def test_a_model_of_a_package_is_found(package: Path, model: Path) -> None:
    for file in model.iterdir():
        (package / "model" / file.name).write_bytes(file.read_bytes())
    assert find_model("package:shipped_files/model", None) == ModelSource(location=str(package / "model"))


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        ("config.json", "has no config.json; is it the folder of a transformers model?"),
        ("model.safetensors", "has no weights (model.safetensors)"),
    ],
)
def test_a_folder_without_configuration_or_weights_is_refused(model: Path, removed: str, words: str) -> None:
    (model / removed).unlink()
    with pytest.raises(ModelError) as caught:
        find_model(str(model), None)
    assert (caught.value.key, caught.value.reason) == ("model", f"{model} {words}")


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        find_model(str(tmp_path / "gone"), None)


def test_weights_in_shards_are_weights_once_every_shard_is_there(model: Path) -> None:
    (model / "model.safetensors").rename(model / "one.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ModelError, match="has no weights"):
        find_model(str(model), None)
    (model / "two.safetensors").write_bytes(b"weights")
    assert find_model(str(model), None).location == str(model)


@pytest.mark.parametrize("text", ["{not json", "[]", "{}", '{"hidden_size": 5}'])
def test_a_configuration_that_names_no_model_is_refused(model: Path, text: str) -> None:
    (model / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read_model_config(ModelSource(location=str(model)))
    assert caught.value.key == "model"


@pytest.mark.parametrize("text", ["{not json", "{}", "[]", '{"weight_map": ["one"]}', '{"weight_map": {"a": 1}}'])
def test_a_damaged_index_of_shards_is_said_so(model: Path, text: str) -> None:
    (model / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json is damaged"):
        find_model(str(model), None)


def test_a_configuration_is_read(model: Path) -> None:
    assert read_model_config(ModelSource(location=str(model))) == {"model_type": "bert"}


def test_a_name_that_is_neither_folder_nor_on_the_hub_is_said_so_in_one_line() -> None:
    with pytest.raises((HubAway, ModelError)) as caught:  # whether the hub answers or not
        read_model_config(ModelSource(location="no-such-org/no-such-model"))
    assert "'no-such-org/no-such-model' is no" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_are_a_path_or_are_left_to_datasets(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    with pytest.raises(DataError, match=r"rows\.csv: no such file or folder"):
        find_data(str(rows))
    rows.write_text("", encoding="utf-8")
    assert find_data(str(rows)) == str(rows)
    assert find_data("imdb") == "imdb"
    assert find_data("https://host/rows.csv") == "https://host/rows.csv"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "\nDinatForImageClassification requires the natten library but it was not found in your environment.",
            "it needs the package natten, which is not installed",
        ),
        (
            "\nTimmWrapperForImageClassification requires the timm library but it was not found.",
            "it is a model of timm, which is not installed; install 'shichimi[timm]'",
        ),
        ("no such file\nin the folder", "no such file"),
    ],
)
def test_a_package_that_a_model_lacks_is_named(said: str, told: str) -> None:
    assert loading_problem(ImportError(said)) == told

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from search_spaces import UnreadableDocument
from tuner.errors import ConfigError
from tuner.study.config import StudyConfig
from tuner.study.data_config import DataConfig
from tuner.study.durations import parse_duration
from tuner.study.study_file import changed_keys, parse_config, parse_stored, read_config

MINIMAL: Mapping[str, Any] = {"name": "s", "model": "some/model", "data": {"source": "some/data"}}
COMMIT = "0123456789abcdef" * 2 + "01234567"


def parse(folder: Path = Path("/nowhere"), **changes: Any) -> StudyConfig:
    return parse_config({**MINIMAL, **changes}, source="s.yaml", folder=folder)


def complaint(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(**changes)
    assert caught.value.source == "s.yaml"
    assert str(caught.value).startswith(f"s.yaml: {caught.value.key}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix("s.yaml: ")


def test_a_minimal_study_has_the_documented_defaults() -> None:
    config = parse()
    assert (config.task, config.metric.name, config.metric.direction) == ("text-classification", "accuracy", "maximize")
    assert (config.budget.trials, config.budget.time, config.max_length, config.seed) == (20, None, 128, 0)
    assert (config.sampler.name, config.precision, config.evaluations, config.keep) == ("auto", "auto", "auto", 1)
    assert config.data.splits == {"train": 0.8, "validation": 0.1, "test": 0.1}
    assert (config.search.name, config.search.promotion, config.search.eta) == ("auto", "auto", 2)
    assert config.early_stopping is None
    plain = parse(search="plain")
    assert plain.early_stopping is not None
    assert plain.early_stopping.patience == 3
    assert (config.train, config.checkpoint_every, config.max_restarts, config.checkpoints) == (None, 60, 5, None)
    pruner = config.pruner
    assert (pruner.name, pruner.percentile, pruner.n_startup_trials, pruner.n_warmup_steps, pruner.n_min_trials) == (
        "auto",
        75,
        5,
        20,
        5,
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), (45, 45), ("45", 45), ("1.5h", 5400), (" 10 s ", 10)],
)
def test_a_duration_is_read_with_its_unit(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds
    assert parse(budget={"time": written}).budget.time == seconds


@pytest.mark.parametrize("written", ["", "soon", "0", "-5m", True, "5 weeks", "1h30m", None, [1]])
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is no duration; write 90s, 30m, 2h or 1d"):
        parse_duration(written)


def test_a_function_that_judges_what_a_model_writes_may_be_better_when_it_is_lower() -> None:
    rows = {"source": "chats.jsonl", "messages": "messages"}
    asked = {"task": "causal-lm", "data": rows, "generate": {"rows": 8}}
    found = parse(**asked, metric={"name": "words:errors", "direction": "minimize"})
    assert (found.metric.name, found.metric.direction) == ("words:errors", "minimize")
    assert found.generate is not None
    assert (found.generate.rows, found.generate.max_new_tokens) == (8, 32)
    assert parse(**asked, metric="words:score").metric.direction == "maximize"


def test_a_metric_is_a_word_or_a_mapping_and_knows_its_direction() -> None:
    assert parse(metric="loss").metric.direction == "minimize"
    assert parse(metric={"name": "f1_macro"}).metric.direction == "maximize"
    assert parse(metric={"name": "loss", "direction": "minimize"}).metric.direction == "minimize"


@pytest.mark.parametrize(
    ("written", "name"),
    [("auto", "auto"), ("none", "none"), (None, "none"), ({"name": "auto"}, "auto"), ("median", "median")],
)
def test_a_pruner_is_a_word_or_a_mapping(written: object, name: str) -> None:
    assert parse(pruner=written).pruner.name == name


def test_a_pruner_takes_its_settings() -> None:
    pruner = parse(pruner={"name": "auto", "percentile": 60, "n_warmup_steps": 0}).pruner
    assert (pruner.name, pruner.percentile, pruner.n_warmup_steps, pruner.n_min_trials) == ("auto", 60, 0, 5)


@pytest.mark.parametrize("written", ["none", None])
def test_early_stopping_can_be_turned_off(written: str | None) -> None:
    assert parse(early_stopping=written).early_stopping is None


def test_labels_are_words_whatever_yaml_made_of_them() -> None:
    data = {"source": "d", "labels": {0: "no", True: 3, "maybe": "maybe"}}
    assert parse(data=data).data.labels == {"0": "no", "True": "3", "maybe": "maybe"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metric": "acuracy"}, "metric.name: 'acuracy' is unknown; did you mean 'accuracy'?; known: accuracy, "),
        ({"metric": ["accuracy", "loss"]}, "metric: several metrics are not supported; give one"),
        ({"metric": {"name": "loss", "direction": "maximize"}}, "metric: loss is better when it minimizes"),
        (
            {"metric": {"name": "loss", "goal": "minimize"}},
            "metric.goal: is no key here; did you mean 'direction'?; known: direction, name",
        ),
        ({"task": "translation"}, "task: 'translation' is unknown; known: "),
        ({"max_lenght": 5}, "max_lenght: is no key here; did you mean 'max_length'?; known: "),
        ({"data": {"source": "d", "lable": "l"}}, "data.lable: is no key here; did you mean 'label'?"),
        ({"budget": {"trails": 5}}, "budget.trails: is no key here; did you mean 'trials'?"),
        ({"pruner": {"name": "auto", "percent": 5}}, "pruner.percent: is no key here; did you mean 'percentile'?"),
        ({"pruner": "medain"}, "pruner.name: is 'medain'"),
        ({"model": None}, "model: "),
        ({"data": {}}, "data.source: is missing"),
        ({"budget": {"trials": 0}}, "budget.trials: is 0"),
        ({"budget": {"trials": "many"}}, "budget.trials: is 'many'"),
        ({"budget": {"time": "soon"}}, "budget.time: 'soon' is no duration"),
        ({"budget": {"device_hours": -1}}, "budget.device_hours: is -1"),
        ({"seed": -1}, "seed: is -1"),
        ({"keep": 0}, "keep: is 0"),
        ({"max_restarts": -1}, "max_restarts: is -1"),
        ({"checkpoint_every": "often"}, "checkpoint_every: 'often' is no duration"),
        ({"train": "train.py"}, "train: 'train.py' names no function; write module:function"),
        ({"train": "my module:train"}, "train: 'my module:train' names no function"),
        ({"max_length": 1}, "max_length: is 1"),
        ({"evaluations": 3}, "evaluations: is 3"),
        ({"precision": "fp8"}, "precision: is 'fp8'"),
        ({"early_stopping": {"patience": 0}}, "early_stopping.patience: is 0"),
        ({"name": "../up"}, "name: '../up' may only have letters"),
        ({"name": ""}, "name: is ''"),
        ({"name": "a b"}, "name: 'a b' may only have letters"),
        ({"data": {"source": "d", "text": ["a", "b", "c"]}}, "data.text: "),
        ({"data": {"source": "d", "splits": {"train": 0.8}}}, "data.splits: validation is missing"),
        ({"data": {"source": "d", "splits": {"train": 8, "validation": 0}}}, "data.splits: validation is empty (0)"),
        ({"data": {"source": "d", "splits": {"train": 1.5, "validation": 2}}}, "data.splits: train is 1.5"),
        (
            {"data": {"source": "d", "splits": {"train": 8, "validaton": 2}}},
            "data.splits: 'validaton' is no split; did you mean 'validation'?",
        ),
        ({"data": {"source": "d", "splits": {"train": float("inf"), "validation": 2}}}, "data.splits"),
        (
            {"sampler": "tpee"},
            "sampler.name: 'tpee' is unknown; did you mean 'tpe'?; known: auto, tpe, random, gp, cmaes, qmc",
        ),
        (
            {"sampler": {"name": "tpe", "seed": 1}},
            "sampler.seed: is no key here; at the top of the file write `seed: 1`",
        ),
        ({"sampler": {"name": "tpe", "n_startup_trials": 0}}, "sampler.n_startup_trials: is 0"),
        (
            {"sampler": {"name": "tpe", "allow_pickle": True}},
            "sampler: allow_pickle is no argument of tpe; known: ",
        ),
        (
            {"sampler": {"name": "qmc", "n_startup_trials": 3}},
            "sampler: n_startup_trials is no argument of qmc; known: n",
        ),
        ({"trust_remote_code": True}, "trust_remote_code: is True: needs as revision the full commit of the model"),
        ({"trust_remote_code": True, "revision": "main"}, "trust_remote_code: is True: needs as revision the full"),
        ({"trust_remote_code": True, "revision": COMMIT[1:]}, "trust_remote_code: is True: needs as revision the full"),
        (
            {"trust_remote_code": True, "revision": COMMIT, "model": "/a"},
            "trust_remote_code: is for a model of the hub",
        ),
        (
            {"trust_remote_code": True, "revision": COMMIT, "model": "package:a/b"},
            "trust_remote_code: is for a model of",
        ),
        ({"model": "https://me:word@hub/m"}, "model: is a URL with a user, password or token in it; set HF_TOKEN"),
        (
            {"task": "causal-lm", "metric": "exact_match"},
            "generate: the metric exact_match judges what the model writes; say how much, such as generate: {rows: 64,",
        ),
        (
            {"task": "causal-lm", "metric": "words:score"},
            "generate: the metric words:score judges what the model writes",
        ),
        ({"metric": "words:score"}, "metric.name: 'words:score' is unknown; known: accuracy, "),
        ({"generate": {"rows": 8}}, "generate: is for language models; leave it out, or name task: causal-lm"),
        ({"task": "causal-lm", "generate": {}}, "generate: needs prompts: name data.prompt and data.completion, or "),
        ({"max_length": "9" * 5000}, f"max_length: is '{'9' * 199}… (5002 characters): "),
    ],
)
def test_a_mistake_names_file_key_and_reason_in_one_line(changes: dict[str, Any], words: str) -> None:
    assert complaint(**changes).startswith(words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("format: {separator: ab}", "data.format.separator: 'ab' is no single character; words are none, tab, "),
        ("format: {separator: none}", "data.format.separator: 'none' separates nothing; name a character"),
        ("format: {quote: [a]}", "data.format.quote: ['a'] is no single character"),
        ("format: {encoding: nope}", "data.format.encoding: 'nope' is no encoding that Python knows"),
        ("format: {header: [a, b, a]}", "data.format.header: names 'a' twice; give each column its own name"),
        ("format: {header: maybe}", "data.format.header: 'maybe' is neither true nor false, nor a list of the"),
        ("format: {header: [a, {b: c}]}", "data.format.header.1: is {'b': 'c'}: write one word"),
        ("format: {sep: ;}", "data.format.sep: is no key here; did you mean 'separator'?; known: encoding, escape,"),
        ("format: csv", "data.format: is 'csv': write `key: value` lines below it"),
        ("deduplicate: 3", "data.deduplicate: is 3: write true or false"),
        ("deduplicate: sometimes", "data.deduplicate: is 'sometimes': write true or false"),
        ("group: [a]", "data.group: is ['a']: write one word"),
        ("field: {a: b}", "data.field: is {'a': 'b'}: write one word"),
        ("text: [a, {b: c}]", "data.text.1: is {'b': 'c'}: write one word"),
        ("where: yes", "data.where: is 'yes': write `key: value` lines below it"),
        ("where: {stars: {from: 3}}", "data.where.stars: is {'from': '3'}: write one word"),
        ("where: {str: [[3]]}", "data.where.str.0: is ['3']: write one word"),
        ("labels: {neg: }", "data.labels: the label 'neg' has no name; write one behind it"),
        ("labels: {1: a, 1.0: b}", "data.labels: '1' is named twice: '1.0' is the same label; drop one"),
        ("labels: {1: [a]}", "data.labels.1: is ['a']: write one word"),
        (
            "lable: x",
            "data.lable: is no key here; did you mean 'label'?; known: completion, deduplicate, field",
        ),
    ],
)
def test_a_mistake_in_the_part_data_of_a_file_names_its_key_and_the_remedy(
    tmp_path: Path, data: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_data(tmp_path, data)
    assert str(caught.value).removeprefix(f"{caught.value.source}: ").startswith(words)
    assert "\n" not in str(caught.value)


def read_data(folder: Path, data: str) -> DataConfig:
    """Read a study file with these lines below `data`."""
    path = folder / "s.yaml"
    path.write_text(f"name: s\nmodel: m/m\ndata:\n  source: d/d\n  {data}\n", encoding="utf-8")
    read = read_config(path).data
    assert read is not None
    return read


def test_words_of_the_data_are_the_words_that_the_file_holds(tmp_path: Path) -> None:
    values = ["no", "yes", "on", "0010", "1E5", "2020-01-01", "0x1F", "12:30", "null", "5"]
    assert read_data(tmp_path, f"where: {{country: [{', '.join(values)}]}}").where == {"country": values}
    assert read_data(tmp_path, "where: {no: no, on: True, empty: }").where == {"no": "no", "on": "True", "empty": ""}
    assert read_data(tmp_path, "labels: {yes: no, 0010: 2020-01-01, 1E5: null}").labels == {
        "yes": "no",
        "0010": "2020-01-01",
        "1E5": "null",
    }


def test_names_of_columns_are_words(tmp_path: Path) -> None:
    data = read_data(tmp_path, "text: [no, 0010]\n  label: on\n  group: 2020-01-01\n  image: 0x1F")
    assert (data.text, data.label, data.group, data.image) == (["no", "0010"], "on", "2020-01-01", "0x1F")
    assert read_data(tmp_path, "format: {header: [no, 1E5]}").format.header == ["no", "1E5"]
    assert read_data(tmp_path, "subset: no\n  revision: 0010\n  group: null").subset == "no"


@pytest.mark.parametrize(("written", "value"), [("yes", True), ("no", False), ("on", True), ("off", False), ("", None)])
def test_booleans_of_the_data_are_written_as_people_write_them(
    tmp_path: Path, written: str, value: bool | None
) -> None:
    assert read_data(tmp_path, f"format: {{header: {written}}}").format.header is value
    if written:
        assert read_data(tmp_path, f"deduplicate: {written}").deduplicate is value


def test_a_configuration_of_version_0_1_is_the_file_that_it_was_stored_from(tmp_path: Path) -> None:
    read = read_data(tmp_path, "where: {stars: 5, ok: true, share: 1.0, lang: [en, 3]}\n  labels: {0: a, 1.0: b}")
    known_then = ("source", "subset", "revision", "text", "image", "label", "splits")
    old = {key: value for key, value in read.model_dump(mode="json").items() if key in known_then}
    old["where"] = {"stars": 5, "ok": True, "share": 1.0, "lang": ["en", 3]}
    old["labels"] = {"0": "a", "1.0": "b"}
    stored = parse_stored({**parse().to_dict(), "data": old}, source="s").data
    assert stored == read
    assert read.where == {"stars": "5", "ok": "True", "share": "1", "lang": ["en", "3"]}


@pytest.mark.parametrize("name", ["rows.txt", "rows.tab", "rows.ndjson", "rows.csv.gz", "Rows.CSV", "rows.data"])
def test_the_name_of_a_data_file_is_a_path_also_where_the_file_is_missing(tmp_path: Path, name: str) -> None:
    data = parse(tmp_path, data={"source": name}).data
    assert data is not None
    assert data.source == str(tmp_path / name)


def test_paths_are_relative_to_the_study_file_and_hub_ids_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    config = parse(tmp_path, model="weights", data={"source": "rows.csv"}, checkpoints="kept")
    assert config.model == str(tmp_path / "weights")
    assert config.data.source == str(tmp_path / "rows.csv")
    assert config.checkpoints == str(tmp_path / "kept")
    assert parse(tmp_path).model == "some/model"
    assert parse(tmp_path).data.source == "some/data"
    assert parse(tmp_path, model="./there").model == str(tmp_path / "there")
    assert parse(tmp_path, model="/there").model == "/there"
    assert parse(tmp_path, model="package:weights/x").model == "package:weights/x"
    assert parse(tmp_path, data={"source": "https://host/rows.csv"}).data.source == "https://host/rows.csv"
    assert parse(tmp_path, checkpoints="file:///kept").checkpoints == "file:///kept"


def test_a_file_of_a_search_space_becomes_part_of_the_study(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("dropout: 0.1\n", encoding="utf-8")
    assert parse(tmp_path, search_space="space.yaml").search_space == {"dropout": 0.1}
    with pytest.raises(UnreadableDocument, match=r"gone\.yaml: no such file"):
        parse(tmp_path, search_space="gone.yaml")


def test_what_is_stored_reads_back_as_the_same_study(tmp_path: Path) -> None:
    config = parse(
        tmp_path,
        data={"source": "rows.csv", "where": {"kind": ["a", 1]}, "splits": {"train": 10, "validation": 0.5}},
        budget={"trials": 7, "time": "30m", "device_hours": 2},
        search_space={"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}, "batch_size": [8]},
        early_stopping="none",
        pruner="none",
        lr_scheduler_kwargs={"cosine_with_min_lr": {"min_lr": 1e-6}},
    )
    stored = config.to_dict()
    assert parse_config(stored, source="database", folder=Path("/")) == config
    assert changed_keys(stored, parse_config(stored, source="database", folder=Path("/")).to_dict()) == []


def test_changed_keys_are_dotted_and_sorted() -> None:
    old, new = parse(seed=1, budget={"trials": 3}).to_dict(), parse(max_length=64, budget={"trials": 4}).to_dict()
    assert changed_keys(old, new) == ["budget.trials", "max_length", "seed"]
    assert changed_keys({"a": {"b": 1}}, {"a": {"b": 1, "c": None}}) == []
    assert changed_keys({"a": {"b": 1}}, {"a": 2}) == ["a"]


def test_an_empty_file_and_a_missing_one_are_told_apart(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="is empty; `tuner init` writes one"):
        read_config(empty)
    with pytest.raises(UnreadableDocument, match="no such file"):
        read_config(tmp_path / "missing.yaml")


def test_numbers_are_numbers_however_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "name: s\nmodel: m/m\ndata: {source: d/d}\nsearch_space: {learning_rate: {low: 1e-5, high: 5E-4}}\n",
        encoding="utf-8",
    )
    assert read_config(path).search_space == {"learning_rate": {"low": 1e-5, "high": 5e-4}}


def test_a_configuration_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse().seed = 3


@pytest.mark.parametrize("written", ["1000001s", "14d", "100000h", 1234567.5, 0.1])
def test_a_duration_of_any_size_survives_being_stored(written: object) -> None:
    config = parse(budget={"time": written})
    assert parse_config(config.to_dict(), source="stored", folder=Path("/")) == config


@pytest.mark.parametrize("text", ["label", ["label", "text"], ["text", "text"]])
def test_text_and_label_must_be_different_columns(text: object) -> None:
    assert "must be different columns" in complaint(data={"source": "some/data", "text": text})


def test_a_study_with_training_of_its_own_may_leave_model_and_data_out_and_name_any_metric() -> None:
    document = {"name": "s", "train": "package.module:train", "metric": {"name": "score", "direction": "minimize"}}
    config = parse_config(document, source="s.yaml", folder=Path("/nowhere"))
    assert (config.train, config.model, config.data) == ("package.module:train", None, None)
    assert (config.metric.name, config.metric.direction) == ("score", "minimize")
    assert parse_config({**document, "metric": "score"}, source="s", folder=Path()).metric.direction == "maximize"
    assert parse_config(config.to_dict(), source="stored", folder=Path("/")) == config
    with pytest.raises(ConfigError, match=r"^s\.yaml: metric\.name: 'score' is unknown"):
        parse(metric="score")


@pytest.mark.parametrize(("name", "direction"), [("eval_loss", "minimize"), ("eval_accuracy", "maximize")])
def test_a_metric_of_a_trainer_has_the_direction_of_the_tasks_own(name: str, direction: str) -> None:
    document = {"name": "s", "train": "package.module:train", "metric": name}
    config = parse_config(document, source="s.yaml", folder=Path("/nowhere"))
    assert (config.metric.name, config.metric.direction) == (name, direction)


@pytest.mark.parametrize("key", ["model", "data"])
def test_without_training_of_its_own_a_study_needs_a_model_and_data(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^s\.yaml: {key}: is missing$"):
        parse(**{key: None})


@pytest.mark.parametrize("written", ["s3://bucket/folder", "/shared/folder", "file:///shared/folder"])
def test_a_place_for_checkpoints_that_every_machine_reaches_is_left_as_it_is_written(written: str) -> None:
    assert parse(checkpoints=written).checkpoints == written


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), (0.5, 0.5), ("2m", 120)])
def test_the_time_between_checkpoints_is_a_duration(written: object, seconds: float) -> None:
    assert parse(checkpoint_every=written).checkpoint_every == seconds


def test_a_sampler_is_a_word_or_a_mapping_and_is_stored_as_name_and_arguments() -> None:
    assert parse(sampler="gp") == parse(sampler={"name": "gp"})
    assert parse(sampler="gp").to_dict()["sampler"] == {"name": "gp", "n_startup_trials": None, "allow_pickle": False}
    chosen = parse(sampler={"name": "cmaes", "n_startup_trials": 7, "allow_pickle": True}).sampler
    assert (chosen.name, chosen.n_startup_trials, chosen.allow_pickle) == ("cmaes", 7, True)


def test_a_study_that_was_stored_with_its_sampler_as_a_word_is_unchanged() -> None:
    stored = {**parse().to_dict(), "sampler": "tpe"}
    del stored["trust_remote_code"]
    assert parse_stored(stored, source="s") == parse(sampler="tpe")
    assert changed_keys(parse_stored(stored, source="s").to_dict(), parse(sampler="tpe").to_dict()) == []


def test_code_of_a_model_is_trusted_by_id_and_full_commit_alone() -> None:
    config = parse(trust_remote_code=True, revision=COMMIT)
    assert (config.model, config.revision, config.trust_remote_code) == ("some/model", COMMIT, True)
    assert parse_stored(config.to_dict(), source="s") == config


def test_a_folder_that_has_the_name_of_a_hub_id_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "some" / "model").mkdir(parents=True)
    with pytest.raises(ConfigError, match="is for a model of the hub"):
        parse(tmp_path, trust_remote_code=True, revision=COMMIT)


@pytest.mark.parametrize(
    "source",
    [
        "https://me:s3cret-word@host/rows.csv",
        "https://s3cret-word@host/rows.csv",
        "https://me:s3cret-word/more@host/rows.csv",
        "https://me:s3cret-word and more@host/rows.csv",
        "https://host/rows.csv?token=s3cret-word",
        "https://host/rows.csv?a=b&X-Amz-Signature=s3cret-word",
        "https://host/rows.csv?sig=s3cret-word",
        "s3://key:s3cret-word@bucket/rows.csv",
        "zip://rows.csv::https://me:s3cret-word@host/rows.zip",
    ],
)
def test_a_secret_in_the_url_of_the_data_is_refused_and_not_repeated(source: str) -> None:
    said = complaint(data={"source": source})
    assert said.startswith("data.source: is a URL with a user, password or token in it, which would be stored")
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "source",
    [
        "https://host:8443/rows.csv?download=1",
        "hf://datasets/somebody/name@main/rows.csv",
        "s3://bucket/a@b/rows.csv",
        "somebody/name",
        "/folder/me:word@host",
        "https://host/key=1/rows.csv",
    ],
)
def test_the_url_of_data_without_a_secret_is_left_as_it_is_written(source: str) -> None:
    config = parse(data={"source": source})
    assert config.data is not None
    assert config.data.source == source

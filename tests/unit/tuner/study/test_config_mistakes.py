"""All mistakes of a study file are told at once, each with its line, its key and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces import InvalidSpace
from tuner.errors import ConfigError, ConfigErrors
from tuner.study.study_file import read_config

SOUND = "name: s\nmodel: m/m\ndata: {source: d/d}\n"


def mistakes(folder: Path, text: str) -> list[str]:
    """Return the lines about the mistakes of a study file, without its name."""
    path = folder / "s.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((ConfigError, InvalidSpace)) as caught:
        read_config(path)
    if not isinstance(caught.value, ConfigErrors):
        return [str(caught.value).removeprefix(f"{path}: ")]
    first, *lines = str(caught.value).splitlines()
    assert first == f"{path}: {len(lines)} mistakes"
    assert all(line.startswith(f"  {path}:") for line in lines)
    return [line.removeprefix(f"  {path}:") for line in lines]


def test_every_mistake_is_told_with_its_line_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
name: my study
model: ./nowhere
data:
  source: d/d
  lable: y
  splits: {train: 0.8}
n_trials: 50
metric: {name: f1, goal: maximize}
search_space:
  learning_rate:
    min: 1e-5
    max: 1e-3
  batch_size: [16, 0]
  dropout: {low: 0.3, high: 0.1}
budget: {trails: many, time: soon}
keep: 0
"""
    found = mistakes(tmp_path, text)
    assert [line.split(": ")[0] + ": " + line.split(": ")[1] for line in found] == [
        "1: name",
        "2: model",
        "5: data.lable",
        "6: data.splits",
        "7: n_trials",
        "8: metric.goal",
        "8: metric.name",
        "10: search_space.learning_rate",
        "13: search_space.batch_size",
        "14: search_space.dropout",
        "15: budget.trails",
        "15: budget.trails",
        "15: budget.time",
        "16: keep",
    ]
    assert "'min' is no key of a float parameter; did you mean 'low'?; 'max' is no" in found[7]
    assert found[11] == "15: budget.trails: is 'many': write a whole number"
    assert not any("known: adapter" in line for line in found)


def test_one_mistake_alone_is_one_line(tmp_path: Path) -> None:
    assert mistakes(tmp_path, f"{SOUND}keep: 0\n") == ["keep: is 0: give at least 1"]
    assert mistakes(tmp_path, f"{SOUND}search_space: {{dropout: 2}}\n") == [
        "search_space: dropout: 2.0 must be a probability from 0 to below 1"
    ]
    (found,) = mistakes(tmp_path, f"{SOUND}search_space: text-clasification\n")
    assert found.startswith("search_space: no preset 'text-clasification'; did you mean 'text-classification'?")


def test_a_slip_in_a_key_is_no_second_mistake_about_what_seems_to_be_missing(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "name: s\nmodle: m/m\ndataset_name: d/d\n")
    assert found == [
        "2: modle: is no key here; did you mean 'model'?",
        "3: dataset_name: is no key here; write `data: {source: d/d}`",
    ]


def test_an_unknown_task_is_no_mistake_of_the_metric(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, f"{SOUND}task: translation\nmetric: bleu\n")
    assert found.startswith("task: 'translation' is unknown; known: ")


def test_a_mistake_between_keys_is_not_hidden_by_an_unknown_key(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "name: s\nmodel: m/m\ndata: {source: d/d, text: label, foo: 1}\nbar: 1\nkeep: 0\n")
    assert [line.split(": ")[1] for line in found] == ["data.foo", "data", "bar", "keep"]
    assert "text and label must be different columns" in found[1]
    found = mistakes(tmp_path, f"{SOUND}search: auto\npruner: median\nkeep: 0\n")
    assert [line.split(": ")[1] for line in found] == ["search", "keep"]


def test_mistakes_of_a_space_do_not_depend_on_the_recipe_of_a_model_that_is_not_read_yet(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"{SOUND}search_space: {{lora_rank: recipe, adapter: lora, warmup_ratio: recipe}}\n", "utf-8")
    assert read_config(path).search_space == {"lora_rank": "recipe", "adapter": "lora", "warmup_ratio": "recipe"}


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("lr: 3e-5", "lr: is no key here; write `search_space: {learning_rate: 3e-05}`"),
        ("bs: 16", "bs: is no key here; write `search_space: {batch_size: 16}`"),
        ("epochs: 3", "epochs: is no key here; write `search_space: {num_train_epochs: 3}`"),
        ("weight_decay: 0.1", "weight_decay: is no key here; write `search_space: {weight_decay: 0.1}`"),
        ("n_trials: 50", "n_trials: is no key here; write `budget: {trials: 50}`"),
        ("run_cap: 50", "run_cap: is no key here; write `budget: {trials: 50}`"),
        ("num_samples: 50", "num_samples: is no key here; write `budget: {trials: 50}`"),
        ("trials: 50", "trials: is no key here; write `budget: {trials: 50}`"),
        ("timeout: 600", "timeout: is no key here; write `budget: {time: 600}`"),
        ("direction: maximize", "direction: is no key here; write `metric: {direction: maximize}`"),
        ("method: random", "method: is no key here; did you mean 'sampler'?"),
        ("parameters: {}", "parameters: is no key here; did you mean 'search_space'?"),
        ("per_device_train_batch_size: 8", "per_device_train_batch_size: is no key here; write `search_space: {batch"),
        ("output_dir: out", "output_dir: is no key here; did you mean 'checkpoints'?"),
        ("eval_strategy: epoch", "eval_strategy: is no key here; leave it out: every trial is evaluated at rungs"),
        ("max_seq_length: 64", "max_seq_length: is no key here; did you mean 'max_length'?"),
        ("gpus: 1", "gpus: is no key here; leave it out: it is an option of the command, such as `tuner start"),
        ("sampler: bayes", "sampler.name: 'bayes' is unknown; did you mean 'gp'?; known: "),
        ("sampler: grid", "sampler.name: 'grid' is unknown: no sampler walks a grid; `qmc` spreads points evenly"),
        ("sampler: hyperband", "sampler.name: 'hyperband' is unknown: it says which trials go on"),
        ("metric: f1", "metric.name: 'f1' is unknown; did you mean 'f1_macro'?"),
        ("metric: auc", "metric.name: 'auc' is unknown; did you mean 'roc_auc'?"),
        ("task: sentiment", "task: 'sentiment' is unknown; did you mean 'text-classification'?"),
        ("pruner: asha", "pruner.name: is 'asha': input should be 'auto', 'none', 'percentile', 'median', "),
        ("search_space: {lr: 1}", "search_space: lr: 'lr' is no hyperparameter; did you mean 'learning_rate'?"),
        (
            "search_space: {learning_rate: 'tune.loguniform(1e-5, 1e-3)'}",
            "search_space: learning_rate: 'tune.loguniform(1e-5, 1e-3)' is a call of Python; "
            "write {low: 1e-5, high: 1e-3, log: true}",
        ),
        (
            "search_space: {batch_size: {values: [8, 16]}}",
            "search_space: batch_size: 'values' is no key of a categorical parameter; did you mean 'choices'?",
        ),
    ],
)
def test_words_of_other_tools_lead_to_ours(tmp_path: Path, line: str, remedy: str) -> None:
    (found,) = mistakes(tmp_path, f"{SOUND}{line}\n")
    assert found.startswith(remedy)


@pytest.mark.parametrize("line", ["sampler: adam", "sampler: zoopt", "pruner: fast", "metric: bleu", "colour: red"])
def test_where_nothing_is_likely_there_is_no_hint(tmp_path: Path, line: str) -> None:
    (found,) = mistakes(tmp_path, f"{SOUND}{line}\n")
    assert "did you mean" not in found


def test_every_key_that_a_word_of_another_tool_leads_to_is_one_of_a_study_file() -> None:
    from search_spaces import NAMES
    from search_spaces.synonyms import HYPERPARAMETERS
    from tuner.study.key_hints import known_keys
    from tuner.study.synonyms import _KEYS

    assert set(HYPERPARAMETERS.values()) <= set(NAMES)
    for part, words in _KEYS.items():
        assert not set(words) & set(known_keys(part)), part
        for path in (each for each in words.values() if " " not in each):
            home, _, key = path.rpartition(".")
            assert key in (NAMES if home == "search_space" else known_keys(home)), path

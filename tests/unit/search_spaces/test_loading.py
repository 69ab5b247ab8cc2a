from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces import (
    SEVEN,
    Categorical,
    Float,
    Int,
    InvalidSpace,
    Recipe,
    SearchSpace,
    UnreadableDocument,
    build_space,
    load_space,
    preset_names,
    recipe_for,
)
from search_spaces.loading import load_preset
from search_spaces.recipes import CLASSIFIERS, LANGUAGE_MODELS, learning_rate_range, packaged_recipes

TEXT = "text-classification"
BERT = recipe_for("bert", "bert-base-uncased", 768)
CLASSIFYING = [name for name in preset_names() if name != "causal-lm"]
RECIPES = [
    *((preset, row.recipe) for preset in CLASSIFYING for row in packaged_recipes(CLASSIFIERS)),
    *(("causal-lm", row.recipe) for row in packaged_recipes(LANGUAGE_MODELS)),
]


def loaded(written: Any, folder: Path = Path(), recipe: Recipe = BERT) -> SearchSpace:
    return load_space(written, preset=TEXT, recipe=recipe, folder=folder, source="study.yaml: search_space")


def refused(written: Any, folder: Path = Path()) -> InvalidSpace:
    with pytest.raises(InvalidSpace) as caught:
        loaded(written, folder)
    assert "\n" not in str(caught.value)
    return caught.value


# ---- presets ----


def test_there_is_a_preset_for_each_built_in_task() -> None:
    assert {TEXT, "image-classification", "causal-lm"} <= set(preset_names())


@pytest.mark.parametrize(("preset", "recipe"), RECIPES, ids=lambda each: getattr(each, "family", each))
def test_every_preset_loads_with_every_recipe_and_holds_it(preset: str, recipe: Recipe) -> None:
    space = load_space(preset, preset=preset, recipe=recipe, folder=Path())
    assert set(SEVEN) <= set(space.parameters)
    low, high = learning_rate_range(recipe)
    assert space.parameters["learning_rate"] == Float(low=low, high=high, log=True)
    first = space.clip(recipe.defaults)
    assert set(first) == set(space.parameters)
    for name in set(first) - {"warmup_ratio", "dropout", "num_train_epochs", "lr_scheduler_type"}:
        assert first[name] == recipe.defaults[name], f"the published {name} is not in the preset"
    assert space.corners()


@pytest.mark.parametrize("preset", CLASSIFYING)
def test_every_preset_offers_what_the_documentation_says(preset: str) -> None:
    space = load_space(preset, preset=preset, recipe=BERT, folder=Path())
    assert space.parameters["batch_size"] == Categorical(choices=(8, 16, 32, 64))
    assert space.parameters["num_train_epochs"] == Int(low=1, high=6)
    assert space.parameters["dropout"] == Float(low=0, high=0.3)
    assert space.parameters["weight_decay"] == Categorical(choices=(0.0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2))
    assert space.parameters["frozen_layers"] == Categorical(choices=(0.0, 0.25, 0.5, 0.75, 1.0))
    assert "lr_scheduler_type" in space.conditions["warmup_ratio"]


def test_an_unknown_preset_is_refused_with_a_suggestion_and_the_names_that_there_are() -> None:
    error = str(refused("text-clasification"))
    assert "no preset 'text-clasification'; did you mean 'text-classification'?" in error
    assert all(name in error for name in preset_names())
    with pytest.raises(InvalidSpace, match=r"no preset '\.\./recipes'"):
        load_preset("../recipes")


# ---- laying over ----


def test_nothing_written_is_the_preset() -> None:
    assert loaded({}).fingerprint == loaded(TEXT).fingerprint


def test_a_mapping_searches_a_list_chooses_and_a_value_fixes() -> None:
    space = loaded(
        {
            "learning_rate": {"low": 1e-5, "high": 5e-4, "log": True},
            "frozen_layers": 0.5,
            "batch_size": [16, 32],
            "lr_scheduler_type": {"choices": ["linear", "cosine"]},
        }
    )
    assert space.parameters["learning_rate"] == Float(low=1e-5, high=5e-4, log=True)
    assert space.parameters["frozen_layers"] == Categorical(choices=(0.5,))
    assert space.parameters["batch_size"] == Categorical(choices=(16, 32))
    assert space.parameters["lr_scheduler_type"] == Categorical(choices=("linear", "cosine"))
    assert space.parameters["dropout"] == loaded(TEXT).parameters["dropout"]


@pytest.mark.parametrize(
    ("name", "entry", "parameter"),
    [
        ("num_train_epochs", {"low": 1, "high": 3}, Int(low=1, high=3)),
        ("num_train_epochs", {"low": 0.5, "high": 3}, Float(low=0.5, high=3)),
        ("num_train_epochs", {"type": "float", "low": 1, "high": 3}, Float(low=1, high=3)),
        ("num_train_epochs", {"low": 1, "high": 5, "step": 2}, Int(low=1, high=5, step=2)),
        ("batch_size", {"low": 4, "high": 64, "log": True}, Int(low=4, high=64, log=True)),
        ("dropout", {"low": 0, "high": 0}, Float(low=0, high=0)),
        ("weight_decay", {"low": 0, "high": 1}, Float(low=0, high=1)),
        ("weight_decay", 0, Categorical(choices=(0.0,))),
        ("frozen_layers", ["gradual", 1], Categorical(choices=("gradual", 1.0))),
        ("batch_size", 16.0, Categorical(choices=(16,))),
        ("learning_rate", "recipe", Float(low=3e-5 / 8, high=3e-5 * 8, log=True)),
        ("weight_decay", "recipe", Categorical(choices=(BERT.defaults["weight_decay"],))),
    ],
)
def test_an_entry_means_what_it_says(name: str, entry: Any, parameter: Any) -> None:
    built = loaded({name: entry}).parameters[name]
    assert built == parameter
    assert [type(value) for value in built.extremes()] == [type(value) for value in parameter.extremes()]


@pytest.mark.parametrize("schedule", ["constant", ["constant"], {"choices": ["constant"]}])
def test_the_warmup_of_a_preset_is_dropped_where_the_schedule_has_none(schedule: Any) -> None:
    space = loaded({"lr_scheduler_type": schedule})
    assert "warmup_ratio" not in space.parameters
    assert "warmup_ratio" not in space.conditions


@pytest.mark.parametrize("schedule", ["cosine", ["constant", "linear"], {"choices": ["cosine"]}, "recipe"])
def test_the_warmup_of_a_preset_stays_where_some_schedule_has_it(schedule: Any) -> None:
    assert "warmup_ratio" in loaded({"lr_scheduler_type": schedule}).parameters


def test_a_warmup_that_the_user_wrote_is_never_dropped_but_refused() -> None:
    written = {
        "lr_scheduler_type": "constant",
        "warmup_ratio": {"low": 0, "high": 0.1, "when": {"lr_scheduler_type": ["linear"]}},
    }
    error = refused(written)
    assert error.key == "warmup_ratio.when.lr_scheduler_type"
    assert "none of ['linear'] is among the choices ['constant']" in error.reason


def test_a_warmup_that_the_user_fixes_loses_the_condition_of_the_preset() -> None:
    space = loaded({"warmup_ratio": 0.1})
    assert space.parameters["warmup_ratio"] == Categorical(choices=(0.1,))
    assert "warmup_ratio" not in space.conditions


def test_a_condition_may_name_numbers_as_people_write_them() -> None:
    space = loaded(
        {"layerwise_lr_decay": {"low": 0.8, "high": 1, "when": {"frozen_layers": [0, 1], "batch_size": [8]}}}
    )
    assert space.conditions["layerwise_lr_decay"] == {"frozen_layers": (0.0, 1.0), "batch_size": (8,)}


# ---- files ----


def test_a_file_is_found_beside_the_study_file_and_laid_over_the_preset(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("learning_rate: {low: 1e-6, high: 1e-4, log: true}\ndropout: 1e-1\n")
    space = loaded("mine.yaml", tmp_path)
    assert space.parameters["learning_rate"] == Float(low=1e-6, high=1e-4, log=True)
    assert space.parameters["dropout"] == Categorical(choices=(0.1,))
    assert space.parameters["batch_size"] == loaded(TEXT).parameters["batch_size"]
    assert loaded(str(tmp_path / "mine.yaml"), Path("elsewhere")).fingerprint == space.fingerprint


def test_a_fault_in_a_file_names_the_file_the_key_and_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("dropout: {low: 0.3, high: 0.1}\n")
    assert str(refused("mine.yml", tmp_path)) == f"{path}: dropout: low 0.3 is above high 0.1; swap them"


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match=r"none\.yaml: no such file"):
        loaded("none.yaml", tmp_path)


# ---- refusals ----


@pytest.mark.parametrize(
    ("written", "key", "reason"),
    [
        ({"learning_rat": 1e-4}, "learning_rat", "is no hyperparameter; did you mean 'learning_rate'?"),
        ({"lr_schedular_type": "linear"}, "lr_schedular_type", "did you mean 'lr_scheduler_type'?"),
        ({"seed": [1, 2]}, "seed", "seed is never searched: it picks lucky runs; set `seed:` of the study"),
        ({3: 1}, "3", "3 is no hyperparameter; known: "),
        ({True: 1}, "True", "True is no hyperparameter; known: "),
        ({"learning_rate": {"low": 1e-3, "high": 1e-5}}, "learning_rate", "low 0.001 is above high 1e-05; swap them"),
        (
            {"learning_rate": {"low": 0, "high": 1e-3, "log": True}},
            "learning_rate",
            "low is 0, but a log scale needs a low above 0",
        ),
        ({"learning_rate": {"low": 1e-5}}, "learning_rate", "high is missing"),
        ({"learning_rate": {"high": 1e-5}}, "learning_rate", "low is missing"),
        ({"learning_rate": {"low": "1e-5x", "high": 1}}, "learning_rate", "low is '1e-5x'; give a number"),
        ({"learning_rate": {"low": 1e-5, "high": 1, "log": "yes"}}, "learning_rate", "log is 'yes'; give true or"),
        (
            {"learning_rate": {"lo": 1e-5, "high": 1}},
            "learning_rate",
            "'lo' is no key of a float parameter; did you mean 'low'?; known: high, log, low, type, when",
        ),
        ({"dropout": {"low": 0, "high": 0.3, "step": 0.1}}, "dropout", "'step' is no key of a float parameter"),
        ({"dropout": {"low": 0, "high": 0.3, 7: 1}}, "dropout", "7 is no key of a float parameter"),
        ({"batch_size": {"choices": [8], "low": 1}}, "batch_size", "'low' is no key of a categorical parameter"),
        ({"batch_size": {"choices": 8}}, "batch_size", "choices is 8; give a list"),
        ({"batch_size": {"low": 8.5, "high": 64}}, "batch_size", "is a count; give whole ends"),
        ({"batch_size": []}, "batch_size", "choices is empty; give at least one value"),
        ({"batch_size": [16, 16.0]}, "batch_size", "a choice stands twice"),
        ({"batch_size": 12.5}, "batch_size", "12.5 must be a whole number of examples"),
        ({"dropout": None}, "dropout", "None is no finite number and no word"),
        ({"dropout": True}, "dropout", "True is no finite number and no word"),
        ({"dropout": float("nan")}, "dropout", "nan is no finite number and no word"),
        ({"dropout": 10**400}, "dropout", "is no finite number and no word"),
        ({"dropout": [[0.1]]}, "dropout", "[0.1] is no finite number and no word"),
        ({"dropout": "high"}, "dropout", "'high' must be a probability"),
        ({"dropout": {"type": "double", "low": 0, "high": 1}}, "dropout", "type 'double' is unknown; use float, int"),
        ({"dropout": {"type": ["float"], "low": 0, "high": 1}}, "dropout", "type ['float'] is unknown"),
        ({"lr_scheduler_type": [["linear"]]}, "lr_scheduler_type", "['linear'] is no finite number and no word"),
        ({"lr_scheduler_type": None}, "lr_scheduler_type", "None is no finite number and no word"),
        ({"lr_scheduler_type": {"choices": [{}]}}, "lr_scheduler_type", "{} is no finite number and no word"),
        ({"lr_scheduler_type": {"low": 0, "high": 1}}, "lr_scheduler_type", "0.0 must be the name of a transformers"),
        ({"layerwise_lr_decay": "recipe"}, "layerwise_lr_decay", "the recipe of bert has no value for it; give one"),
        (
            {"warmup_ratio": {"low": 0, "high": 1, "when": []}},
            "warmup_ratio",
            "when is []; give `when: {name: [values]",
        ),
        (
            {"warmup_ratio": {"low": 0, "high": 1, "when": {}}},
            "warmup_ratio",
            "when is {}; give `when: {name: [values]",
        ),
        (
            {"warmup_ratio": {"low": 0, "high": 1, "when": {"lr_scheduler": ["linear"]}}},
            "warmup_ratio",
            "when.lr_scheduler: no hyperparameter; did you mean 'lr_scheduler_type'?",
        ),
        ({"warmup_ratio": {"low": 0, "high": 1, "when": {3: [1]}}}, "warmup_ratio", "when.3: no hyperparameter"),
        (
            {"warmup_ratio": {"low": 0, "high": 1, "when": {"lr_scheduler_type": "linear"}}},
            "warmup_ratio",
            "when.lr_scheduler_type is 'linear'; give a list of values",
        ),
        (
            {"warmup_ratio": {"low": 0, "high": 1, "when": {"lr_scheduler_type": [None]}}},
            "warmup_ratio",
            "None is no finite number and no word",
        ),
    ],
)
def test_a_fault_in_a_study_file_names_the_key_and_the_reason(written: Any, key: str, reason: str) -> None:
    error = refused(written)
    assert str(error.key) == key
    assert reason in error.reason
    assert str(error).startswith(f"study.yaml: search_space: {key}: ")


def test_a_space_of_its_own_needs_all_of_the_seven() -> None:
    with pytest.raises(InvalidSpace, match="mine: batch_size: is missing; every space has the seven"):
        build_space({"learning_rate": "recipe"}, recipe=BERT, source="mine")


def test_the_space_of_a_studys_own_training_is_what_is_written_and_may_have_any_names() -> None:
    written = {
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
        "beta": {"low": 0, "high": 4},
        "rank": [8, 16],
    }
    space = load_space(written, preset=TEXT, recipe=BERT, folder=Path(), free=True)
    assert space.parameters["beta"] == Int(low=0, high=4)
    assert space.parameters["rank"] == Categorical(choices=(8, 16))
    assert space.parameters.keys() == written.keys()
    (point, *_) = space.corners()
    assert point.to_dict() == {"learning_rate": 1e-5, "beta": 0, "rank": 8}
    assert (point.batch_size, point.others) == (8, {"beta": 0, "rank": 8})
    assert build_space(space.to_dict(), recipe=BERT, source="stored", free=True).fingerprint == space.fingerprint
    assert load_space({}, preset=TEXT, recipe=BERT, folder=Path(), free=True).parameters.keys() >= {*SEVEN}


@pytest.mark.parametrize(
    ("name", "said"), [("seed", "seed is never searched"), ("my beta", "'my beta' is no name; give letters")]
)
def test_a_name_of_ones_own_is_one_that_a_variable_may_have(name: str, said: str) -> None:
    with pytest.raises(InvalidSpace, match=said):
        load_space({name: 1}, preset=TEXT, recipe=BERT, folder=Path(), free=True)
    with pytest.raises(InvalidSpace, match=r"is no hyperparameter|seed is never"):
        load_space({"beta" if name != "seed" else name: 1}, preset=TEXT, recipe=BERT, folder=Path())


def test_names_of_adapters_mean_to_ones_own_training_what_it_makes_of_them() -> None:
    space = load_space({"lora_rank": [8, 16], "lora_alpha": 32}, preset=TEXT, recipe=BERT, folder=Path(), free=True)
    assert [point.to_dict() for point in space.corners()] == [
        {"lora_rank": 8, "lora_alpha": 32},
        {"lora_rank": 16, "lora_alpha": 32},
    ]


def test_a_name_of_ones_own_may_depend_on_another() -> None:
    written = {"method": ["dpo", "sft"], "beta": {"low": 0.1, "high": 0.5, "when": {"method": ["dpo"]}}}
    space = load_space(written, preset=TEXT, recipe=BERT, folder=Path(), free=True)
    drawn = [point.to_dict() for point in space.corners()]
    assert {"method": "sft"} in drawn
    assert {"method": "dpo", "beta": 0.1} in drawn


# ---- adapters ----


def test_what_describes_adapters_is_drawn_for_trials_with_adapters_alone() -> None:
    space = loaded({"adapter": ["none", "lora"], "lora_rank": [4, 16]})
    assert {space.conditions[name]["adapter"] for name in ("lora_rank", "lora_dropout")} == {("lora",)}
    assert space.clip({"adapter": "none", "lora_rank": 4}).get("lora_rank") is None
    assert {point.adapter: point.lora_rank for point in space.corners()}.keys() == {"none", "lora"}


def test_adapters_have_the_published_rank_and_dropout_unless_the_space_says_otherwise() -> None:
    space = loaded({"adapter": "lora", "lora_dropout": 0.1})
    assert space.parameters["lora_rank"] == Categorical(choices=(8,))
    assert space.parameters["lora_dropout"] == Categorical(choices=(0.1,))
    assert "lora_rank" not in loaded({}).parameters


def test_a_study_file_fixes_the_adapter_once() -> None:
    def fixed(written: Any) -> SearchSpace:
        return load_space(written, preset=TEXT, recipe=BERT, folder=Path(), fixed={"adapter": "lora"})

    assert fixed({}).parameters["adapter"] == fixed(TEXT).parameters["adapter"] == Categorical(choices=("lora",))
    with pytest.raises(InvalidSpace, match="adapter: stands in the study file too; give one of the two"):
        fixed({"adapter": ["none", "lora"]})


@pytest.mark.parametrize("entry", [{}, {"adapter": "none"}])
def test_adapters_that_no_trial_has_are_not_described(entry: Any) -> None:
    with pytest.raises(InvalidSpace, match="lora_rank: describes adapters, and no trial has any; add `adapter: lora`"):
        loaded({**entry, "lora_rank": 4})

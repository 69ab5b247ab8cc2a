from __future__ import annotations

from typing import Any

import pytest

from search_spaces import InvalidSpace, build_space, edit_space, recipe_for

RECIPE = recipe_for("bert", "", None)
SPACE = build_space(
    {
        "learning_rate": {"low": 1e-5, "high": 1e-4, "log": True},
        "batch_size": [8, 16],
        "num_train_epochs": {"low": 1, "high": 3},
        "dropout": 0.1,
        "weight_decay": {"low": 0.0, "high": 0.1},
        "lr_scheduler_type": ["linear", "constant"],
        "frozen_layers": [0.0, 0.5, 1.0],
        "warmup_ratio": {"low": 0.0, "high": 0.2, "when": {"lr_scheduler_type": ["linear"]}},
        "head_learning_rate_factor": {"low": 1, "high": 50, "when": {"frozen_layers": [0.5, 1.0]}},
    },
    recipe=RECIPE,
    source="s.yaml",
)


@pytest.mark.parametrize(
    ("entries", "written"),
    [
        ({"learning_rate": {"low": 1e-6}}, {"type": "float", "low": 1e-6, "high": 1e-4, "log": True}),
        ({"learning_rate": {"log": False}}, {"type": "float", "low": 1e-5, "high": 1e-4}),
        ({"learning_rate": [1e-5, 2e-5]}, {"type": "categorical", "choices": [1e-5, 2e-5]}),
        ({"learning_rate": 2e-5}, {"type": "categorical", "choices": [2e-5]}),
        ({"learning_rate": "recipe"}, {"type": "float", "low": 3.75e-6, "high": 2.4e-4, "log": True}),
        ({"batch_size": [8, 16, 32]}, {"type": "categorical", "choices": [8, 16, 32]}),
        ({"batch_size": {"low": 8, "high": 16}}, {"type": "int", "low": 8, "high": 16}),
        ({"num_train_epochs": {"high": 5}}, {"type": "int", "low": 1, "high": 5}),
        (
            {"warmup_ratio": {"high": 0.1}},
            {"type": "float", "low": 0.0, "high": 0.1, "when": {"lr_scheduler_type": ["linear"]}},
        ),
        (
            {"warmup_ratio": [0.0, 0.1]},
            {"type": "categorical", "choices": [0.0, 0.1], "when": {"lr_scheduler_type": ["linear"]}},
        ),
        ({"layerwise_lr_decay": 0.9}, {"type": "categorical", "choices": [0.9]}),
        ({"warmup_ratio": {"high": 0.1, "low": 0.05, "when": None}}, {"type": "float", "low": 0.05, "high": 0.1}),
    ],
)
def test_an_entry_replaces_what_it_names_and_leaves_the_rest(entries: dict[str, Any], written: dict[str, Any]) -> None:
    edited = edit_space(SPACE, entries, recipe=RECIPE, source="an edit").space.to_dict()
    (name,) = entries
    assert edited.pop(name) == written
    others = SPACE.to_dict()
    others.pop(name, None)
    assert edited == others


@pytest.mark.parametrize("word", [None, "none"])
def test_a_parameter_that_is_none_of_the_seven_may_leave(word: str | None) -> None:
    edited = edit_space(SPACE, {"warmup_ratio": word}, recipe=RECIPE, source="an edit")
    assert SPACE.parameters.keys() - edited.space.parameters.keys() == {"warmup_ratio"}


def test_a_parameter_leaves_where_its_condition_can_no_longer_be_met() -> None:
    edited = edit_space(SPACE, {"lr_scheduler_type": "constant", "frozen_layers": 0}, recipe=RECIPE, source="an edit")
    assert edited.unmet == ("warmup_ratio", "head_learning_rate_factor")
    assert not edited.space.conditions


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"learning_rat": 1}, "an edit: learning_rat: is no hyperparameter; did you mean 'learning_rate'?"),
        ({"dropout": None}, "an edit: dropout: is searched in every space; fix it to a value instead"),
        ({"layerwise_lr_decay": "none"}, "an edit: layerwise_lr_decay: is not searched, so that it cannot be removed"),
        ({"dropout": {"low": 0.1}}, "an edit: dropout: high is missing"),
        ({"learning_rate": {"lo": 1}}, "an edit: learning_rate: 'lo' is no key"),
        (
            {"lr_scheduler_type": "constant", "warmup_ratio": 0.1},
            "an edit: warmup_ratio.when.lr_scheduler_type: none of",
        ),
    ],
)
def test_an_edit_that_cannot_be_says_why(entries: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSpace) as refused:
        edit_space(SPACE, entries, recipe=RECIPE, source="an edit")
    assert str(refused.value).startswith(said)


def test_a_parameter_of_a_studys_own_training_is_edited_as_any_other() -> None:
    space = build_space({"beta": [1, 2], "rank": {"low": 4, "high": 8}}, recipe=RECIPE, source="a space", free=True)
    edited = edit_space(space, {"rank": {"high": 16}, "decay": 0.5}, recipe=RECIPE, source="an edit", free=True).space
    assert edited.to_dict()["rank"] == {"type": "int", "low": 4, "high": 16}
    assert edited.parameters.keys() == {"beta", "rank", "decay"}

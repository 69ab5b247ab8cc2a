from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_spaces import Hyperparameters
from tuner.errors import ConfigError, StudyChanged
from tuner.processes.trainers import PRELOAD_OWN, ForkServer
from tuner.study.config import StudyConfig
from tuner.study.data_report import DataReport, RowCounts
from tuner.study.local import LocalStudy
from tuner.study.locations import checkpoint_store, trunk_limit
from tuner.study.prepared import Prepared
from tuner.study.setup import resolve, set_up
from tuner.study.study_file import parse_config
from tuner.trial.anatomy import Anatomy, Freezable, TrunkFacts
from tuner.trial.looks import LOOKS


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "hidden_size": 768}))
    (folder / "model.safetensors").write_bytes(b"")
    (tmp_path / "data.csv").write_text("text,label\n")
    return folder


def test_the_first_point_is_the_published_recipe_of_the_models_family(model: Path) -> None:
    document = {"name": "s", "model": str(model), "data": {"source": "data.csv"}}
    _, recipe, searched = resolve(parse_config(document, source="s.yaml", folder=model.parent), source="s.yaml")
    assert (recipe.family, recipe.defaults["learning_rate"]) == ("bert", 3e-5)
    assert searched.clip(recipe.defaults).items() <= recipe.defaults.items()


def space(model: Path, written: dict[str, Any], **more: Any) -> Any:
    document = {"name": "s", "model": str(model), "data": {"source": "data.csv"}, "search_space": written, **more}
    config = parse_config(document, source="s.yaml", folder=model.parent)
    return resolve(config, source="s.yaml")[2]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (
            {"lr_scheduler_type": ["linear", "constant"], "warmup_ratio": {"low": 0.0, "high": 0.2}},
            "search_space.warmup_ratio: changes nothing where lr_scheduler_type is 'constant'",
        ),
        (
            {"layerwise_lr_decay": {"low": 0.7, "high": 1.0}},
            "search_space.layerwise_lr_decay: changes nothing where frozen_layers is 1.0",
        ),
    ],
)
def test_what_would_be_drawn_without_effect_is_refused(model: Path, written: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        space(model, written)
    assert str(caught.value).startswith(f"s.yaml: {reason}")


@pytest.mark.parametrize(
    "written",
    [
        {"lr_scheduler_type": ["linear", "constant"]},
        {"lr_scheduler_type": "constant"},
        {"layerwise_lr_decay": {"low": 0.7, "high": 1.0, "when": {"frozen_layers": [0, 0.5]}}},
        {"layerwise_lr_decay": {"low": 0.7, "high": 1.0}, "frozen_layers": [0, 0.5]},
        {"layerwise_lr_decay": 0.9},
    ],
)
def test_what_is_drawn_only_where_it_has_an_effect_is_taken(model: Path, written: dict[str, Any]) -> None:
    assert set(written) <= set(space(model, written).parameters)


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"polynomial": {"powr": 2}}, "'polynomial' takes no 'powr'; did you mean 'power'?; it takes lr_end, power"),
        ({"linear": {"power": 2}}, "'linear' takes no 'power'; it takes none"),
    ],
)
def test_an_argument_that_a_schedule_does_not_take_is_refused(
    model: Path, kwargs: dict[str, dict[str, float]], reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        space(model, {"lr_scheduler_type": ["linear", "polynomial"]}, lr_scheduler_kwargs=kwargs)
    assert caught.value.reason == reason


# ---- the space and the model


class Preparing:
    """Stands in the place of the fork server: its preparation of data and model has found a model's anatomy."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy

    def call(self, function: str, arguments: dict[str, Any], *_: Any, **__: Any) -> Prepared:
        assert function == "tuner.training.calls:prepare_data"
        assert set(arguments) == {"request"}
        rows = RowCounts(read=2, left_out=(), splits={"train": 1, "validation": 1}, classes={})
        return Prepared(
            folder=Path("encoded"),
            fingerprint="f",
            tokenizer="t",
            weights="w",
            versions={},
            sizes={"train": 1, "validation": 1},
            tokens={"train": 9, "validation": 9},
            labels=("a", "b"),
            anatomy=self.anatomy,
            report=DataReport(reading=(), rows=rows, guess=0.5, lengths=None, warnings=("few rows",)),
        )


LAYERS = (("layer.0",), ("layer.1",))
LAYERED = Anatomy(layers=LAYERS, freezable=Freezable.LAYERS, dropouts=("dropout",))
WHOLE = Anatomy(layers=LAYERS, freezable=Freezable.WHOLE, reason="its layers share their weights")


def set_up_model(
    model: Path,
    anatomy: Anatomy,
    search_space: Any = None,
    *,
    stored: dict[str, Any] | None = None,
    **more: Any,
) -> LocalStudy:
    document = {
        "name": "s",
        "model": str(model),
        "data": {"source": "data.csv"},
        "search": "plain",
        "search_space": search_space,
        **more,
    }
    config = parse_config(document, source="s.yaml", folder=model.parent)
    return set_up(config, Preparing(anatomy), source="s.yaml", stored=stored)  # type: ignore[arg-type]


@pytest.mark.parametrize("written", [None, {}, {"num_train_epochs": 2}, "text-classification"])
def test_a_preset_is_fitted_to_the_model_of_a_new_study_and_so_is_trial_0(model: Path, written: Any) -> None:
    local = set_up_model(model, WHOLE, written)
    assert local.space.parameters["frozen_layers"].extremes() == (0.0, 1.0)
    assert local.first_point()["dropout"] == 0.0 != local.recipe.defaults["dropout"]
    assert local.warnings == ("few rows", *local.remarks)
    assert [remark.split()[0] for remark in local.remarks] == ["dropout", "frozen_layers"]
    assert "bert has no dropout" in local.remarks[0]
    assert local.facts()["space"] == local.space.to_dict()


def test_a_search_over_depths_has_an_arm_for_each_depth_and_head_the_cheapest_first(model: Path) -> None:
    whole = replace(LAYERED, trunk=TrunkFacts(complaint=None))
    local = set_up_model(model, whole, {"frozen_layers": [0, 0.5, 1]}, search="auto")
    names = ["1/random", "0.5/fitted", "0.5/random", "0/fitted", "0/random"]
    assert [arm.name for arm in local.arms] == names
    assert local.has_fitted_heads
    assert local.first_point()["head_init"] == "random"
    again = set_up_model(model, whole, search="auto", stored=local.facts())
    assert (again.arms, again.space.to_dict()) == (local.arms, local.space.to_dict())


@pytest.mark.parametrize(
    ("space", "names"),
    [
        ({"frozen_layers": [0, 1], "head_init": "random"}, ["1/random", "0/random"]),
        ({"frozen_layers": [0, 1], "head_init": "fitted"}, ["1/fitted", "0/fitted"]),
        (
            {"frozen_layers": [0, "gradual", 1]},
            ["1/random", "gradual/fitted", "0/fitted", "0/random"],
        ),
        (
            {"frozen_layers": [0, 0.25, 0.5, 0.75, 1]},
            ["1/random", "0.75/fitted", "0.5/fitted", "0.5/random", "0.25/fitted", "0/fitted", "0/random"],
        ),
        ({"frozen_layers": [0.25, 1], "head_init": "random"}, ["1/random", "0.25/random"]),
        ({"frozen_layers": 0.5}, []),
        ({"frozen_layers": {"low": 0.0, "high": 1.0}}, []),
    ],
)
def test_the_arms_are_what_the_space_says(model: Path, space: dict[str, Any], names: list[str]) -> None:
    whole = replace(LAYERED, trunk=TrunkFacts(complaint=None))
    assert [arm.name for arm in set_up_model(model, whole, space, search="auto").arms] == names


def test_a_model_without_hidden_states_has_fitted_heads_where_its_classifier_can_be_fitted(model: Path) -> None:
    anatomy = replace(LAYERED, classifier="classifier")
    local = set_up_model(model, anatomy, {"frozen_layers": [0, 1]}, search="auto")
    assert [arm.name for arm in local.arms] == ["1/random", "0/fitted", "0/random"]


def test_a_model_without_hidden_states_has_arms_with_random_heads_alone(model: Path) -> None:
    local = set_up_model(model, LAYERED, {"frozen_layers": [0, 1]}, search="auto")
    assert [arm.name for arm in local.arms] == ["1/random", "0/random"]
    assert not local.has_fitted_heads


@pytest.mark.parametrize("more", [{"search": "plain"}, {"search": {"promotion": "halving"}}, {"search_space": None}])
def test_a_budget_in_full_runs_is_for_a_search_over_depths(model: Path, more: dict[str, Any]) -> None:
    anatomy = WHOLE if more.get("search_space", 1) else replace(WHOLE, freezable=Freezable.NOTHING)
    settings = {"search": "auto", **{key: value for key, value in more.items() if key != "search_space"}}
    for given, key in (({"budget": {"runs": 4}}, "budget.runs"), ({"stop": "auto"}, "stop")):
        with pytest.raises(ConfigError) as caught:
            set_up_model(model, anatomy, **settings, **given)
        assert caught.value.key == key
        assert "is for a search over depths" in caught.value.reason


def test_fitted_and_random_heads_are_never_ranked_together_at_rungs(model: Path) -> None:
    whole = replace(LAYERED, trunk=TrunkFacts(complaint=None))
    both = {"head_init": ["random", "fitted"]}
    assert set_up_model(model, whole, both, pruner="none").has_fitted_heads
    assert set_up_model(model, whole, {"head_init": "fitted"}, search="auto").has_fitted_heads
    assert not set_up_model(model, whole, {"head_init": "random"}, search="auto").has_fitted_heads
    assert not set_up_model(model, whole, search="plain").has_fitted_heads
    one_depth = {**both, "frozen_layers": 0.5}
    for space, judging in ((one_depth, {"search": "auto"}), (both, {"pruner": "median"}), (both, {})):
        with pytest.raises(ConfigError) as caught:
            set_up_model(model, whole, space, **judging)
    assert caught.value.key == "search_space.head_init"
    assert "give one of the two, or write `search: plain` and `pruner: none`" in caught.value.reason


def test_trial_0_alone_is_never_stopped_early(model: Path) -> None:
    """It is the full run in whose device time all others are counted."""
    local = set_up_model(model, WHOLE)
    assert local.config.early_stopping is not None
    point = Hyperparameters.from_values(local.first_point())
    assert local.run(0, point).patience is None
    assert local.run(1, point).patience == local.config.early_stopping.patience == 3
    assert local.run(0, point, max_steps=2, max_rows=16).patience == 3, "a smoke run is no trial"


def test_trial_0_does_without_rates_that_fall_by_layer_as_no_recipe_has_them(model: Path) -> None:
    deep = replace(WHOLE, freezable=Freezable.LAYERS, dropouts=("dropout",))
    written = {"layerwise_lr_decay": {"low": 0.5, "high": 1.0}, "frozen_layers": 0}
    local = set_up_model(model, deep, written)
    assert local.first_point()["layerwise_lr_decay"] == 1.0
    assert local.recipe_changes() == ()


def test_values_that_the_model_cannot_apply_are_refused_where_the_study_file_or_a_file_of_its_own_has_them(
    model: Path,
) -> None:
    (model.parent / "space.yaml").write_text("dropout: 0.1\nfrozen_layers: 0\n", encoding="utf-8")
    for written in ({"dropout": 0.1}, "space.yaml"):
        with pytest.raises(ConfigError, match=r"^s\.yaml: search_space\.dropout: bert has no dropout; write"):
            set_up_model(model, WHOLE, written)


def test_a_study_that_exists_keeps_its_space_and_trains_with_its_own_anatomy(model: Path) -> None:
    whole = replace(WHOLE, freezable=Freezable.LAYERS, dropouts=("dropout",))
    facts = set_up_model(model, whole).facts()
    assert facts["anatomy"] == whole.to_dict()
    rounded = replace(whole, padding_difference=1e-8, trunk=TrunkFacts(complaint="rounded otherwise here"))
    again = set_up_model(model, rounded, stored=facts)
    assert again.space.to_dict() == facts["space"]
    assert again.run(0, Hyperparameters.from_values(again.first_point())).anatomy == whole
    with pytest.raises(StudyChanged, match=r"^s\.yaml: model: .*layer\.0\.norm no longer draws dropout"):
        set_up_model(
            model, whole, stored={**facts, "anatomy": replace(whole, dropouts=("dropout", "layer.0.norm")).to_dict()}
        )


def test_a_study_of_version_0_1_keeps_its_space_and_trains_with_the_anatomy_of_its_model_here(model: Path) -> None:
    earlier = {key: value for key, value in set_up_model(model, WHOLE).facts().items() if key != "anatomy"}
    earlier["space"] = space(model, {"dropout": 0.1}).to_dict()
    local = set_up_model(model, WHOLE, stored=earlier)
    assert local.space.to_dict() == earlier["space"]
    assert local.run(0, Hyperparameters.from_values(local.first_point())).anatomy == WHOLE
    assert local.remarks == ()


def test_all_trials_of_a_study_have_the_looks_that_were_chosen_when_it_was_created(model: Path) -> None:
    local = set_up_model(model, LAYERED)
    point = local.first_point()
    # Trial 0 trains as many tokens an epoch as there are to validate on, three times, and trains every layer.
    assert point["num_train_epochs"] == 3
    assert local.looks == LOOKS[2]
    cheap, costly = {"num_train_epochs": 1, "frozen_layers": 1.0}, {"num_train_epochs": 6, "frozen_layers": 0.0}
    for more in (cheap, costly):
        assert local.run(1, Hyperparameters.from_values({**point, **more})).looks == LOOKS[2]
    facts = local.facts()
    assert facts["looks"] == list(LOOKS[2])
    # Another machine, or another version of tuner, could choose otherwise.
    assert set_up_model(model, LAYERED, stored={**facts, "looks": [40, 80, 100]}).looks == (40, 80, 100)
    earlier = {key: value for key, value in facts.items() if key != "looks"}
    assert set_up_model(model, LAYERED, stored=earlier).looks == LOOKS[2], "a study of version 0.1 has stored none"


def test_logits_that_change_with_padding_are_a_warning_where_rounding_does_not_explain_it(model: Path) -> None:
    assert set_up_model(
        model, replace(WHOLE, padding_difference=1e-3), {"dropout": 0, "frozen_layers": 0}
    ).warnings == ("few rows",)
    mixed = set_up_model(model, replace(WHOLE, padding_difference=0.0123), {"dropout": 0, "frozen_layers": 0})
    assert mixed.warnings[1].startswith("the logits of a text change by up to 1.2 % with the padding of its batch: ")


# ---- training of the user's own


def own(folder: Path, **changes: Any) -> StudyConfig:
    document = {"name": "s", "train": "own:train", "metric": "score", **changes}
    return parse_config(document, source="s.yaml", folder=folder)


def test_training_of_ones_own_needs_no_model_and_searches_the_preset(tmp_path: Path) -> None:
    model, recipe, space = resolve(own(tmp_path), source="s.yaml")
    assert model is None
    assert set(space.clip(recipe.defaults)) >= {"learning_rate", "batch_size", "frozen_layers"}


@pytest.fixture
def fork_server(tmp_path: Path) -> Iterator[ForkServer]:
    with ForkServer(tmp_path / "log", preload=PRELOAD_OWN) as parent:
        yield parent


def test_training_of_ones_own_is_given_its_data_where_they_are_here(tmp_path: Path, fork_server: ForkServer) -> None:
    (tmp_path / "own.py").write_text("def train(run): pass\n", encoding="utf-8")
    (tmp_path / "rows.csv").write_text("text,label\n", encoding="utf-8")
    setup = set_up(own(tmp_path, data={"source": "rows.csv"}), fork_server, source="s.yaml", folders=(str(tmp_path),))
    assert setup.run(3, Hyperparameters.from_values(setup.first_point())).data == tmp_path / "rows.csv"
    facts = setup.facts()
    assert set(facts) == {"family", "recipe", "space", "looks", "data"}
    (tmp_path / "rows.csv").write_text("text,label\nmore,1\n", encoding="utf-8")
    with pytest.raises(StudyChanged, match=r"^study: data: these are not the rows"):
        set_up(setup.config, fork_server, source="study", stored=facts, folders=(str(tmp_path),))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no module 'own' in "),
        ("import nowhere_to_be_found", "own cannot be imported: ModuleNotFoundError: No module named 'nowhere_to_be"),
        ("def trian(run): pass", "own has no function 'train'; did you mean 'trian'?"),
        ("train = 3", "own has no function 'train'"),
        ("def train(:", "own cannot be imported: SyntaxError: "),
        ("raise ValueError('first\\nsecond')", "own cannot be imported: ValueError: first"),
    ],
)
def test_training_that_cannot_be_found_is_told(
    tmp_path: Path, fork_server: ForkServer, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "own.py").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        set_up(own(tmp_path), fork_server, source="s.yaml", folders=(str(tmp_path),))
    assert str(caught.value).startswith(f"s.yaml: train: {reason}")
    assert "\n" not in str(caught.value)


def test_checkpoints_lie_beside_a_database_of_this_machine_and_need_a_place_for_one_on_a_server(
    tmp_path: Path,
) -> None:
    config = own(tmp_path)
    assert checkpoint_store(config, tmp_path / "studies.db").url == str(tmp_path / "studies-checkpoints" / "s")
    with pytest.raises(ConfigError) as caught:
        checkpoint_store(config, None)
    assert caught.value.key == "checkpoints"
    assert "give --checkpoints URL" in caught.value.reason
    named = own(tmp_path, checkpoints="shared")
    for database in (None, tmp_path / "studies.db"):
        assert checkpoint_store(named, database).url == str(tmp_path / "shared" / "s")
    assert checkpoint_store(own(tmp_path, checkpoints="s3://bucket/all"), None).url == "s3://bucket/all/s"


@pytest.mark.parametrize(
    ("written", "size"),
    [("0", 0), ("1000", 1000), ("2KB", 2048), ("1.5 GiB", 3 << 29), ("3m", 3 << 20), ("1TB", 1 << 40), ("", None)],
)
def test_the_trunk_cache_is_given_a_size(written: str, size: int | None) -> None:
    assert trunk_limit({"TUNER_TRUNK_LIMIT": written}) == size


@pytest.mark.parametrize("written", ["much", "-1", "5 GB or so", "1e9"])
def test_what_is_no_size_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="is no size; write 500MB"):
        trunk_limit({"TUNER_TRUNK_LIMIT": written})

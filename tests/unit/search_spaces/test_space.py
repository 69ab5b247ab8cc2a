from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_spaces import (
    NAMES,
    SEVEN,
    Categorical,
    Float,
    Hyperparameters,
    Int,
    InvalidSpace,
    Parameter,
    SearchSpace,
    Value,
    build_space,
    recipe_for,
)

if TYPE_CHECKING:
    from search_spaces.space import Condition

RECIPE = recipe_for("bert", "bert-base-uncased", 768)

SEVEN_PARAMETERS: dict[str, Parameter] = {
    "learning_rate": Float(low=1e-5, high=1e-3, log=True),
    "batch_size": Categorical(choices=(8, 16, 32)),
    "num_train_epochs": Int(low=1, high=6),
    "dropout": Float(low=0, high=0.3),
    "weight_decay": Categorical(choices=(0.0, 0.01)),
    "lr_scheduler_type": Categorical(choices=("constant", "linear", "cosine")),
    "frozen_layers": Categorical(choices=(0.0, 0.5, "gradual")),
}
WARMUP = Float(low=0, high=0.2)
FACTOR = Categorical(choices=(1.0, 10.0))
DECAY = Float(low=0.8, high=1)


def space_of(
    more: dict[str, Parameter] | None = None, conditions: dict[str, Condition] | None = None, **changed: Parameter
) -> SearchSpace:
    return SearchSpace(parameters={**SEVEN_PARAMETERS, **(more or {}), **changed}, conditions=conditions or {})


def conditional_space() -> SearchSpace:
    """A chain: the decay waits for the factor, the factor for the schedule and the freezing."""
    return space_of(
        {"layerwise_lr_decay": DECAY, "warmup_ratio": WARMUP, "head_learning_rate_factor": FACTOR},
        {
            "layerwise_lr_decay": {"head_learning_rate_factor": (10.0,)},
            "head_learning_rate_factor": {"lr_scheduler_type": ("cosine",), "frozen_layers": (0.5, 0.0)},
            "warmup_ratio": {"lr_scheduler_type": ("linear", "cosine", "polynomial")},
        },
    )


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """Spaces with some of the optional names, some of them conditional, some parameters fixed."""
    parameters = dict(SEVEN_PARAMETERS)
    for name in draw(st.lists(st.sampled_from(SEVEN), unique=True)):
        parameters[name] = Categorical(choices=(parameters[name].extremes()[-1],))
    optional = {"head_learning_rate_factor": FACTOR, "warmup_ratio": WARMUP, "layerwise_lr_decay": DECAY}
    conditions: dict[str, Condition] = {}
    for name in draw(st.lists(st.sampled_from(sorted(optional)), unique=True)):
        choosers = sorted(key for key, value in parameters.items() if isinstance(value, Categorical))
        parents = draw(st.lists(st.sampled_from(choosers), unique=True, max_size=2)) if choosers else []
        for parent in parents:
            allowed = draw(st.sets(st.sampled_from(parameters[parent].extremes()), min_size=1))
            conditions[name] = {**conditions.get(name, {}), parent: tuple(allowed)}
        parameters[name] = optional[name]
    shuffled = draw(st.permutations(sorted(parameters)))
    try:
        return SearchSpace(parameters={name: parameters[name] for name in shuffled}, conditions=conditions)
    except InvalidSpace as error:  # the only fault that these can have
        assert "is never met" in error.reason  # noqa: PT017
        return space_of()


points = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(st.floats(-10, 100), st.integers(-10, 100), st.sampled_from(["linear", "cosine", "gradual", "x"])),
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)


def drawn(space: SearchSpace, study: optuna.Study) -> tuple[dict[str, Any], Hyperparameters]:
    trial = study.ask()
    point = space.suggest(trial)
    params = dict(trial.params)
    study.tell(trial, 0.5)
    return params, point


def random_study(seed: int = 0) -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))


# ---- drawing ----


def test_what_training_reads_is_what_optuna_recorded() -> None:
    space, study = conditional_space(), random_study()
    for _ in range(30):
        params, point = drawn(space, study)
        read = point.to_dict()
        assert {name: read[name] for name in params} == params
        defaults = Hyperparameters.from_values({name: params[name] for name in SEVEN}).to_dict()
        assert {name: read[name] for name in read if name not in params} == {
            name: defaults[name] for name in read if name not in params
        }


def test_names_that_no_condition_reaches_are_left_out_of_the_trial() -> None:
    space, study = conditional_space(), random_study()
    seen = set()
    for _ in range(60):
        params, _ = drawn(space, study)
        fork_server = params["lr_scheduler_type"] != "constant"
        factor = params["lr_scheduler_type"] == "cosine" and params["frozen_layers"] in (0.0, 0.5)
        decay = factor and params["head_learning_rate_factor"] == 10.0
        expected = {"warmup_ratio": fork_server, "head_learning_rate_factor": factor, "layerwise_lr_decay": decay}
        assert {name: name in params for name in expected} == expected
        assert set(SEVEN) <= set(params)
        seen.add((fork_server, factor, decay))
    assert seen == {(False, False, False), (True, False, False), (True, True, False), (True, True, True)}


@unhurried
@given(spaces(), st.integers(0, 2**31))
def test_every_draw_is_a_point_that_the_space_leaves_as_it_is(space: SearchSpace, seed: int) -> None:
    params, _ = drawn(space, random_study(seed))
    assert space.clip(params) == params


# ---- clipping ----


@unhurried
@given(spaces(), points)
def test_a_clipped_point_can_be_drawn(space: SearchSpace, point: dict[str, Value]) -> None:
    study = random_study()
    clipped = space.clip(point)
    study.enqueue_trial(clipped)
    params, _ = drawn(space, study)  # a value outside of its range would be a warning, and so an error
    assert {name: params[name] for name in clipped} == clipped


@unhurried
@given(spaces(), points)
def test_a_clipped_point_is_left_as_it_is_and_holds_only_what_was_given(
    space: SearchSpace, point: dict[str, Value]
) -> None:
    clipped = space.clip(point)
    assert space.clip(clipped) == clipped
    assert set(clipped) <= set(point) & set(space.parameters)
    assert all(name in clipped for name in space.parameters if name in point and name not in space.conditions)


def test_the_published_recipe_clips_to_a_whole_point() -> None:
    space = conditional_space()
    clipped = space.clip(RECIPE.defaults)
    assert set(SEVEN) <= set(clipped)
    assert clipped["learning_rate"] == RECIPE.defaults["learning_rate"]
    assert "warmup_ratio" in clipped
    assert space.clip(RECIPE.defaults | {"learning_rate": 1.0})["learning_rate"] == 1e-3


def test_a_name_that_the_clipped_parents_rule_out_is_not_in_the_clipped_point() -> None:
    clipped = conditional_space().clip({"lr_scheduler_type": "constant", "warmup_ratio": 0.1})
    assert clipped == {"lr_scheduler_type": "constant"}


# ---- corners ----


def shown(space: SearchSpace) -> set[tuple[str, Value | None]]:
    """What the corners show of each parameter, where it is drawn at all."""
    met = set()
    for corner in space.corners():
        values = corner.to_dict()
        applied: dict[str, Any] = {}
        for name in space.parameters:
            if space.applies(name, applied):
                applied[name] = values[name]
        met |= set(applied.items())
    return met


def extremes(space: SearchSpace) -> set[tuple[str, Value | None]]:
    return {(name, value) for name, parameter in space.parameters.items() for value in parameter.extremes()}


@unhurried
@given(spaces())
def test_the_corners_show_every_choice_and_both_ends(space: SearchSpace) -> None:
    assert shown(space) == extremes(space)


def test_an_end_is_shown_although_its_schedule_comes_only_every_second_time() -> None:
    space = space_of(
        {"warmup_ratio": WARMUP},
        {"warmup_ratio": {"lr_scheduler_type": ("linear",)}},
        lr_scheduler_type=Categorical(choices=("linear", "constant")),
        batch_size=Categorical(choices=(8, 16, 32, 64)),
    )
    assert {("warmup_ratio", 0.0), ("warmup_ratio", 0.2)} <= shown(space)
    assert len(space.corners()) == 4


def test_choices_that_never_meet_by_taking_turns_are_brought_together() -> None:
    space = space_of(
        {"warmup_ratio": WARMUP},
        {"warmup_ratio": {"lr_scheduler_type": ("linear",), "weight_decay": (0.01,)}},
        lr_scheduler_type=Categorical(choices=("linear", "constant")),
    )
    assert shown(space) == extremes(space)


def test_a_space_without_conditions_needs_no_more_corners_than_its_longest_choice() -> None:
    assert len(space_of().corners()) == 3
    assert len(space_of(weight_decay=Categorical(choices=(0.0, 0.1, 0.2, 0.3, 0.4))).corners()) == 5


def test_a_space_that_fixes_everything_has_one_corner() -> None:
    fixed = {name: Categorical(choices=(value.extremes()[0],)) for name, value in SEVEN_PARAMETERS.items()}
    (corner,) = space_of(**fixed).corners()
    assert corner.to_dict().items() >= {name: value.choices[0] for name, value in fixed.items()}.items()


# ---- identity ----


@unhurried
@given(spaces())
def test_a_space_that_was_written_out_is_the_same_when_it_is_read(space: SearchSpace) -> None:
    read = build_space(space.to_dict(), recipe=RECIPE, source="here")
    assert read.fingerprint == space.fingerprint
    assert dict(read.parameters) == dict(space.parameters)
    assert dict(read.conditions) == dict(space.conditions)


def test_the_fingerprint_does_not_depend_on_the_order_of_writing() -> None:
    written = conditional_space().to_dict()
    prints = set()
    for order in itertools.islice(itertools.permutations(written), 0, None, 200_003):
        prints.add(build_space({name: written[name] for name in order}, recipe=RECIPE, source="").fingerprint)
    turned: dict[str, Any] = {}
    for name, entry in written.items():
        when = {parent: list(reversed(values)) for parent, values in reversed(entry.get("when", {}).items())}  # type: ignore[attr-defined]
        turned[name] = {key: entry[key] for key in reversed(entry)} | ({"when": when} if when else {})
    prints.add(build_space(turned, recipe=RECIPE, source="").fingerprint)
    assert prints == {conditional_space().fingerprint}


def test_the_fingerprint_does_not_depend_on_how_a_number_is_written_or_where() -> None:
    written = space_of().to_dict()
    short = written | {"dropout": {"low": 0, "high": 0.3}, "weight_decay": [0, 1e-2], "batch_size": [8.0, 16, 32]}
    assert build_space(short, recipe=RECIPE, source="elsewhere").fingerprint == space_of().fingerprint


def test_a_condition_on_values_that_the_parent_cannot_have_does_not_count() -> None:
    space = conditional_space()
    conditions = {**space.conditions, "warmup_ratio": {"lr_scheduler_type": ("cosine", "linear")}}
    assert replace(space, conditions=conditions).fingerprint == space.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        space_of(learning_rate=Float(low=1e-5, high=1e-3)),
        space_of(learning_rate=Float(low=1e-5, high=2e-3, log=True)),
        space_of(batch_size=Categorical(choices=(8, 16))),
        space_of(num_train_epochs=Float(low=1, high=6)),
        space_of(num_train_epochs=Int(low=1, high=6, step=5)),
        space_of({"warmup_ratio": WARMUP}),
        space_of({"warmup_ratio": WARMUP}, {"warmup_ratio": {"lr_scheduler_type": ("linear",)}}),
        space_of({"warmup_ratio": WARMUP}, {"warmup_ratio": {"lr_scheduler_type": ("cosine",)}}),
        # Optuna refuses choices in another order, so that they are another space.
        space_of(batch_size=Categorical(choices=(32, 16, 8))),
    ],
    ids=lambda space: space.fingerprint[:6],
)
def test_another_space_has_another_fingerprint(other: SearchSpace) -> None:
    assert other.fingerprint != space_of().fingerprint
    if "warmup_ratio" in other.conditions:
        assert other.fingerprint != space_of({"warmup_ratio": WARMUP}).fingerprint


def test_a_space_is_conditional_only_where_some_draw_leaves_a_parameter_out() -> None:
    assert conditional_space().is_conditional
    assert not space_of().is_conditional
    always: dict[str, Condition] = {"warmup_ratio": {"lr_scheduler_type": ("linear", "constant", "cosine", "other")}}
    assert not space_of({"warmup_ratio": WARMUP}, always).is_conditional
    sometimes: dict[str, Condition] = {"warmup_ratio": {"lr_scheduler_type": ("linear", "constant")}}
    assert space_of({"warmup_ratio": WARMUP}, sometimes).is_conditional


def test_a_space_cannot_be_changed_through_its_mappings() -> None:
    parameters = dict(SEVEN_PARAMETERS)
    space = SearchSpace(parameters=parameters)
    parameters["dropout"] = Float(low=0, high=0.9)
    assert space.parameters["dropout"] == SEVEN_PARAMETERS["dropout"]
    with pytest.raises(TypeError):
        space.parameters["dropout"] = WARMUP  # type: ignore[index]


# ---- refusals ----


@pytest.mark.parametrize(
    ("more", "conditions", "key", "reason"),
    [
        (
            {"warmup_ratio": WARMUP},
            {"warmup_ratio": {"lr_scheduler_type": ("polynomial",)}},
            "warmup_ratio.when.lr_scheduler_type",
            "none of ['polynomial'] is among the choices ['constant', 'linear', 'cosine']",
        ),
        (
            {"warmup_ratio": WARMUP},
            {"warmup_ratio": {"layerwise_lr_decay": (1.0,)}},
            "warmup_ratio.when.layerwise_lr_decay",
            "'layerwise_lr_decay' is no other parameter of this space",
        ),
        (
            {"warmup_ratio": WARMUP},
            {"warmup_ratio": {"lr_schedule_type": ("linear",)}},
            "warmup_ratio.when.lr_schedule_type",
            "did you mean 'lr_scheduler_type'?",
        ),
        (
            {"warmup_ratio": Categorical(choices=(0.0, 0.1))},
            {"warmup_ratio": {"warmup_ratio": (0.1,)}},
            "warmup_ratio.when.warmup_ratio",
            "'warmup_ratio' is no other parameter of this space",
        ),
        (
            {"warmup_ratio": WARMUP},
            {"warmup_ratio": {"num_train_epochs": (3,)}},
            "warmup_ratio.when.num_train_epochs",
            "a condition needs a parameter with choices",
        ),
        (
            {},
            {"dropout": {"lr_scheduler_type": ("linear",)}},
            "dropout.when",
            "the seven are always searched; drop the condition",
        ),
        (
            {},
            {"warmup_ratio": {"lr_scheduler_type": ("linear",)}},
            "warmup_ratio.when",
            "a condition of a parameter that the space does not have",
        ),
        (
            {"warmup_ratio": Categorical(choices=(0.0, 0.1)), "head_learning_rate_factor": FACTOR},
            {
                "warmup_ratio": {"head_learning_rate_factor": (10.0,)},
                "head_learning_rate_factor": {"warmup_ratio": (0.1,)},
            },
            "warmup_ratio, head_learning_rate_factor",
            "their conditions depend on each other; break the circle",
        ),
        (
            {"warmup_ratio": WARMUP, "head_learning_rate_factor": FACTOR},
            {
                "head_learning_rate_factor": {"lr_scheduler_type": ("linear",)},
                "warmup_ratio": {"head_learning_rate_factor": (10.0,), "lr_scheduler_type": ("cosine",)},
            },
            "warmup_ratio.when",
            "is never met: no lr_scheduler_type satisfies it and the conditions that it depends on",
        ),
    ],
)
def test_a_condition_that_cannot_be_met_is_refused(
    more: dict[str, Parameter], conditions: dict[str, Condition], key: str, reason: str
) -> None:
    with pytest.raises(InvalidSpace) as caught:
        space_of(more, conditions)
    assert caught.value.key == key
    assert reason in caught.value.reason
    assert str(caught.value) == f"search_space: {key}: {caught.value.reason}"


@pytest.mark.parametrize("name", SEVEN)
def test_a_space_without_one_of_the_seven_is_refused(name: str) -> None:
    parameters = {key: value for key, value in SEVEN_PARAMETERS.items() if key != name}
    with pytest.raises(InvalidSpace, match=f"mine.yaml: {name}: is missing"):
        SearchSpace(parameters=parameters, source="mine.yaml")


def test_a_parameter_without_meaning_is_refused_with_source_and_key() -> None:
    with pytest.raises(InvalidSpace, match=r"^search_space: dropout: 1\.5 must be a probability"):
        space_of(dropout=Float(low=0, high=1.5))
    with pytest.raises(InvalidSpace, match=r"^search_space: seed: seed is never searched"):
        space_of({"seed": Int(low=0, high=9)})

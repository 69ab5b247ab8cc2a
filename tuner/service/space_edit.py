"""Edits of a study's search space: the facts that change, and what that means for its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces import Categorical, Int, Parameter, Recipe, SearchSpace, edit_space
from search_spaces.recipes import Published
from storage import History, TrialState
from tuner.errors import ConfigError
from tuner.study.arms import arms_of
from tuner.study.fitted_space import fit_space
from tuner.study.parents import check_is_no_child
from tuner.study.space_checks import check_effects, check_four_bits, check_ranked_alike, check_schedules
from tuner.study.space_versions import EARLIER, SpaceVersions
from tuner.trial.anatomy import Anatomy

if TYPE_CHECKING:
    from storage import Database, StudyRecord
    from tuner.study.config import StudyConfig


#: Samplers that learn from the trials before an edit. CMA-ES keeps a state of its own, which is one of a single space.
_LEARNING = ("auto", "tpe", "gp")


@dataclass(frozen=True, kw_only=True)
class SpaceEdit:
    """A study's search space after an edit."""

    #: The facts of the study; they are as before where nothing differs.
    facts: Mapping[str, Any]
    #: A line on each parameter that differs.
    lines: tuple[str, ...] = ()


def edited_space(record: StudyRecord, config: StudyConfig, entries: Mapping[str, Any], *, source: str) -> SpaceEdit:
    """Return the facts of a study with another search space. The space before is kept, as trials belong to it.

    Args:
        record: The study.
        config: Its configuration.
        entries: By name of a parameter, what a space in YAML has; see `search_spaces.edit_space`.
        source: The study's name in errors.

    Raises:
        ConfigError: The study follows from another one, the model cannot apply a value, or the study cannot search it.
        InvalidSpace: The space cannot be used.
    """
    check_is_no_child(record.facts, source=source)
    versions = SpaceVersions.of_facts(record.facts)
    before, where = versions.current, f"{source}: search_space"
    is_own = config.train is not None
    edited = edit_space(before, entries, recipe=_recipe(record.facts), source=where, free=is_own)
    space = edited.space
    if "anatomy" in record.facts:
        anatomy = Anatomy.from_dict(record.facts["anatomy"])
        space = fit_space(space, anatomy, written=entries, model=str(config.model), source=source).space
    if space.fingerprint == before.fingerprint:
        return SpaceEdit(facts=record.facts)
    check_schedules(config, (*versions.spaces, space), source)
    check_effects(space, source)
    if config.load_in_4bit:
        check_four_bits(space, source)
    facts = {
        **record.facts,
        "space": space.to_dict(),
        EARLIER: [*record.facts.get(EARLIER, ()), record.facts["space"]],
    }
    if record.facts.get("arms"):
        facts["arms"] = [arm.to_list() for arm in _arms(space, source)]
    else:
        check_ranked_alike(config, space, source)
    lines = [
        f"search_space.{name}: {_words(before, name)} -> {_words(space, name)}"
        f"{', as its condition can no longer be met' if name in edited.unmet else ''}"
        for name in dict.fromkeys((*before.parameters, *space.parameters))
        if before.to_dict().get(name) != space.to_dict().get(name)
    ]
    return SpaceEdit(facts=facts, lines=tuple(lines))


def _recipe(facts: Mapping[str, Any]) -> Recipe:
    """Return the published values with which a study was created, for the word `recipe`."""
    recipe = facts.get("recipe", {})
    published = {name: Published(default=value, source="the study") for name, value in recipe.items()}
    return Recipe(family=str(facts.get("family", "")), parameters=published)


def _arms(space: SearchSpace, source: str) -> Any:
    arms = arms_of(space, least=1)
    if not arms:
        reason = "a search over depths tells them apart by their values, without conditions; give a list of values"
        raise ConfigError(source, "search_space.frozen_layers", reason)
    return arms


def trials_within_words(database: Database, record: StudyRecord) -> str | None:
    """Return how many trials of a study its current space has, in a sentence; None where there are no trials."""
    versions = SpaceVersions.of_facts(record.facts)
    trials = [each for each in History(database, record).trials() if each.state != TrialState.FAILED]
    points = [each.hyperparameters for each in trials if each.hyperparameters]
    inside = sum(versions.seen_now(point) is not None for point in points)
    if not points:
        return None
    if not inside:
        return "No trial so far lies in the new space; the sampler begins anew."
    lie, those = ("lies", "it") if inside == 1 else ("lie", "them")
    learns = f"; the sampler learns from {those}" if record.config["sampler"]["name"] in _LEARNING else ""
    told = "The one trial" if len(points) == 1 else f"{inside} of the {len(points)} trials"
    return f"{told} so far {lie} in the new space{learns}."


def _words(space: SearchSpace, name: str) -> str:
    """Return a parameter of a space as a person would write it."""
    parameter = space.parameters.get(name)
    if parameter is None:
        return "not searched"
    when = space.conditions.get(name)
    condition = (
        "" if when is None else " when " + " and ".join(f"{key} in {_list(values)}" for key, values in when.items())
    )
    return f"{_range(parameter)}{condition}"


def _range(parameter: Parameter) -> str:
    if isinstance(parameter, Categorical):
        return _list(parameter.choices) if len(parameter.choices) > 1 else _shown(parameter.choices[0])
    steps = f" in steps of {parameter.step}" if isinstance(parameter, Int) else ""
    return f"{_shown(parameter.low)} to {_shown(parameter.high)}{steps}{' on a log scale' if parameter.log else ''}"


def _list(values: Any) -> str:
    return f"[{', '.join(map(_shown, values))}]"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"

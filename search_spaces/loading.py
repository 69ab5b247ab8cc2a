"""Building a SearchSpace from YAML: presets, files, and mappings whose entries replace those of a preset."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from search_spaces.documents import parse_yaml, read_yaml
from search_spaces.errors import InvalidParameter, InvalidSpace, nearest, plain, suggestion
from search_spaces.hyperparameters import LORA, NAMES, NONE, OF_LORA, WHOLE, check_name, check_parameter
from search_spaces.parameters import Categorical, Float, Int, Parameter, Value, is_number
from search_spaces.recipes import Recipe, learning_rate_range
from search_spaces.space import Condition, SearchSpace
from search_spaces.synonyms import HYPERPARAMETERS, RANGE_KEYS, call_remedy

#: The entry of a preset that stands for the value of the architecture's published recipe.
RECIPE = "recipe"

#: Names for which a range with two whole bounds is a range of whole numbers. For other names, `low: 0` means 0.0.
_COUNTED = {"num_train_epochs", *WHOLE}
_RANGE_KEYS = {"type", "low", "high", "log", "step", "when"}
_CHOICE_KEYS = {"type", "choices", "when"}
#: What other tools call the choices.
_OF_CHOICES = {word for word, key in RANGE_KEYS.items() if key == "choices"}


def preset_names() -> list[str]:
    """Return the names of the presets."""
    folder = resources.files("search_spaces.presets")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_preset(name: str) -> dict[str, Any]:
    """Read a preset.

    Raises:
        InvalidSpace: There is no such preset.
    """
    if name not in preset_names():
        raise _no_preset(name, "search_space")
    text = resources.files("search_spaces.presets").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return parse_yaml(text, f"preset {name}")


def load_space(
    written: str | Mapping[str, Any],
    *,
    preset: str,
    recipe: Recipe,
    folder: Path,
    source: str = "search_space",
    fixed: Mapping[str, Value] | None = None,
    free: bool = False,
) -> SearchSpace:
    """Build the space that a study file asks for.

    Args:
        written: The name of a preset, the path of a YAML file, or a mapping.
        preset: The preset of the study's task. Entries of a file or a mapping replace its entries.
        recipe: Published defaults of the model's architecture family.
        folder: Folder that relative paths start from.
        source: The name of a mapping in errors.
        fixed: Values that the study file gives outside of the space.
        free: Whether names may be any, as those of a study's own training are. Such a file or mapping is the whole
            space: nothing of a preset is added.

    Returns:
        The space.

    Raises:
        InvalidSpace: Names the file, the key and the reason.
        UnreadableDocument: The file is missing or not YAML.
    """
    if isinstance(written, str):
        if not written.endswith((".yaml", ".yml")):
            document = _with_adapters({**load_preset(written), **(fixed or {})}, recipe)
            return build_space(document, recipe=recipe, source=f"preset {written}", free=free)
        source, written = str(folder / written), read_yaml(folder / written)
    for name in fixed or {}:
        if name in written:
            raise InvalidSpace(source, name, "stands in the study file too; give one of the two")
    if free and written:
        return build_space({**written, **(fixed or {})}, recipe=recipe, source=source, free=True)
    document = {**_merged(load_preset(preset), written, recipe), **(fixed or {})}
    return build_space(_with_adapters(document, recipe), recipe=recipe, source=source, free=free)


def space_mistakes(
    written: str | Mapping[str, Any],
    *,
    preset: str,
    recipe: Recipe,
    source: str = "search_space",
    fixed: Mapping[str, Value] | None = None,
    free: bool = False,
) -> list[InvalidSpace]:
    """Return the mistakes of a space that show before the model is known, all at once.

    Mistakes of single entries come first. What is wrong between entries, such as a condition that is never met, is
    found where all of them are sound, one mistake at a time.

    Args:
        written: The name of a preset, or a mapping.
        preset: As in `load_space`.
        recipe: Published defaults of any model: no mistake that only another recipe shows is among those returned.
        source: The name of the space in errors.
        fixed: As in `load_space`.
        free: As in `load_space`.
    """
    found: list[InvalidSpace] = []
    if isinstance(written, str):
        return [] if written in preset_names() else [_no_preset(written, source)]
    for name, entry in written.items():
        meant: str | None = name
        try:
            check_name(name, free=free)
        except InvalidParameter as error:
            found.append(InvalidSpace(source, str(name), str(error)))
            meant = HYPERPARAMETERS.get(plain(name)) or nearest(name, NAMES)
        if meant is None or entry == RECIPE:
            continue
        try:
            check_parameter(meant, _entry(meant, entry, recipe, free=free)[0], free=free)
        except InvalidParameter as error:
            found.append(InvalidSpace(source, str(name), str(error)))
    if not found and RECIPE not in written.values():
        try:
            load_space(written, preset=preset, recipe=recipe, folder=Path(), source=source, fixed=fixed, free=free)
        except InvalidSpace as error:
            found.append(error)
    return found


def _no_preset(name: str, source: str) -> InvalidSpace:
    known = preset_names()
    return InvalidSpace(source, "", f"no preset {name!r}{suggestion(name, known)}; there are {', '.join(known)}")


def adapters_alone(entry: Any) -> bool:
    """Return whether an entry of a space, as it is written, lets all trials have adapters."""
    if isinstance(entry, Mapping):
        entry = entry.get("choices")
    return entry in (LORA, [LORA])


def _with_adapters(document: Mapping[str, Any], recipe: Recipe) -> Mapping[str, Any]:
    """Return a document whose adapters, where trials may have any, are the published ones unless it says otherwise."""
    entry = document.get("adapter", NONE)
    choices = entry.get("choices") if isinstance(entry, Mapping) else entry
    if LORA not in (choices if isinstance(choices, list) else [choices]):
        return document
    published = {name: each.default for name, each in recipe.adapters.items() if name in OF_LORA}
    return {**published, **document}


def _merged(preset: Mapping[str, Any], written: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return the preset with its entries replaced by the written ones.

    A conditional entry of the preset is dropped where the written entries make its condition impossible. So a user who
    fixes a schedule without warm-up need not know that the preset searches warm-up for other schedules.
    """
    merged = {**preset, **written}
    for name, entry in preset.items():
        when = entry.get("when", {}) if isinstance(entry, Mapping) and name not in written else {}
        for parent, values in when.items():
            try:
                parameter = _parameter(parent, merged.get(parent), recipe)
            except InvalidParameter:
                continue  # the error is raised later, when the space is built
            if not any(parameter.contains(_value(parent, value)) for value in values):
                del merged[name]
                break
    return merged


def build_space(document: Mapping[str, Any], *, recipe: Recipe, source: str, free: bool = False) -> SearchSpace:
    """Build a space from one entry for each parameter: a mapping is a range, a list is choices, a value is fixed.

    Args:
        document: The entries, by name.
        recipe: Published defaults, for the word `recipe`.
        source: The name of the document in errors.
        free: Whether names may be any, as those of a study's own training are.

    Raises:
        InvalidSpace: Names the source, the key and the reason.
    """
    parameters: dict[str, Parameter] = {}
    conditions: dict[str, Condition] = {}
    for name, entry in document.items():
        try:
            check_name(name, free=free)
            parameters[name], condition = _entry(name, entry, recipe, free=free)
        except InvalidParameter as error:
            raise InvalidSpace(source, name, str(error)) from error
        if condition is not None:
            conditions[name] = condition
    if not free:  # a stored space spells these conditions out, and to a study's own training they may mean anything
        _limit_to_adapters(parameters, conditions, source)
    return SearchSpace(parameters=parameters, conditions=conditions, source=source, free=free)


def _limit_to_adapters(parameters: Mapping[str, Parameter], conditions: dict[str, Condition], source: str) -> None:
    """Add a condition that needs no words: what describes adapters is drawn where a trial has them.

    Raises:
        InvalidSpace: Adapters are described, and no trial has any.
    """
    adapter = parameters.get("adapter", Categorical(choices=(NONE,)))
    for name in (each for each in OF_LORA if each in parameters):
        if not adapter.contains(LORA):
            raise InvalidSpace(source, name, f"describes adapters, and no trial has any; add `adapter: {LORA}`")
        conditions[name] = {"adapter": (LORA,), **conditions.get(name, {})}


def _entry(name: str, entry: Any, recipe: Recipe, *, free: bool) -> tuple[Parameter, Condition | None]:
    parameter = _parameter(name, entry, recipe)
    has_condition = isinstance(entry, Mapping) and "when" in entry
    return parameter, _condition(entry["when"], free=free) if has_condition else None


def _parameter(name: str, entry: Any, recipe: Recipe) -> Parameter:
    if (remedy := call_remedy(entry)) is not None:
        raise InvalidParameter(f"{entry!r} is a call of Python; {remedy}")
    if entry == RECIPE:
        return _from_recipe(name, recipe)
    if isinstance(entry, Mapping):
        return _searched(name, dict(entry))
    if isinstance(entry, list):
        return Categorical(choices=tuple(_value(name, choice) for choice in entry))
    return Categorical(choices=(_value(name, entry),))


def _from_recipe(name: str, recipe: Recipe) -> Parameter:
    if name == "learning_rate":
        low, high = learning_rate_range(recipe)
        return Float(low=low, high=high, log=True)
    if name not in recipe.defaults:
        raise InvalidParameter(f"the recipe of {recipe.family} has no value for it; give one")
    return Categorical(choices=(_value(name, recipe.defaults[name]),))


def _searched(name: str, entry: dict[str, Any]) -> Parameter:
    kind = entry.get("type") or _guess(name, entry)
    known = {"float": _RANGE_KEYS - {"step"}, "int": _RANGE_KEYS, "categorical": _CHOICE_KEYS}
    if not isinstance(kind, str) or kind not in known:
        raise InvalidParameter(f"type {kind!r} is unknown; use float, int or categorical")
    if wrong := [key for key in entry if key not in known[kind]]:
        said = [f"{key!r} is no key of a {kind} parameter{suggestion(key, known[kind], RANGE_KEYS)}" for key in wrong]
        raise InvalidParameter(f"{'; '.join(said)}; known: {', '.join(sorted(known[kind]))}")
    if kind == "categorical":
        choices = entry.get("choices")
        if not isinstance(choices, list):
            raise InvalidParameter(f"choices is {choices!r}; give a list")
        return Categorical(choices=tuple(_value(name, choice) for choice in choices))
    for key in ("low", "high"):
        if key not in entry:
            raise InvalidParameter(f"{key} is missing")
    log = entry.get("log", False)
    if not isinstance(log, bool):
        raise InvalidParameter(f"log is {log!r}; give true or false")
    if kind == "int":
        return Int(low=entry["low"], high=entry["high"], log=log, step=entry.get("step", 1))
    return Float(low=entry["low"], high=entry["high"], log=log)


def _guess(name: str, entry: dict[str, Any]) -> str:
    if {"choices", *_OF_CHOICES} & entry.keys():
        return "categorical"
    whole = all(isinstance(entry.get(key), int) for key in ("low", "high"))
    return "int" if whole and (name in _COUNTED or name not in NAMES) else "float"


def _value(name: str, value: Any) -> Value:
    if isinstance(value, str):
        return value
    if not is_number(value):
        raise InvalidParameter(f"{value!r} is no finite number and no word")
    if name not in NAMES:
        return value
    # Optuna distinguishes 1 and 1.0 as choices, but they are the same share.
    return int(value) if name in WHOLE and float(value).is_integer() else float(value)


def _condition(written: Any, *, free: bool) -> dict[str, tuple[Value, ...]]:
    if not isinstance(written, Mapping) or not written:
        raise InvalidParameter(f"when is {written!r}; give `when: {{name: [values]}}`")
    condition = {}
    for parent, values in written.items():
        if parent not in NAMES and not free:
            raise InvalidParameter(f"when.{parent}: no hyperparameter{suggestion(parent, NAMES)}")
        if not isinstance(values, list) or not values:
            raise InvalidParameter(f"when.{parent} is {values!r}; give a list of values")
        condition[parent] = tuple(_value(parent, value) for value in values)
    return condition

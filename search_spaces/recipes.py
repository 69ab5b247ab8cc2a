"""Published fine-tuning defaults of each architecture family, read from recipes.yaml and validated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from search_spaces.documents import parse_yaml, read_yaml
from search_spaces.errors import InvalidRecipes, suggestion
from search_spaces.hyperparameters import ADAPTER_RATE, LORA, complaint
from search_spaces.parameters import Value, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Packaged documents of recipes: of classifiers, and of language models that continue texts.
CLASSIFIERS, LANGUAGE_MODELS = "recipes.yaml", "language_model_recipes.yaml"

#: Family of the last row, which accepts every model that no other row accepts.
GENERIC = "generic"

#: The hyperparameters that each row states, in the order of the documentation.
PARAMETERS = (
    "learning_rate",
    "batch_size",
    "num_train_epochs",
    "dropout",
    "weight_decay",
    "lr_scheduler_type",
    "warmup_ratio",
    "frozen_layers",
    "head_learning_rate_factor",
)

#: The hyperparameters that a document states of adapters (LoRA), whatever the family. Their learning rate is published
#: as that of the adapters, which is `ADAPTER_RATE` times the `learning_rate` of a trial.
ADAPTER_PARAMETERS = ("learning_rate", "lora_rank", "lora_dropout")

#: The derived range of learning rates is from the default divided by this number to the default times this number.
LEARNING_RATE_SPREAD = 8

#: Values that a recipe may state. They are few, so that search spaces can contain or approximate each of them.
_CHOICES: dict[str, tuple[Value, ...]] = {
    "batch_size": (8, 16, 32, 64),
    "weight_decay": (0, 1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2),
    "lr_scheduler_type": ("linear", "cosine", "polynomial", "constant_with_warmup"),
}

#: Keys of a row's `match`; the first is required.
_CONDITIONS = ("model_types", "name", "hidden_size")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published value and its source."""

    default: Value
    #: Paper with section, model card or official script, and its statement; or that nothing is published.
    source: str
    #: Bounds of the search range. Only for the learning rate, and only where the derived range is too narrow.
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Published fine-tuning defaults of one architecture family, or of one model size in it."""

    family: str
    #: A value for each of `PARAMETERS`, by name; read-only.
    parameters: Mapping[str, Published]
    #: A value for each of `ADAPTER_PARAMETERS`, by name; empty where a document states none.
    adapters: Mapping[str, Published] = field(default_factory=lambda: MappingProxyType({}))

    def with_adapters(self) -> Recipe:
        """Return the recipe of trials with adapters; their learning rate becomes the `learning_rate` of a trial."""
        if not self.adapters:
            return self
        rate = self.adapters["learning_rate"]
        published = replace(rate, default=float(rate.default) / ADAPTER_RATE)
        kind = Published(default=LORA, source=rate.source)
        parameters = {**self.parameters, "adapter": kind, **self.adapters, "learning_rate": published}
        return replace(self, parameters=MappingProxyType(parameters))

    @property
    def defaults(self) -> dict[str, Value]:
        """The default of each parameter by name; a new dict each time."""
        return {name: published.default for name, published in self.parameters.items()}


@dataclass(frozen=True, kw_only=True)
class Match:
    """Conditions on a model, all of which must hold."""

    #: Allowed values of `model_type` in the model's transformers configuration.
    model_types: frozenset[str]
    #: Searched in the model's name or path, ignoring case.
    name: re.Pattern[str] | None = None
    #: Bounds of the encoder's hidden size, both included; a model of unknown size is outside.
    min_hidden_size: int | None = None
    max_hidden_size: int | None = None

    def accepts(self, model_type: str, name: str, hidden_size: int | None) -> bool:
        """Return whether the model meets every condition."""
        if model_type not in self.model_types:
            return False
        if self.name is not None and not self.name.search(name):
            return False
        return self._accepts_width(hidden_size)

    def _accepts_width(self, hidden_size: int | None) -> bool:
        low, high = self.min_hidden_size, self.max_hidden_size
        if low is None and high is None:
            return True
        if hidden_size is None:
            return False
        return (low is None or low <= hidden_size) and (high is None or hidden_size <= high)


@dataclass(frozen=True, kw_only=True)
class RecipeRow:
    """A recipe and the models that it applies to."""

    recipe: Recipe
    #: Alternatives, one of which must accept the model; empty for the generic row, which accepts every model.
    matches: tuple[Match, ...]

    def accepts(self, model_type: str, name: str, hidden_size: int | None) -> bool:
        """Return whether the row applies to the model."""
        return not self.matches or any(match.accepts(model_type, name, hidden_size) for match in self.matches)


def recipe_for(model_type: str, name: str, hidden_size: int | None, *, document: str = CLASSIFIERS) -> Recipe:
    """Find the published recipe for a model.

    Args:
        model_type: `model_type` of the model's transformers configuration.
        name: The model's hub id, or its path.
        hidden_size: Hidden size of the encoder; None where the configuration has none.
        document: Name of the packaged document with the recipes of the task.

    Returns:
        The recipe of the first row that accepts the model; the last row, the generic one, accepts every model.
    """
    return next(row.recipe for row in packaged_recipes(document) if row.accepts(model_type, name, hidden_size))


def learning_rate_range(recipe: Recipe) -> tuple[float, float]:
    """Return the lowest and the highest learning rate worth trying.

    Args:
        recipe: Published defaults of a model's family.

    Returns:
        The bounds that the recipe states; a bound that it does not state is an eighth, or eight times, its default.
    """
    rate = recipe.parameters["learning_rate"]
    default = float(rate.default)
    low = default / LEARNING_RATE_SPREAD if rate.low is None else rate.low
    high = default * LEARNING_RATE_SPREAD if rate.high is None else rate.high
    return low, high


def load_recipes(path: Path | None = None) -> tuple[RecipeRow, ...]:
    """Read recipes.

    Args:
        path: A recipe document; None for the packaged one, which is read once and cached.

    Returns:
        The rows in the order of the document, the generic one last.

    Raises:
        InvalidRecipes: Names the file, the family, the key and the reason.
        UnreadableDocument: The file is missing or not YAML.
    """
    if path is None:
        return packaged_recipes(CLASSIFIERS)
    return _Reader(str(path)).rows(read_yaml(path))


@cache
def packaged_recipes(document: str) -> tuple[RecipeRow, ...]:
    """Return the rows of a packaged document: `CLASSIFIERS` or `LANGUAGE_MODELS`."""
    source = f"search_spaces/{document}"
    text = resources.files("search_spaces").joinpath(document).read_text(encoding="utf-8")
    return _Reader(source).rows(parse_yaml(text, source))


class _Reader:
    """Builds rows from a parsed document; its errors name the file and the family."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._family = ""
        self._adapters: Mapping[str, Published] = MappingProxyType({})

    def rows(self, document: dict[str, Any]) -> tuple[RecipeRow, ...]:
        self._check_keys(document, "", known=("adapters", "families"), required=("families",))
        if "adapters" in document:
            self._adapters = self._parameters(document["adapters"], "adapters", ADAPTER_PARAMETERS)
        families = document["families"]
        if not isinstance(families, list) or not families:
            raise self._error("families", "must be a list of rows, the generic one last")
        rows = []
        for index, written in enumerate(families):
            last = index == len(families) - 1
            rows.append(self._row(written, f"families[{index}]", last=last))
        return tuple(rows)

    def _row(self, written: Any, key: str, *, last: bool) -> RecipeRow:
        self._family = ""
        self._check_mapping(written, key)
        family = written.get("family")
        if not isinstance(family, str) or not family:
            raise self._error(f"{key}.family", "must be the name of an architecture family")
        self._family = family
        self._check_keys(written, key, known=("family", "match", "parameters"), required=("parameters",))
        self._check_place(written, key, last=last)
        parameters = self._parameters(written["parameters"], f"{key}.parameters", PARAMETERS)
        recipe = Recipe(family=family, parameters=parameters, adapters=self._adapters)
        matches = self._matches(written["match"], f"{key}.match") if "match" in written else ()
        return RecipeRow(recipe=recipe, matches=matches)

    def _check_place(self, written: Mapping[str, Any], key: str, *, last: bool) -> None:
        """Refuse a row before the last that accepts every model: the rows after it would never apply."""
        if last and (self._family != GENERIC or "match" in written):
            raise self._error(key, f"the last row must be {GENERIC!r} and have no `match`, to take what is left")
        if not last and "match" not in written:
            raise self._error(f"{key}.match", "missing; only the last row, the generic one, takes every model")

    def _matches(self, written: Any, key: str) -> tuple[Match, ...]:
        if not isinstance(written, list):
            return (self._match(written, key),)
        if not written:
            raise self._error(key, "must be a mapping, or a list of alternatives with at least one")
        return tuple(self._match(one, f"{key}[{index}]") for index, one in enumerate(written))

    def _match(self, written: Any, key: str) -> Match:
        self._check_keys(written, key, known=_CONDITIONS, required=_CONDITIONS[:1])
        types = written["model_types"]
        if not isinstance(types, list) or not types or not all(isinstance(one, str) for one in types):
            raise self._error(f"{key}.model_types", "must be a list of transformers model types")
        low, high = self._widths(written.get("hidden_size", {}), f"{key}.hidden_size")
        return Match(
            model_types=frozenset(types),
            name=self._pattern(written["name"], f"{key}.name") if "name" in written else None,
            min_hidden_size=low,
            max_hidden_size=high,
        )

    def _pattern(self, written: Any, key: str) -> re.Pattern[str]:
        if not isinstance(written, str) or not written:
            raise self._error(key, f"must be a regular expression, found {written!r}")
        try:
            return re.compile(written, re.IGNORECASE)
        except re.error as error:
            raise self._error(key, f"{written!r} is no regular expression: {error}") from error

    def _widths(self, written: Any, key: str) -> tuple[int | None, int | None]:
        self._check_keys(written, key, known=("min", "max"), required=())
        for end, width in written.items():
            if not isinstance(width, int) or isinstance(width, bool) or width < 1:
                raise self._error(f"{key}.{end}", f"must be a whole number of units, found {width!r}")
        low, high = written.get("min"), written.get("max")
        if low is not None and high is not None and low > high:
            raise self._error(key, f"min {low} is above max {high}; swap them")
        return low, high

    def _parameters(self, written: Any, key: str, names: tuple[str, ...]) -> Mapping[str, Published]:
        self._check_keys(written, key, known=names, required=names)
        return MappingProxyType({name: self._published(name, written[name], f"{key}.{name}") for name in names})

    def _published(self, name: str, written: Any, key: str) -> Published:
        ranged = name == "learning_rate"
        known = ("default", "source", "low", "high") if ranged else ("default", "source")
        self._check_keys(written, key, known=known, required=("default", "source"))
        source = written["source"]
        if not isinstance(source, str) or not source.strip():
            raise self._error(f"{key}.source", "must say where the default is published")
        default = written["default"]
        if reason := _wrong(name, default):
            raise self._error(f"{key}.default", f"{default!r} {reason}")
        low, high = (self._end(written, end, key) for end in ("low", "high"))
        if ranged and not (low or 0) < default < (high or float("inf")):
            raise self._error(f"{key}.default", f"{default!r} must lie between low and high")
        return Published(default=default, source=source.strip(), low=low, high=high)

    def _end(self, written: Mapping[str, Any], end: str, key: str) -> float | None:
        if end not in written:
            return None
        value = written[end]
        if reason := _wrong("learning_rate", value):
            raise self._error(f"{key}.{end}", f"{value!r} {reason}")
        return float(value)

    def _check_mapping(self, written: Any, key: str) -> None:
        if not isinstance(written, dict):
            raise self._error(key, f"must be `key: value` lines, found {written!r}")

    def _check_keys(self, written: Any, key: str, *, known: tuple[str, ...], required: tuple[str, ...]) -> None:
        self._check_mapping(written, key)
        prefix = f"{key}." if key else ""
        for word in written:
            if word not in known:
                hint = suggestion(word, known)
                raise self._error(f"{prefix}{word}", f"unknown key{hint}; known: {', '.join(known)}")
        for word in required:
            if word not in written:
                raise self._error(f"{prefix}{word}", "missing")

    def _error(self, key: str, reason: str) -> InvalidRecipes:
        return InvalidRecipes(": ".join(part for part in (self._source, self._family, key, reason) if part))


def _wrong(name: str, value: Any) -> str | None:
    """Return why a recipe cannot state a value; None where it can."""
    if not (isinstance(value, str) or is_number(value)):
        return "must be a number or a word"
    if reason := complaint(name, value):
        return reason
    choices = _CHOICES.get(name)
    if choices is not None and value not in choices:
        return f"must be one of {', '.join(str(choice) for choice in choices)}"
    return None

"""The mistakes of a study file, all of them at once: each with its key, what is wrong and what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from search_spaces import InvalidSpace, line_numbers, nearest, suggestion
from tuner.errors import ConfigError, ConfigErrors
from tuner.study.config import shown_value
from tuner.study.key_hints import known_keys, misplaced
from tuner.study.synonyms import meant_key, meant_value

#: Our words for the complaints of pydantic that speak of types, by their kind.
_PLAIN = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_type": "write a number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "dict_type": "write `key: value` lines below it",
    "model_type": "write `key: value` lines below it",
    "string_type": "write one word",
}
#: Our words for the bounds of numbers in pydantic's.
_BOUNDS = (
    ("Input should be greater than or equal to", "give at least"),
    ("Input should be less than or equal to", "give at most"),
    ("Input should be greater than", "give more than"),
    ("Input should be less than", "give less than"),
)
#: The names that a part has, behind a suggestion. Of several mistakes, they would hide the others.
_ALSO_KNOWN = re.compile(r"\?; known: .*")
#: The complaint of pydantic about a key that a part does not have.
_NO_KEY = "extra_forbidden"


def raise_mistakes(
    mistakes: Sequence[ConfigError | InvalidSpace], source: str, moved: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Raise the mistakes of a study file. One alone is raised as it is; several are one error, with their lines.

    Args:
        mistakes: The mistakes; none raises nothing.
        source: The file's name in errors. Where it is a path, lines are looked up in it.
        moved: Paths of keys in the file, by those that the mistakes name, where they differ.

    Raises:
        ConfigError: There are mistakes.
        InvalidSpace: There is one alone, and it is of the space.
    """
    if not mistakes:
        return
    if len(mistakes) == 1:
        raise mistakes[0]
    lines = line_numbers(Path(source))
    found = [_located(each, source, lines, moved) for each in mistakes]
    raise ConfigErrors(source, [error for _, error in sorted(found, key=lambda pair: pair[0])])


def _located(
    mistake: ConfigError | InvalidSpace, source: str, lines: Mapping[str, int], moved: Mapping[str, str]
) -> tuple[float, Exception]:
    """Return the line of a mistake, and the mistake with its line."""
    if isinstance(mistake, InvalidSpace):
        key = ".".join(part for part in ("search_space", mistake.key) if part)
    else:
        key = mistake.key
    for new, old in moved.items():
        if f"{key}.".startswith(f"{new}."):
            key = old + key.removeprefix(new)
    where = key
    while where and where not in lines:
        where = where.rpartition(".")[0]
    line = lines.get(where)
    at = source if line is None else f"{source}:{line}"
    return line or float("inf"), ConfigError(at, key, _ALSO_KNOWN.sub("?", mistake.reason))


def mistakes_of(error: ValidationError, document: Mapping[str, Any], source: str) -> list[ConfigError]:
    """Return what pydantic complains of, one mistake a key.

    Args:
        error: The complaints.
        document: The study file's content.
        source: The file's name in errors.
    """
    groups: list[list[tuple[str, Any]]] = []
    for each in error.errors(include_url=False, include_context=False):
        key = ".".join(path_of(each["loc"], document))
        # A value that is none of several types is reported once a type; the deepest location says most.
        same = next((group for group in groups if f"{key}.".startswith(f"{group[0][0]}.")), None)
        if same is None or same[0][0] == "":
            groups.append([(key, each)])
        else:
            same.append((key, each))
    deepest = [max(group, key=lambda pair: pair[0].count(".")) for group in groups]
    return [ConfigError(source, key, _reason(key, each)) for key, each in deepest]


def unknown_keys(error: ValidationError, document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the paths of the keys that the parts of a study file do not have."""
    complaints = error.errors(include_url=False, include_context=False, include_input=False)
    return [path_of(each["loc"], document) for each in complaints if each["type"] == _NO_KEY]


def _reason(key: str, complaint: Any) -> str:
    value, kind = complaint["input"], complaint["type"]
    reason: str = complaint["msg"].removeprefix("Value error, ")
    if kind == _NO_KEY:
        return f"is no key here{_key_hint(key, value)}"
    if kind == "missing":
        return "is missing"
    if kind in _PLAIN:
        return f"is {shown_value(value)}: {_PLAIN[kind]}"
    for theirs, ours in _BOUNDS:
        reason = reason.replace(theirs, ours)
    if kind == "literal_error":
        reason += _value_hint(key, value, re.findall(r"'([^']*)'", reason))
    if not reason.startswith(("is ", shown_value(value))) and isinstance(value, str | int | float):
        reason = f"is {shown_value(value)}: {reason[:1].lower()}{reason[1:]}"
    return reason


def _value_hint(key: str, value: Any, known: Sequence[str]) -> str:
    found = meant_value(key, value, known) or nearest(value, known)
    if found is None:
        return ""
    return f"; {found}" if " " in found else f"; did you mean {found!r}?"


def _key_hint(key: str, value: Any) -> str:
    """Return the end of the sentence about a key that is not known here: a likely remedy, or the keys that are."""
    part, _, name = key.rpartition(".")
    listed = f"known: {', '.join(known_keys(part))}"
    meant = meant_key(key) or misplaced(key)
    if meant is None:
        return f"{suggestion(name, known_keys(part))}; {listed}"
    if " " in meant:
        return f"; {meant}"
    if meant.rpartition(".")[0] == part:
        return f"; did you mean {meant.rpartition('.')[2]!r}?; {listed}"
    at_top = part and "." not in meant
    return f"; {'at the top of the file ' if at_top else ''}write `{_written(meant, value)}`"


def _written(path: str, value: Any) -> str:
    """Return a key with its value in the flow style of YAML: `budget: {trials: 20}`."""
    first, *rest = path.split(".")
    simple = isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"[\w./-]{1,40}", value))
    text = str(value).lower() if isinstance(value, bool) else str(value) if simple else "…"
    for name in reversed(rest):
        text = f"{{{name}: {text}}}"
    return f"{first}: {text}"


def path_of(location: tuple[int | str, ...], document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of a complaint's location, without the names of types that pydantic puts into it."""
    parts = []
    value: Any = document
    for part in location:
        is_key = isinstance(value, Mapping) and part in value
        is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if is_key or is_index:
            value = value[part]
        elif _is_type_tag(str(part)):
            continue
        parts.append(str(part))
    return tuple(parts)


def _is_type_tag(part: str) -> bool:
    return part in {"str", "int", "float", "bool", "list[str]", "dict[str,any]", "function-after[_one_text_or_a_pair()"}

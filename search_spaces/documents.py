"""Reading YAML files of users: without tags and aliases, with `1e-4` as a number, and with limits of size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from search_spaces.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

#: Bytes. A study file or a space has a page or two; a file near this limit is a mistake or an attack.
MAX_BYTES = 1 << 20
#: Levels of nested mappings and lists; a study file has four or five.
MAX_DEPTH = 50
#: Characters of a number; the time to parse one grows with the square of its length.
_MAX_NUMBER = 100
_WORD_TAG = "tag:yaml.org,2002:str"
_NULL_TAG = "tag:yaml.org,2002:null"


class _Loader(yaml.SafeLoader):
    """A SafeLoader that reads `1e-4` as a number and refuses repeated keys, tags, aliases and deep nesting."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        # With aliases, a few bytes expand to gigabytes. No document of ours needs them.
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", event.start_mark)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        # SafeLoader would still build bytes, sets or dates from tags such as `!!binary`.
        if (tag := getattr(event, "tag", None)) is not None:
            raise yaml.constructor.ConstructorError(
                None, None, f"tags are not allowed, found {tag!r}", event.start_mark
            )
        if self._depth >= MAX_DEPTH:
            raise yaml.constructor.ConstructorError(
                None, None, f"lists and mappings are more than {MAX_DEPTH} deep", event.start_mark
            )
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        # PyYAML's patterns for numbers backtrack on long strings that are nearly numbers: do not try them.
        if kind is yaml.ScalarNode and implicit[0] and len(value) > _MAX_NUMBER:
            return self.DEFAULT_SCALAR_TAG
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is no word and no number", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


# YAML 1.1 requires a dot and a sign in a float, so it reads `1e-4` as a string.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def parse_yaml(text: str, source: str, words: Collection[tuple[str, ...]] = ()) -> dict[str, Any]:
    """Parse one YAML mapping.

    Args:
        text: The document.
        source: The document's name in errors, usually its path.
        words: Paths of keys whose values hold words. A scalar there and the keys and scalars below it are read as
            they are written: `no`, `0010` and `2020-01-01` are strings. Two things stay None: a value that is left
            empty, and a null as the whole value of a path.

    Returns:
        The mapping; empty for an empty document.

    Raises:
        UnreadableDocument: The text is not one YAML mapping.
    """
    if len(text.encode()) > MAX_BYTES:
        raise UnreadableDocument(f"{source}: larger than {MAX_BYTES} bytes; is this the right file?")
    try:
        document = _load(text, words)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise UnreadableDocument(f"{where}: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableDocument(f"{source}: not YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UnreadableDocument(f"{source}: expected `key: value` lines, found a {type(document).__name__}")
    return document


def _load(text: str, words: Collection[tuple[str, ...]]) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        for path in words:
            for found in _below(node, path):
                if found.tag != _NULL_TAG:
                    _keep_words(found)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def line_numbers(path: Path) -> dict[str, int]:
    """Return the line of each key of a document, by its dotted path, such as `data.source`; the first line is 1.

    Entries of lists are keys that count from 0. A file that cannot be read has no lines.
    """
    try:
        loader = _Loader(path.read_text(encoding="utf-8")[:MAX_BYTES])
        node = loader.get_single_node()
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    found: dict[str, int] = {}
    waiting = [("", node)]
    while waiting:
        above, node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            inside = [(str(key.value), key, value) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            inside = [(str(number), item, item) for number, item in enumerate(node.value)]
        else:
            continue
        for name, marked, value in inside:
            found[f"{above}{name}"] = marked.start_mark.line + 1
            waiting.append((f"{above}{name}.", value))
    return found


def _below(node: yaml.Node, path: tuple[str, ...]) -> list[yaml.Node]:
    """Return the values at a path of keys: none, or one, or several where a document repeats a key."""
    found = [node]
    for part in path:
        pairs = [pair for each in found if isinstance(each, yaml.MappingNode) for pair in each.value]
        found = [value for key, value in pairs if isinstance(key, yaml.ScalarNode) and key.value == part]
    return found


def _keep_words(node: yaml.Node) -> None:
    """Make the scalars of a node, and all below it, strings. Empty ones stay None."""
    if isinstance(node, yaml.ScalarNode):
        node.tag = _WORD_TAG if node.value else node.tag
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _keep_words(item)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _keep_words(key)
            _keep_words(value)


def read_yaml(path: Path, words: Collection[tuple[str, ...]] = ()) -> dict[str, Any]:
    """Read one YAML mapping from a file.

    Args:
        path: The file.
        words: Paths of keys whose values hold words; see `parse_yaml`.

    Returns:
        The mapping; empty for an empty file.

    Raises:
        UnreadableDocument: The file is missing, unreadable, or not one YAML mapping.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)  # one byte over the limit shows that a file is too large
        if len(content) > MAX_BYTES:
            raise UnreadableDocument(f"{path}: larger than {MAX_BYTES} bytes; is this the right file?")
        text = content.decode()
    except FileNotFoundError as error:
        raise UnreadableDocument(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableDocument(f"{path}: cannot be read: {error}") from error
    return parse_yaml(text, str(path), words)

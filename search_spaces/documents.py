"""Reading YAML that people write: no tags, numbers as people mean them, no surprises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from search_spaces.errors import UnreadableDocument

if TYPE_CHECKING:
    from pathlib import Path

#: Bytes. A study file or a space is a page or two; anything near this is a mistake or an attack.
MAX_BYTES = 1 << 20
#: Mappings and lists within each other; a study file has four or five.
MAX_DEPTH = 50
#: Characters of a number; reading a longer one takes time that grows with the square of its length.
_MAX_NUMBER = 100


class _Loader(yaml.SafeLoader):
    """Safe YAML in which `1e-4` is a number, a repeated key is an error, and neither tags nor aliases are followed."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        # Aliases let a few bytes expand to gigabytes; no document of ours needs one.
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", event.start_mark)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        # Without this, `!!binary` and its like would still make values that nobody expects.
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
        # Before any pattern sees it: those for numbers go back and forth in what almost is one.
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


# YAML 1.1 reads `1e-4` as a word, because it wants a dot and a sign; people write it as a number.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """Parse one YAML mapping.

    Args:
        text: The document.
        source: What to call it in errors, usually its path.

    Returns:
        The mapping; empty for an empty document.

    Raises:
        UnreadableDocument: The text is not one YAML mapping.
    """
    if len(text.encode()) > MAX_BYTES:
        raise UnreadableDocument(f"{source}: larger than {MAX_BYTES} bytes; is this the right file?")
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader with fewer features)
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


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping from a file.

    Args:
        path: The file.

    Returns:
        The mapping; empty for an empty file.

    Raises:
        UnreadableDocument: The file is missing, unreadable, or not one YAML mapping.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)  # one more than is taken: a huge file is refused without reading it
        if len(content) > MAX_BYTES:
            raise UnreadableDocument(f"{path}: larger than {MAX_BYTES} bytes; is this the right file?")
        text = content.decode()
    except FileNotFoundError as error:
        raise UnreadableDocument(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableDocument(f"{path}: cannot be read: {error}") from error
    return parse_yaml(text, str(path))

"""Writing a study's configuration as a study file, which reads as the same configuration again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """A SafeDumper for what `search_spaces.parse_yaml` reads: without aliases, and with words that stay words."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _word(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    with contextlib.suppress(ValueError):
        float(text)  # PyYAML takes `1e-4` for a word; the reader of study files does not
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _word)


def study_file_text(config: Mapping[str, Any], space: Mapping[str, Any] | None = None) -> str:
    """Return a study file in YAML.

    Args:
        config: The configuration, as `StudyConfig.to_dict` returned it.
        space: The whole space that the study searches; it is added as a comment, since `search_space` says only what
            the user wrote of it. None leaves it out.
    """
    text = _dumped(config)
    if space is None:
        return text
    lines = _dumped({"search_space": space}).splitlines()
    told = "# The whole space that is searched, with the preset and the published recipe filled in:"
    return "\n".join([text.rstrip("\n"), "", told, *(f"#   {line}" for line in lines)]) + "\n"


def _dumped(document: Mapping[str, Any]) -> str:
    return "".join(_entry(key, value) for key, value in document.items())


def _entry(key: str, value: Any) -> str:
    """Return one key with its value: small lists and mappings in one line, the key itself on a line of its own."""
    flow = None if isinstance(value, Mapping | list) else False
    written: str = yaml.dump(
        {key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=110
    )
    return written

"""Assembling a script: settings as Python literals, source text of functions, and the imports that these need."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

#: Characters of a line.
WIDTH = 120
_NOQA = re.compile(r"  # (?:noqa|type: ignore).*$", re.MULTILINE)
#: Imports, and the words by which a script shows that it needs them.
_IMPORTS = (
    ("import csv", r"\bcsv\."),
    ("import functools", r"\bfunctools\."),
    ("import hashlib", r"\bhashlib\."),
    ("import io", r"\bio\."),
    ("import json", r"\bjson\."),
    ("import math", r"\bmath\."),
    ("import random", r"\brandom\.seed\("),
    ("import re", r"\bre\.compile\("),
    ("import sys", r"\bsys\."),
    ("from dataclasses import dataclass", r"@dataclass"),
    ("from pathlib import Path", r"\bPath\b"),
    ("from typing import Any", r"\bAny\b"),
    ("import numpy as np", r"\bnp\."),
    ("import torch", r"\btorch\."),
    ("import transformers", r"\btransformers\.[A-Z]"),
    ("from torch import nn", r"\bnn\.(?!functional|modules)"),
    ("from torch.nn.functional import cross_entropy", r"\bcross_entropy\("),
    ("from torch.nn.modules.batchnorm import _NormBase", r"\b_NormBase\b"),
    ("from torch.nn.modules.dropout import _DropoutNd", r"\b_DropoutNd\b"),
    ("from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS", r"\bALL_ATTENTION_FUNCTIONS\b"),
)
_DEFINES = re.compile(r"^(def|class) ", re.MULTILINE)
#: Names that stand in annotations alone, which no Python evaluates.
_ABSTRACT = ("Callable", "Iterable", "Iterator", "Mapping", "Sequence")


def source_of(part: Any) -> str:
    """Return the source text of a function or a class, without words to checkers of this package's own code."""
    return _NOQA.sub("", textwrap.dedent(inspect.getsource(part))).rstrip()


def literal(value: Any, *, indent: int = 0, taken: int = 0) -> str:
    """Return a value as Python writes it, in several lines where one is too short.

    Args:
        value: Texts, numbers, None, and lists, tuples and mappings of them.
        indent: Blanks in front of the last line.
        taken: Characters of the first line that stand around it.
    """
    if isinstance(value, Mapping):
        parts = [(f"{literal(key)}: ", each) for key, each in value.items()]
        opens, closes = "{", "}"
    elif isinstance(value, list | tuple):
        parts = [("", each) for each in value]
        opens, closes = "[]" if isinstance(value, list) else "()"
    else:
        return _word(value) if isinstance(value, str) else repr(value)
    one_line = ", ".join(f"{key}{literal(each)}" for key, each in parts)
    if isinstance(value, tuple) and len(value) == 1:
        one_line += ","
    if taken + len(one_line) + 2 <= WIDTH and "\n" not in one_line:
        return f"{opens}{one_line}{closes}"
    deeper = indent + 4
    lines = [f"{' ' * deeper}{key}{literal(each, indent=deeper, taken=deeper + len(key) + 1)}," for key, each in parts]
    return "\n".join([opens, *lines, f"{' ' * indent}{closes}"])


def _word(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character, which no file in UTF-8 holds
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def setting(name: str, value: Any, comment: str) -> str:
    """Return the line that gives a setting its value, with a comment beside it or above it."""
    line = f"{name} = {literal(value, taken=len(name) + 3)}"
    beside = f"{line}  # {comment}"
    if "\n" not in line and len(beside) <= WIDTH:
        return beside
    return "\n".join([*(f"# {each}" for each in textwrap.wrap(comment, WIDTH - 2)), line])


def long_text(value: str) -> str:
    """Return a long text of words as a literal of many lines."""
    return '"""\n' + "\n".join(textwrap.wrap(value, WIDTH, break_on_hyphens=False)) + '\n"""'


def assembled(heading: str, sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a script.

    Args:
        heading: The text at its top.
        sections: Titles, and what stands below each.
    """
    body = "\n\n\n".join(f"# ---- {title}\n\n{_joined(parts)}" for title, parts in sections)
    needed = [line for line, words in _IMPORTS if re.search(words, body)]
    abstract = [name for name in _ABSTRACT if re.search(rf"\b{name}\b", body)]
    if abstract:
        needed.append(f"from collections.abc import {', '.join(abstract)}")
    standard = sorted((each for each in needed if not _is_third_party(each)), key=_order)
    others = sorted((each for each in needed if _is_third_party(each)), key=_order)
    imports = "\n\n".join("\n".join(each) for each in (standard, others) if each)
    return f'"""{heading}\n"""\n\nfrom __future__ import annotations\n\n{imports}\n\n{body}\n'


def _joined(parts: Sequence[str]) -> str:
    """Return functions and classes with two lines between them, and settings below each other."""
    return ("\n\n\n" if any(_DEFINES.search(each) for each in parts) else "\n").join(parts)


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line


def _is_third_party(line: str) -> bool:
    return line.split()[1].split(".")[0] in ("numpy", "torch", "transformers")

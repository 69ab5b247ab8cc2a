"""Assembling a script: settings as Python literals, source text of functions, and the imports that these need."""

from __future__ import annotations

import inspect
import pprint
import re
import textwrap
from collections.abc import Sequence
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
#: Names that stand in annotations alone, which no Python evaluates.
_ABSTRACT = ("Callable", "Iterable", "Iterator", "Mapping", "Sequence")


def source_of(part: Any) -> str:
    """Return the source text of a function or a class, without words to checkers of this package's own code."""
    return _NOQA.sub("", textwrap.dedent(inspect.getsource(part))).rstrip()


def setting(name: str, value: Any, comment: str) -> str:
    """Return a line that gives a setting its value, below a comment."""
    shown = pprint.pformat(value, width=WIDTH - 4, sort_dicts=False, compact=True)
    if "\n" in shown:
        shown = shown[0] + "\n" + textwrap.indent(f" {shown[1:-1]},", "   ") + "\n" + shown[-1]
    lines = textwrap.wrap(comment, WIDTH - 2)
    return "\n".join([*(f"# {line}" for line in lines), f"{name} = {shown}"])


def long_text(value: str) -> str:
    """Return a long text of words as a literal of many lines."""
    return '"""\n' + "\n".join(textwrap.wrap(value, WIDTH, break_on_hyphens=False)) + '\n"""'


def assembled(heading: str, sections: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a script.

    Args:
        heading: The text at its top.
        sections: Titles, and what stands below each.
    """
    body = "\n\n\n".join(
        f"# ---- {title}\n\n"
        + ("\n\n\n" if any(each.startswith(("def", "class", "@")) for each in parts) else "\n\n").join(parts)
        for title, parts in sections
    )
    needed = [line for line, words in _IMPORTS if re.search(words, body)]
    abstract = [name for name in _ABSTRACT if re.search(rf"\b{name}\b", body)]
    if abstract:
        needed.append(f"from collections.abc import {', '.join(abstract)}")
    standard = sorted((each for each in needed if not _is_third_party(each)), key=_order)
    others = sorted((each for each in needed if _is_third_party(each)), key=_order)
    imports = "\n\n".join("\n".join(each) for each in (standard, others) if each)
    return f'"""{heading}\n"""\n\nfrom __future__ import annotations\n\n{imports}\n\n{body}\n'


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line


def _is_third_party(line: str) -> bool:
    return line.split()[1].split(".")[0] in ("numpy", "torch", "transformers")

"""All extras can be installed at once: the pins satisfy each of them, and what the installed packages ask for."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def needed(written: list[str]) -> Iterator[tuple[str, Requirement]]:
    """Yield all that some requirements come to, each with what asks for it; of packages that are not here nothing."""
    waiting = [("shichimi", Requirement(each), "") for each in written]
    seen = set()
    while waiting:
        asks, wanted, extra = waiting.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        yield asks, wanted
        name = canonicalize_name(wanted.name)
        try:
            found = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for part in {"", *wanted.extras}:
            if (name, part) not in seen:
                seen.add((name, part))
                waiting += [(name, Requirement(each), part) for each in found]


def test_the_pins_satisfy_all_extras_together_and_what_they_need() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    pins = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    written = [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    refused = [
        f"{asks} needs {wanted}, pinned is {pin}"
        for asks, wanted in needed(written)
        if (pin := pins.get(canonicalize_name(wanted.name))) is not None
        and not wanted.specifier.contains(pin, prereleases=True)
    ]
    assert refused == []

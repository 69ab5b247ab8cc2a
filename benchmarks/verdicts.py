"""The options of a benchmark's command line, its tables, and its verdicts: gates on ratios, and equalities."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Gate:
    """A ratio, or another number, that was promised. In small runs it is shown and decides nothing."""

    name: str
    measured: float
    at_least: float | None = None
    at_most: float | None = None
    #: Follows the numbers; x is that of a ratio.
    unit: str = "x"

    @property
    def holds(self) -> bool:
        """Whether the promise is kept; what is no number keeps none."""
        low = self.at_least is None or self.measured >= self.at_least
        return low and (self.at_most is None or self.measured <= self.at_most)

    def __str__(self) -> str:
        sides = ((">=", self.at_least), ("<=", self.at_most))
        asked = " and ".join(f"{sign} {value:g}{self.unit}" for sign, value in sides if value is not None)
        return f"{self.name}: {self.measured:.3g}{self.unit}, asked for {asked}"


@dataclass(frozen=True)
class Equality:
    """Two systems did the same, to a tolerance. It decides always: without it the ratios compare nothing."""

    name: str
    #: The largest difference found.
    difference: float
    #: The largest allowed.
    at_most: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether they did the same."""
        return self.difference <= self.at_most

    def __str__(self) -> str:
        return f"{self.name}: difference {self.difference:.3g}, allowed {self.at_most:g}"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every benchmark can be told."""

    #: A few examples and steps: whether the comparison is right, in seconds.
    small: bool
    #: How often each system is measured.
    rounds: int
    #: Where to write all that was found, as JSON.
    json: Path | None
    #: Folder of data that the benchmark does not ship; None where it was not told.
    folder: Path | None = None
    #: Tables shown so far.
    tables: list[dict[str, Any]] = field(default_factory=list)


def parse(
    description: str | None, *, rounds: int = 3, folder: str | None = None, arguments: Sequence[str] | None = None
) -> Options:
    """Read the flags that all benchmarks share.

    Args:
        description: The script's docstring.
        rounds: Rounds without `--rounds`; small runs have one.
        folder: Name of the argument that is a folder of data; None is a benchmark without one. Small runs need none.
        arguments: The command line; None is the process's own.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="seconds: check the comparison, let no time decide")
    parser.add_argument("--rounds", type=int, help=f"measurements of each system; {rounds}, with --small 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was found as JSON")
    if folder is not None:
        parser.add_argument("folder", type=Path, nargs="?", metavar=folder, help="a folder of data; not with --small")
    told = parser.parse_args(arguments)
    found = told.folder if folder is not None else None
    if folder is not None and found is None and not told.small:
        parser.error(f"say which folder {folder} is, or --small")
    return Options(small=told.small, rounds=told.rounds or (1 if told.small else rounds), json=told.json, folder=found)


def show(options: Options, title: str, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table, and keep it for the JSON file.

    Args:
        options: Keeps it.
        title: What is compared.
        headings: One a column.
        rows: Texts, and numbers, which are shown with three digits.
    """
    options.tables.append({"title": title, "headings": list(headings), "rows": [list(row) for row in rows]})
    lines = [list(headings), *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    say(f"\n{title}\n")
    for number, line in enumerate(lines):
        first, *others = zip(line, widths, strict=True)
        say("| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |")
        if number == 0:
            say("|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|")


def _shown(cell: Any) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


def finish(options: Options, *, gates: Sequence[Gate] = (), equalities: Sequence[Equality] = ()) -> int:
    """Print what holds and what does not, write the JSON file, and return the exit code.

    Returns:
        0 if all equalities hold and, except in small runs, all gates.
    """
    say("")
    for equality in equalities:
        say(f"{'same' if equality.holds else 'NOT THE SAME'}  {equality}")
    for gate in gates:
        say(f"{'kept' if gate.holds else 'MISSED'}  {gate}" + ("  (small: decides nothing)" if options.small else ""))
    say(f"\n{', '.join(f'{name} {value}' for name, value in machine().items())}; rounds: {options.rounds}")
    if options.json is not None:
        content = {
            "machine": machine(),
            "small": options.small,
            "rounds": options.rounds,
            "tables": options.tables,
            "gates": [{**asdict(gate), "holds": gate.holds} for gate in gates],
            "equalities": [{**asdict(equality), "holds": equality.holds} for equality in equalities],
        }
        options.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    wrong = [equality for equality in equalities if not equality.holds]
    missed = [] if options.small else [gate for gate in gates if not gate.holds]
    return 1 if wrong or missed else 0


def machine() -> dict[str, str]:
    """Describe the machine, without its name."""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    found = {
        "processor": f"{cpu} ({len(os.sched_getaffinity(0))} cores)",
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
    }
    for name in ("torch", "transformers", "optuna"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found

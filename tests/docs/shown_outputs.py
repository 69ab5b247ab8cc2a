"""The output that a page shows under a command, compared with what the command prints, and written into the page.

A page shows the output of an earlier run. Numbers and times differ from run to run, and so do curves drawn with
characters: they are not compared. A line `…` stands for any lines, and `…` within a line for any text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Any lines, or any text of a line.
CUT = "…"
_COMMAND = "$ "
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"[+-]?\d[\d.,]*(e[+-]?\d+)?")
#: Bars, curves and the lines of tables, whose lengths follow from numbers.
_DRAWN = re.compile(r"[\u2500-\u259f\u2800-\u28ff]+( +[\u2500-\u259f\u2800-\u28ff]+)*")
_VARIES = "0"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A command of a page, and the lines that the page shows under it; none where it shows no output."""

    command: str
    lines: tuple[str, ...] = ()


def shown_commands(block: str) -> list[Shown]:
    """Return the commands of a console block in order.

    Raises:
        ValueError: The block begins with a line that is no command.
    """
    found: list[Shown] = []
    for line in block.splitlines():
        if line.startswith(_COMMAND):
            found.append(Shown(command=line.removeprefix(_COMMAND)))
        elif not found:
            raise ValueError(f"{line!r} is no command")
        else:
            found[-1] = Shown(command=found[-1].command, lines=(*found[-1].lines, line))
    return found


def is_printed(shown: Shown, output: str) -> bool:
    """Return whether a command printed the lines that a page shows under it, in order and nothing between them."""
    said = [_masked(line) for line in output.strip("\n").splitlines()]
    return not shown.lines or _is_like(shown.lines, said)


def with_outputs(page: str, outputs: dict[str, str]) -> str:
    """Return a page with the outputs of its commands, where it shows any. What is cut stays as it was written.

    Args:
        page: The text of the page.
        outputs: What each command printed.
    """

    def block(found: re.Match[str]) -> str:
        lines = []
        for shown in shown_commands(found[1]):
            lines.append(f"{_COMMAND}{shown.command}")
            if shown.lines and shown.command in outputs and not any(CUT in line for line in shown.lines):
                lines += [line.rstrip() for line in outputs[shown.command].strip("\n").splitlines()]
            else:
                lines += shown.lines
        return "```console\n" + "".join(f"{line}\n" for line in lines) + "```"

    return _CONSOLE.sub(block, page)


def write_outputs(path: Path, outputs: dict[str, str]) -> None:
    """Write outputs into a page."""
    path.write_text(with_outputs(path.read_text(encoding="utf-8"), outputs), encoding="utf-8")


def _is_like(shown: Sequence[str], said: Sequence[str]) -> bool:
    if not shown:
        return not said
    if shown[0].strip() == CUT:
        return any(_is_like(shown[1:], said[begin:]) for begin in range(len(said) + 1))
    pattern = ".*".join(re.escape(part) for part in _masked(shown[0]).split(CUT))
    return bool(said) and re.fullmatch(pattern, said[0]) is not None and _is_like(shown[1:], said[1:])


def _masked(line: str) -> str:
    """Return a line without what differs from run to run."""
    return " ".join(_DRAWN.sub(_VARIES, _NUMBER.sub(_VARIES, line)).split())

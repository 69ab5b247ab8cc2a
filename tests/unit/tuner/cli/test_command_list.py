from __future__ import annotations

import shlex

import click
import pytest
from click.testing import CliRunner

from tuner.cli.command_list import COMMANDS, ENTRIES, EXAMPLES
from tuner.cli.main import group


def shown(*arguments: str, width: int = 80) -> str:
    return CliRunner().invoke(group, arguments, prog_name="tuner", terminal_width=width).output


def test_the_help_shows_every_command_under_its_purpose_in_a_line_that_is_not_cut() -> None:
    lines = shown("--help").splitlines()
    assert max(map(len, lines)) <= 80
    for name, entry in ENTRIES.items():
        assert any(line.split() == [name, *entry.line.split()] for line in lines), name
    purposes = [line for line in lines if line in {f"{entry.group}:" for entry in ENTRIES.values()}]
    assert purposes == ["Search:", "Look:", "Decide:", "Use the result:", "Care:"]
    assert [line.strip() for line in lines if line.startswith("  tuner ")] == [f"tuner {each}" for each in EXAMPLES]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_an_example(name: str) -> None:
    lines = shown(name, "--help").rstrip().splitlines()
    assert lines[-2:] == ["  Example:", f"    tuner {ENTRIES[name].example}"]
    assert len(lines[-1]) <= 80


@pytest.mark.parametrize("example", [*(entry.example for entry in ENTRIES.values()), *EXAMPLES])
def test_an_example_has_arguments_and_options_that_its_command_knows(example: str) -> None:
    name, *rest = shlex.split(example)
    command: click.Command | None = group.get_command(click.Context(group), name)
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), rest.pop(0))
    assert command is not None
    given, _, order = command.make_parser(click.Context(command)).parse_args(rest)
    needed = {each.name for each in command.params if isinstance(each, click.Argument) and each.required}
    assert needed <= {each.name for each in order if given.get(str(each.name)) is not None}

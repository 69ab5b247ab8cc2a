"""Words of other tools on the command line, and other systems than Linux."""

from __future__ import annotations

import sys

import click
import pytest

from tuner.cli import entry
from tuner.cli.command_list import COMMANDS
from tuner.cli.main import group
from tuner.cli.synonyms import COMMANDS as THEIR_COMMANDS
from tuner.cli.synonyms import OPTIONS as THEIR_OPTIONS
from tuner.cli.synonyms import with_likely_options


def refusal(*arguments: str) -> str:
    with pytest.raises(click.ClickException) as caught:
        group.main([*arguments], prog_name="tuner", standalone_mode=False)
    return with_likely_options(caught.value).format_message()


@pytest.mark.parametrize(
    ("written", "ours"),
    [("run", "start"), ("train", "start"), ("sweep", "start"), ("ls", "list"), ("rm", "delete"), ("strat", "start")],
)
def test_a_command_of_another_tool_leads_to_ours(written: str, ours: str) -> None:
    assert refusal(written, "x") == f"no command {written!r}; did you mean {ours!r}?"


def test_a_command_that_nothing_is_like_has_no_hint() -> None:
    assert refusal("frobnicate") == "no command 'frobnicate'"


@pytest.mark.parametrize(
    ("command", "written", "ours"),
    [
        ("start", "--n-trials", "--trials"),
        ("start", "--gpus", "--devices"),
        ("start", "--jobs", "--workers"),
        ("list", "--db", "--storage"),
    ],
)
def test_an_option_of_another_tool_leads_to_ours(command: str, written: str, ours: str) -> None:
    assert refusal(command, written, "4") == f"No such option '{written}'. Did you mean '{ours}'?"


def test_an_option_that_the_command_does_not_have_is_not_suggested() -> None:
    assert refusal("list", "--gpus", "4") == "No such option '--gpus'."


def test_every_word_of_another_tool_leads_to_what_there_is() -> None:
    context = click.Context(group)
    commands = [group.get_command(context, name) for name in COMMANDS]
    options = {name for each in commands if each is not None for parameter in each.params for name in parameter.opts}
    assert set(THEIR_COMMANDS.values()) <= set(COMMANDS)
    assert not set(THEIR_COMMANDS) & set(COMMANDS)
    assert set(THEIR_OPTIONS.values()) <= options


def test_elsewhere_than_on_linux_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SystemExit) as caught:
        entry.main()
    assert str(caught.value.code).startswith("Error: tuner runs on Linux only, and this is darwin; ")

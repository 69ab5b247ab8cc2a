"""The group of commands: it imports a command only when it is used, and shows them by purpose."""

from __future__ import annotations

import importlib
from itertools import groupby

import click

from tuner.cli.command_list import COMMANDS, ENTRIES, EXAMPLES
from tuner.cli.synonyms import meant_command


class LazyGroup(click.Group):
    """A group that imports the module of a command only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, and give it its line and its example."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"tuner.cli.{cmd_name}_command").command
        entry = ENTRIES[cmd_name]
        command.short_help = entry.line
        command.epilog = _unwrapped("Example:", [entry.example])
        if ctx.resilient_parsing:  # the shell asks how a line goes on
            from tuner.cli.completion import make_complete

            make_complete(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command. For an unknown name, fail with a suggestion."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"no command {args[0]!r}{meant_command(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by their purpose. No command is imported for it."""
        width = max(map(len, COMMANDS))
        for purpose, names in groupby(COMMANDS, key=lambda name: ENTRIES[name].group):
            with formatter.section(purpose):
                formatter.write_dl([(f"{name:<{width}}", ENTRIES[name].line) for name in names])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples at the end."""
        with formatter.section("Examples"):
            for example in EXAMPLES:
                formatter.write_text(f"tuner {example}")
        formatter.write_paragraph()
        formatter.write_text("tuner COMMAND --help shows its options and an example.")


def _unwrapped(title: str, examples: list[str]) -> str:
    """Return text that click does not wrap."""
    return "\n".join(["\b", title, *(f"  tuner {example}" for example in examples)])

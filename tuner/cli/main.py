"""The group of commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import importlib
import io
import logging
import os
import signal
import sys

import click

from search_spaces import SearchSpaceError
from storage import (
    CheckpointError,
    CheckpointsUnwritable,
    DatabaseUnreadable,
    InvalidStorageURL,
    StorageError,
    describe_outage,
)
from storage.refusals import describe_refusal
from tuner.errors import AccessError, ConfigError, DeviceError, Interrupted, TunerError
from tuner.security.redaction import redact, redact_what_is_written, traceback_of

#: Commands in the order of the help, each in a module of its name.
COMMANDS = (
    "init",
    "check",
    "start",
    "resume",
    "worker",
    "status",
    "list",
    "trials",
    "show",
    "best",
    "logs",
    "pause",
    "stop",
    "edit",
    "export",
    "delete",
    "gc",
    "db",
    "doctor",
    "dashboard",
)
#: What a command exits with where the user's configuration is wrong.
EXIT_CONFIG = 78


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"tuner.cli.{cmd_name}_command").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which one may be meant."""
        from search_spaces import suggestion

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}{suggestion(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="shichimi", prog_name="tuner")
def group() -> None:
    """Search the hyperparameters of fine-tuning: start a study, watch it, resume it anywhere."""


def exit_code(error: Exception) -> int:
    """Return what a command exits with for an error."""
    if isinstance(error, Interrupted):
        return error.exit_code
    bad_configuration = (ConfigError, SearchSpaceError, InvalidStorageURL, DatabaseUnreadable, CheckpointsUnwritable)
    if isinstance(error, bad_configuration) or type(error) is CheckpointError:
        return EXIT_CONFIG
    return 2 if isinstance(error, AccessError | DeviceError) else 1


def main() -> None:
    """Run the command line."""
    debug = "--debug" in sys.argv or bool(os.environ.get("TUNER_DEBUG"))
    if not debug:
        # What its pools say of connections that broke, we say ourselves, in a line.
        logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
        logging.getLogger("sqlalchemy").propagate = False
    redact_what_is_written()
    try:
        code = group.main(prog_name="tuner", standalone_mode=False)
    except click.ClickException as error:
        # An argument in the wrong place is repeated, and may be the URL with its password.
        said = io.StringIO()
        error.show(said)
        click.echo(redact(said.getvalue()), nl=False, err=True)
        code = error.exit_code
    except BrokenPipeError:
        # A reader that closes the pipe early, such as `head`; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            click.echo(traceback_of(error), err=True)
        code = _say(_what_ended(error), debug=debug)
    sys.exit(code if isinstance(code, int) else 0)


def _what_ended(error: BaseException) -> BaseException:
    """Return the signal that an error came of, where it came of one: libraries make errors of their own of it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Interrupted | click.Abort | KeyboardInterrupt):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def _say(error: BaseException, *, debug: bool) -> int:
    """Say in a line what ended a command; return its exit code."""
    if isinstance(error, click.Abort | KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        return 130
    if isinstance(error, TunerError | SearchSpaceError | StorageError):
        click.echo(f"Error: {redact(str(error))}", err=True)
        return exit_code(error)
    if outage := describe_outage(error):
        click.echo(f"Error: the database does not answer: {redact(outage)}", err=True)
        return 1
    if refusal := describe_refusal(error):
        click.echo(f"Error: this user of the database may not do that: {redact(refusal)}", err=True)
        return 1
    text = redact(f"{type(error).__name__}: {error}")
    hint = "" if debug else "\nThis is a defect of tuner, or of what it stands on; --debug shows where."
    click.echo(f"Error: {text}{hint}", err=True)
    return 1


if __name__ == "__main__":
    main()

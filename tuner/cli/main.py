"""The group of commands. Here alone, errors are turned into messages and exit codes."""

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

#: Commands in the order of the help. Each is in a module of its name.
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
    "confirm",
    "test",
    "errors",
    "report",
    "logs",
    "pause",
    "stop",
    "edit",
    "export",
    "predict",
    "script",
    "refit",
    "delete",
    "gc",
    "db",
    "doctor",
    "dashboard",
)
#: Exit code of a command where the user's configuration is wrong.
EXIT_CONFIG = 78


class LazyGroup(click.Group):
    """A group that imports the module of a command only when the command is used."""

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
        """Find a command. For an unknown name, fail with a suggestion."""
        from search_spaces import suggestion

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}{suggestion(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="shichimi", prog_name="tuner")
def group() -> None:
    """Search the hyperparameters of fine-tuning: start a study, watch it, resume it anywhere."""


def exit_code(error: Exception) -> int:
    """Return the exit code of a command that ended with an error."""
    if isinstance(error, Interrupted):
        return error.exit_code
    bad_configuration = (ConfigError, SearchSpaceError, InvalidStorageURL, DatabaseUnreadable, CheckpointsUnwritable)
    if isinstance(error, bad_configuration) or type(error) is CheckpointError:
        return EXIT_CONFIG
    return 2 if isinstance(error, AccessError | DeviceError) else 1


def _silence_pools() -> None:
    """Keep connection pools from logging a traceback for each broken connection; the command reports it in one line."""
    for name in ("sqlalchemy", "storage"):  # the logger of a pool bears the name of the module of its class
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False


def main() -> None:
    """Run the command line."""
    debug = "--debug" in sys.argv or bool(os.environ.get("TUNER_DEBUG"))
    if not debug:
        _silence_pools()
    redact_what_is_written()
    try:
        code = group.main(prog_name="tuner", standalone_mode=False)
    except click.ClickException as error:
        # The message repeats an argument in the wrong place, which may be a URL with its password.
        said = io.StringIO()
        error.show(said)
        click.echo(redact(said.getvalue()), nl=False, err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader, such as `head`, closed the pipe early. Flushing the rest of the buffer at exit must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 128 + signal.SIGPIPE
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            click.echo(traceback_of(error), err=True)
        code = _report(_cause(error), debug=debug)
    sys.exit(code if isinstance(code, int) else 0)


def _cause(error: BaseException) -> BaseException:
    """Return the exception of a signal where an error was raised from one, otherwise the error itself.

    Libraries wrap the exception of a signal in errors of their own.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Interrupted | click.Abort | KeyboardInterrupt):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def _report(error: BaseException, *, debug: bool) -> int:
    """Print the error that ended a command in one line, and return the exit code."""
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
    hint = "" if debug else "\nThis is a defect of tuner, or of a library that it uses; --debug shows where."
    click.echo(f"Error: {text}{hint}", err=True)
    return 1


if __name__ == "__main__":
    main()

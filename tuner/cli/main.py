"""The group of commands. Here alone, errors are turned into messages and exit codes."""

from __future__ import annotations

import contextlib
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
from tuner.cli.lazy_group import LazyGroup
from tuner.cli.synonyms import with_likely_options
from tuner.errors import AccessError, ConfigError, DeviceError, Interrupted, NobodyToAsk, TunerError
from tuner.security.redaction import redact, redact_what_is_written, traceback_of

#: Exit code of a command where the user's configuration is wrong.
EXIT_CONFIG = 78


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
    return 2 if isinstance(error, AccessError | DeviceError | NobodyToAsk) else 1


def _silence_pools() -> None:
    """Keep connection pools from logging a traceback for each broken connection; the command reports it in one line."""
    for name in ("sqlalchemy", "storage"):  # the logger of a pool bears the name of the module of its class
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False


def _complete() -> None:
    """Tell a shell how its line goes on. An error means that it is told nothing, and no word gets onto the prompt."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.suppress(Exception):
        group.main(prog_name="tuner", standalone_mode=False)


def main() -> None:
    """Run the command line."""
    if os.environ.get("_TUNER_COMPLETE", "").endswith("_complete"):
        _complete()
        return
    debug = "--debug" in sys.argv or bool(os.environ.get("TUNER_DEBUG"))
    if not debug:
        _silence_pools()
    redact_what_is_written()
    try:
        code = group.main(prog_name="tuner", standalone_mode=False)
    except click.ClickException as error:
        # The message repeats an argument in the wrong place, which may be a URL with its password.
        said = io.StringIO()
        with_likely_options(error).show(said)
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
    if isinstance(error, Interrupted):
        click.echo(redact(str(error)), err=True)
        return error.exit_code
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

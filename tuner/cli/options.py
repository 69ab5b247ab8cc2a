"""Options that several commands share."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from storage import DEFAULT_URL, mask_password

Command = TypeVar("Command", bound=Callable[..., Any])


def storage_option(command: Command) -> Command:
    """Add --storage and --debug."""
    command = click.option(
        "--storage",
        "url",
        envvar="TUNER_STORAGE",
        default=_default_url,
        show_default=DEFAULT_URL,
        metavar="URL",
        callback=_with_credentials,
        help="Database of the studies. [env: TUNER_STORAGE; or TUNER_STORAGE_FILE, a file with the URL; "
        "TUNER_STORAGE_PASSWORD_FILE, a file with the password alone]",
    )(command)
    return debug_option(command)


def storage_flag(url: str) -> str:
    """Return the --storage flag with which another command finds the same database, without the password."""
    given = click.get_current_context().get_parameter_source("url") is ParameterSource.COMMANDLINE
    return f" --storage {shlex.quote(mask_password(url))}" if given and url != DEFAULT_URL else ""


def _default_url() -> str:
    path = os.environ.get("TUNER_STORAGE_FILE")
    return _read_secret("TUNER_STORAGE_FILE", path).strip() if path else DEFAULT_URL


def _with_credentials(ctx: click.Context, param: click.Parameter, url: str) -> str:
    """Put the password from its file into the URL, and register it as a secret that no text shows."""
    from tuner.security.credentials import UnreadableSecret, keep_url_secret, with_password

    keep_url_secret(url)
    if ctx.get_parameter_source("url") is ParameterSource.COMMANDLINE and mask_password(url) != url:
        _warn(
            "whoever can list processes can read the password in --storage; "
            "set TUNER_STORAGE, TUNER_STORAGE_FILE or TUNER_STORAGE_PASSWORD_FILE instead"
        )
    path = os.environ.get("TUNER_STORAGE_PASSWORD_FILE")
    if not path:
        return url
    try:
        return with_password(url, _read_secret("TUNER_STORAGE_PASSWORD_FILE", path))
    except UnreadableSecret as error:
        raise click.UsageError(str(error)) from error


def _read_secret(name: str, path: str) -> str:
    from tuner.security.credentials import UnreadableSecret, read_secret

    try:
        return read_secret(path, name=name, warn=_warn)
    except UnreadableSecret as error:
        raise click.UsageError(str(error)) from error


def _warn(text: str) -> None:
    click.echo(f"Warning: {text}", err=True)


def debug_option(command: Command) -> Command:
    """Add --debug, which `main` reads before any command is parsed."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks and trainers' output.")(
        command
    )


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def worker_options(command: Command) -> Command:
    """Add --workers and --devices."""
    command = click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Trials at a time. [default: one per GPU; on CPU 1]",
    )(command)
    return click.option(
        "--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0,1 or auto."
    )(command)


def budget_options(whose: str) -> Callable[[Command], Command]:
    """Return a decorator that adds --trials and --runs; they are handed to the command as `budget`.

    Args:
        whose: Whose budget they replace, for the help.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_budget(*args: Any, trials: int | None, runs: float | None, **kwargs: Any) -> Any:
            given = {"trials": trials, "runs": runs}
            budget = {name: value for name, value in given.items() if value is not None}
            return command(*args, budget=budget, **kwargs)

        decorated: Any = with_budget
        decorated = click.option(
            "--runs",
            type=click.FloatRange(min=0, min_open=True),
            metavar="R",
            help=f"Full runs in all, in place of {whose} trials and runs: device time of so many times trial 0.",
        )(decorated)
        decorated = click.option(
            "--trials",
            type=click.IntRange(min=1),
            metavar="N",
            help=f"Trials in all, in place of {whose} trials and runs.",
        )(decorated)
        return cast(Command, decorated)

    return decorate


class Seconds(click.ParamType[float]):
    """A duration such as `90`, `60s` or `2m`, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        from tuner.study.durations import parse_duration

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def timing_options(command: Command) -> Command:
    """Add --lease, --beat and --grace; hand them to the command as `timing`."""

    @functools.wraps(command)
    def with_timing(*args: Any, lease: float, beat: float | None, grace: float, **kwargs: Any) -> Any:
        from tuner.supervisor.timing import Timing

        try:
            timing = Timing(lease_s=lease, beat_s=beat, grace_s=grace)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        return command(*args, timing=timing, **kwargs)

    decorated: Any = with_timing
    for flag, default, text in (
        ("grace", "30s", "Time for saving running trials after a signal."),
        ("beat", None, "Time between two heartbeats.  [default: a quarter of the lease, at most 15s]"),
        ("lease", "60s", "Time after which a silent worker loses its trial."),
    ):
        decorated = click.option(
            f"--{flag}",
            type=Seconds(),
            default=default,
            show_default=default is not None,
            envvar=f"TUNER_{flag.upper()}",
            metavar="TIME",
            help=text,
        )(decorated)
    return cast(Command, decorated)


def overrides_options(command: Command) -> Command:
    """Add --data, --model, --any-versions and --trust-remote-code; hand them to the command as `overrides`."""

    @functools.wraps(command)
    def with_places(*args: Any, data: str | None, model: str | None, **kwargs: Any) -> Any:
        from tuner.study.overrides import MachineOverrides

        more = {
            name: kwargs.pop(name) for name in ("any_versions", "allow_pickle", "trust_remote_code") if name in kwargs
        }
        return command(*args, overrides=MachineOverrides(data=_here(data), model=_here(model), **more), **kwargs)

    decorated: Any = with_places
    decorated = click.option(
        "--trust-remote-code",
        is_flag=True,
        envvar="TUNER_TRUST_REMOTE_CODE",
        help="Let the model's own code run here, where the study names its commit. [env: TUNER_TRUST_REMOTE_CODE]",
    )(decorated)
    decorated = click.option(
        "--any-versions", is_flag=True, help="Continue with other versions of torch, transformers, tokenizers or numpy."
    )(decorated)
    decorated = click.option("--model", metavar="SOURCE", help="Where the model is on this machine.")(decorated)
    decorated = click.option("--data", metavar="SOURCE", help="Where the data are on this machine.")(decorated)
    return cast(Command, decorated)


def allow_pickle_option(command: Command) -> Command:
    """Add --allow-pickle. Put this decorator above `overrides_options`, which passes the value on."""
    return click.option(
        "--allow-pickle",
        is_flag=True,
        envvar="TUNER_ALLOW_PICKLE",
        help="Let CMA-ES unpickle data that other users of the database can write. [env: TUNER_ALLOW_PICKLE]",
    )(command)


def _here(written: str | None) -> str | None:
    """Return a source; where it is a path, as an absolute path."""
    from tuner.study.study_file import absolute_path

    return None if written is None else absolute_path(written, Path.cwd())


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; see `tuner.reporting.json_text`."""
    from tuner.reporting.json_text import json_text

    click.echo(json_text(value))

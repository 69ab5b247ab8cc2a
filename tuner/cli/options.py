"""Options that several commands share."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from storage import DEFAULT_URL

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
        help="Database of the studies. [env: TUNER_STORAGE, or TUNER_STORAGE_FILE, a file with the URL]",
    )(command)
    return debug_option(command)


def _default_url() -> str:
    path = os.environ.get("TUNER_STORAGE_FILE")
    if not path:
        return DEFAULT_URL
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"TUNER_STORAGE_FILE: {path} cannot be read: {error}") from error


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
        help="Trials at a time. [default: one a GPU; on CPU 1]",
    )(command)
    return click.option(
        "--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0,1 or auto."
    )(command)


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; numbers that JSON cannot write become null."""
    click.echo(json.dumps(_finite(value), indent=2, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value

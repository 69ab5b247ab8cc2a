"""`tuner init`: write a study file to edit."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import debug_option
from tuner.service.init import examples, write_example


@click.command("init")
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--example",
    type=click.Choice(examples()),
    default="study",
    show_default=True,
    help="Example to start from.",
)
@debug_option
def command(path: Path | None, example: str) -> None:
    """Write a study file to edit, to PATH or to a file named for the example."""
    path = path or Path(f"{example}.yaml")
    try:
        write_example(example, path)
    except FileExistsError as error:
        raise click.UsageError(f"{path} exists; give another path") from error
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {path}. Next: tuner check {path}")

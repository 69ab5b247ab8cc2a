"""`tuner init`: write a study file to edit."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from tuner.cli.options import debug_option


def _examples() -> list[str]:
    entries = resources.files("tuner.templates").iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in entries if entry.name.endswith(".yaml"))


@click.command("init")
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--example",
    type=click.Choice(_examples()),
    default="study",
    show_default=True,
    help="What to start from.",
)
@debug_option
def command(path: Path | None, example: str) -> None:
    """Write a study file to edit, to PATH or to a file named for the example."""
    path = path or Path(f"{example}.yaml")
    text = resources.files("tuner.templates").joinpath(f"{example}.yaml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise click.UsageError(f"{path} exists; give another path") from error
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {path}. Next: tuner check {path}")

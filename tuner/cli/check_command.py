"""`tuner check`: find mistakes in a study file before GPU time is spent on it."""

from __future__ import annotations

from pathlib import Path

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("check")
@click.argument("study", type=click.Path(path_type=Path))
@json_option
@storage_option
@click.option("--checkpoints", metavar="URL", help="Folder of the kept weights.")
def command(study: Path, as_json: bool, url: str, checkpoints: str | None) -> None:
    """Validate STUDY, then train the corners of its search space for a few steps on a few rows."""
    from rich.console import Console

    from tuner.cli.reading import read_study_file
    from tuner.reporting.stages import stages
    from tuner.reporting.text import counted
    from tuner.service.check import check

    config = read_study_file(study, checkpoints)
    lines: list[str] = []
    try:
        with stages(Console(stderr=True)) as progress:
            outcome = check(config, url, source=str(study), say=lines.append, progress=progress)
    finally:  # a corner that fails is an error, and the report on the data may tell why
        for line in lines:
            click.echo(line, err=as_json)
    if as_json:
        print_json(outcome)
    else:
        found = outcome["warnings"]
        verdict = f"can be started, with {counted(len(found), 'warning')} above" if found else "sound"
        click.echo(f"{study}: {verdict}. Next: tuner start {study}")

"""`tuner start`: create a study, or continue it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import budget_options, storage_option, timing_options, worker_options

if TYPE_CHECKING:
    from tuner.supervisor.timing import Timing


@click.command("start")
@click.argument("study", type=click.Path(path_type=Path))
@storage_option
@worker_options
@budget_options("the study file's")
@click.option("--checkpoints", metavar="URL", help="Folder or URL of the checkpoints, stored with the study.")
@timing_options
def command(
    study: Path,
    url: str,
    workers: int | None,
    devices: str,
    budget: dict[str, Any],
    checkpoints: str | None,
    timing: Timing,
) -> None:
    """Create the study of the file STUDY, or continue it, and run trials here until its budget is spent."""
    from tuner.cli.reading import read_study_file
    from tuner.cli.running import run_and_report
    from tuner.service import start as service

    config = read_study_file(study, checkpoints)
    run_and_report(
        config.name,
        url,
        workers,
        devices,
        timing,
        lambda machine, watch: service.start(config, url, machine, watch, source=str(study), budget=budget),
    )

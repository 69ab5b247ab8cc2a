"""`tuner resume`: continue a study from the database alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import (
    allow_pickle_option,
    budget_options,
    overrides_options,
    storage_option,
    timing_options,
    worker_options,
)

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides
    from tuner.supervisor.timing import Timing


@click.command("resume")
@click.argument("name")
@storage_option
@worker_options
@budget_options("the study's")
@allow_pickle_option
@overrides_options
@timing_options
def command(
    name: str,
    url: str,
    workers: int | None,
    devices: str,
    budget: dict[str, Any],
    overrides: MachineOverrides,
    timing: Timing,
) -> None:
    """Continue the study NAME from the database alone, on any machine. A paused study runs again."""
    from tuner.cli.running import run_and_report
    from tuner.service import resume as service

    run_and_report(
        name,
        url,
        workers,
        devices,
        timing,
        lambda machine, watch: service.resume(name, url, machine, watch, budget=budget, overrides=overrides),
    )

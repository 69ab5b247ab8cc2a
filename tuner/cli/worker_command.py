"""`tuner worker`: one worker of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tuner.cli.options import allow_pickle_option, overrides_options, storage_option, timing_options

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides
    from tuner.supervisor.timing import Timing


@click.command("worker")
@click.argument("name")
@storage_option
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0,1 or auto.")
@allow_pickle_option
@overrides_options
@timing_options
def command(name: str, url: str, devices: str, overrides: MachineOverrides, timing: Timing) -> None:
    """Run one trial of the study NAME at a time, on one device, until its budget is spent."""
    from tuner.cli.running import run_and_report
    from tuner.service import resume as service

    run_and_report(
        name,
        url,
        1,
        devices,
        timing,
        lambda machine, watch: service.resume(name, url, machine, watch, overrides=overrides, reopen=False),
    )

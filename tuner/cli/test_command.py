"""`tuner test`: open the test split of a study, once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tuner.cli.options import json_option, overrides_options, print_json, storage_option, timing_options

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides
    from tuner.supervisor.timing import Timing


@click.command("test")
@click.argument("name")
@click.option("--now", is_flag=True, help="Open it though the study is not over.")
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0 or auto.")
@timing_options
@overrides_options
@json_option
@storage_option
def command(
    name: str, now: bool, devices: str, timing: Timing, overrides: MachineOverrides, as_json: bool, url: str
) -> None:
    """Tell by the test split whether the best trial of the study NAME is better than trial 0.

    The test split is opened once: later calls show the same verdict. What is chosen by test rows cannot be judged by
    them, so open it when the search is over.
    """
    from rich.console import Console

    from storage import waiting_for_connections
    from tuner.cli.reading import opened
    from tuner.reporting.events import Notice
    from tuner.reporting.terminal import progress
    from tuner.reporting.views import recipe_of, verdict_view
    from tuner.service.opening import open_test
    from tuner.service.run import Machine

    machine = Machine(devices=devices, workers=1, debug="--debug" in sys.argv, timing=timing)
    with opened(name, url) as (database, study):
        with (
            progress(Console(stderr=True)) as watch,
            waiting_for_connections(lambda text: watch(Notice(text=text))),
        ):
            open_test(database, study, machine, watch, overrides=overrides, now=now)
        view = verdict_view(database, study)
    if as_json:
        print_json(view)
        return
    for sentence in view["sentences"]:
        click.echo(sentence)
    if view["method"] is not None:
        click.echo(view["method"])
    if view["recipe"]["changes"] and view["verdict"]["recipe_value"] is not None:
        click.echo(f"Trial 0 is {recipe_of(view)}.")

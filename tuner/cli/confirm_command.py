"""`tuner confirm`: train the leaders of a study again, with other seeds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import (
    json_option,
    overrides_options,
    print_json,
    storage_option,
    timing_options,
    worker_options,
)
from tuner.study.confirmation_size import SEEDS, TOP

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides
    from tuner.supervisor.timing import Timing


@click.command("confirm")
@click.argument("name")
@click.option(
    "--top", type=click.IntRange(min=1), default=TOP, show_default=True, metavar="N", help="Trials beside trial 0."
)
@click.option(
    "--seeds", type=click.IntRange(min=1), default=SEEDS, show_default=True, metavar="N", help="Other seeds of each."
)
@worker_options
@timing_options
@overrides_options
@json_option
@storage_option
def command(
    name: str,
    top: int,
    seeds: int,
    workers: int | None,
    devices: str,
    timing: Timing,
    overrides: MachineOverrides,
    as_json: bool,
    url: str,
) -> None:
    """Train the best trials of the study NAME, and trial 0, again with other seeds.

    One seed after another, until the order is settled. At most two of the trials are from one depth. It may be stopped,
    and goes on where it was.
    """
    from rich.console import Console

    from storage import waiting_for_connections
    from tuner.cli.reading import opened
    from tuner.reporting.confirmation import confirmation_view, price_words
    from tuner.reporting.events import Notice
    from tuner.reporting.terminal import progress
    from tuner.service.confirm import begun, confirm, price
    from tuner.service.run import Machine

    machine = Machine(devices=devices, workers=workers, debug="--debug" in sys.argv, timing=timing)
    with opened(name, url) as (database, study):
        found = price(database, study, top=top, seeds=seeds)
        if begun(database, study, found) is None:
            click.echo(price_words(found.leaders, found.seeds, found.runs), err=as_json)
        with (
            progress(Console(stderr=True)) as watch,
            waiting_for_connections(lambda text: watch(Notice(text=text))),
        ):
            record = confirm(database, study, machine, watch, found, overrides=overrides)
        view = confirmation_view(database, study, record)
    if as_json:
        print_json(view)
        return
    for line in _lines(view):
        click.echo(line)


def _lines(view: dict[str, Any]) -> list[str]:
    lines = []
    for each in view["leaders"]:
        interval = "" if each["interval"] is None else f", {each['interval'][0]:.4f} to {each['interval'][1]:.4f}"
        values = " ".join(f"{value:.4f}" for value in each["values"])
        lines.append(f"  trial {each['trial']:<4} {view['metric']} {each['mean']:.4f}{interval}  ({values})")
    return [*lines, *view["sentences"]]

"""`tuner report`: a study on one page that can be given to other people."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.options import json_option, overrides_options, print_json, storage_option

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides


@click.command("report")
@click.argument("name")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--no-examples", is_flag=True, help="Read no data and judge no model: leave out what is wrong, and why.")
@click.option("--force", is_flag=True, help="Replace FILE even if it is no report of tuner.")
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0 or auto.")
@overrides_options
@json_option
@storage_option
def command(
    name: str,
    file: Path | None,
    no_examples: bool,
    force: bool,
    devices: str,
    overrides: MachineOverrides,
    as_json: bool,
    url: str,
) -> None:
    """Write a report of the study NAME to FILE: a page with all figures that needs no network.

    FILE ends in .html, .md (without figures) or .json. The report tells the verdict, the best trial beside trial 0 and
    what each gets wrong, the curves, the cost, the data, all trials, and how to repeat the study.
    """
    from rich.console import Console

    from tuner.cli.reading import opened
    from tuner.machine.devices import select_devices
    from tuner.machine.nvml import DriverNvml
    from tuner.reporting.terminal import progress
    from tuner.service.report import Judges, check_writable, form_of, report, write

    form = None if file is None else form_of(file)
    if file is None and not as_json:
        raise click.UsageError(f"give a FILE, such as {name}.html; or --json, which prints the report")
    if file is not None:
        if form is None:
            raise click.UsageError(f"{file}: a report ends in .html, .md or .json")
        check_writable(file, form, force=force)
    with opened(name, url) as (database, study), progress(Console(stderr=True)) as watch:
        judges = None
        if not no_examples:
            device = select_devices(devices, os.environ, DriverNvml())[0]
            log = None if "--debug" in sys.argv else Path(os.devnull)
            judges = Judges(device=device, overrides=overrides, log=log, progress=watch)
        found = report(database, study, judges)
    if file is not None and form is not None:
        write(found, file, form)
        click.echo(f"Wrote {file}", err=as_json)
        if found.examined.mistakes is None:
            click.echo(f"Left out: the confusion and the examples. {found.examined.missing}", err=True)
    if as_json:
        print_json(found.to_dict())

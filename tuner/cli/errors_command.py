"""`tuner errors`: what the best trial of a study gets wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import json_option, overrides_options, print_json, storage_option

if TYPE_CHECKING:
    from tuner.study.overrides import MachineOverrides

#: Characters of a text that are shown.
_SHOWN = 160


@click.command("errors")
@click.argument("name")
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0 or auto.")
@overrides_options
@json_option
@storage_option
def command(name: str, devices: str, overrides: MachineOverrides, as_json: bool, url: str) -> None:
    """Show which rows the best trial of the study NAME gets wrong, beside trial 0.

    They are those of the test split once `tuner test` has opened it, and of the validation split before.
    """
    from rich.console import Console

    from tuner.cli.reading import opened
    from tuner.machine.devices import select_devices
    from tuner.machine.nvml import DriverNvml
    from tuner.reporting.terminal import progress
    from tuner.service.mistakes import mistakes

    device = select_devices(devices, os.environ, DriverNvml())[0]
    log = None if "--debug" in sys.argv else Path(os.devnull)
    with opened(name, url) as (database, study), progress(Console(stderr=True)) as watch:
        view = mistakes(database, study, device, overrides=overrides, log=log, progress=watch)
    if as_json:
        print_json(view)
        return
    for line in _lines(view):
        click.echo(line)


def _lines(view: dict[str, Any]) -> list[str]:
    wrong = view["rows"] - view["right"]
    lines = [f"trial {view['trial']} gets {wrong:,} of {view['rows']:,} {view['split']} rows wrong"]
    width = max(len(each["label"]) for each in view["classes"])
    lines += ["", f"  {'class':<{width}}  {'rows':>6}  precision  recall     f1"]
    for each in view["classes"]:
        precision, recall = ("-" if value is None else f"{value:.3f}" for value in (each["precision"], each["recall"]))
        lines.append(f"  {each['label']:<{width}}  {each['rows']:>6,}  {precision:>9}  {recall:>6}  {each['f1']:.3f}")
    lines += ["", *_confusions(view)]
    calibration = view["calibration"]
    lines.append(
        f"Its confidence is {calibration['confidence']:.3f} in the mean, and {view['right'] / view['rows']:.3f} of the "
        f"rows are right; the calibration error is {calibration['error']:.3f}."
    )
    lines += _rows("Mistakes that it is most confident of", view["confident_mistakes"])
    if view["recipe_trial"] is not None:
        alone = view["alone"]
        lines += _rows(f"Rows that only trial {view['trial']} gets right ({alone['winner']:,})", view["only_winner"])
        lines += _rows(f"Rows that only trial 0 gets right ({alone['recipe']:,})", view["only_recipe"])
    return lines


def _confusions(view: dict[str, Any]) -> list[str]:
    """Return the classes that are taken for one another most often."""
    labels, confusion = view["labels"], view["confusion"]
    found = [
        (confusion[one][other], labels[one], labels[other])
        for one in range(len(labels))
        for other in range(len(labels))
        if one != other and confusion[one][other]
    ]
    found.sort(key=lambda each: -each[0])
    return [f"  {count:,} of {one} taken for {other}" for count, one, other in found[:10]]


def _rows(title: str, rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = ["", f"{title}:"]
    for row in rows:
        said = row["predictions"][-1]
        lines.append(f"  {row['place']}: {row['label']}, taken for {said['label']} ({said['confidence']:.3f})")
        if text := " ".join(row["text"].split()):
            lines.append(f"    {text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'}")
    return lines

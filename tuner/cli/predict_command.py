"""`tuner predict`: what a model says of new rows."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tuner.cli.options import json_option, overrides_options, print_json, storage_option

if TYPE_CHECKING:
    from tuner.service.predict import Asked
    from tuner.study.overrides import MachineOverrides

#: Characters of a text that are shown.
_SHOWN = 100
#: Endings of the files that are written.
_ENDINGS = (".csv", ".jsonl")


@click.command("predict")
@click.argument("name")
@click.argument("file")
@click.option("--trial", type=click.IntRange(min=0), metavar="N", help="Which trial of a study. [default: the best]")
@click.option(
    "--max-new-tokens",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    metavar="N",
    help="Tokens of a completion, at most.",
)
@click.option("--untouched", is_flag=True, help="Show what a study's language model says before training as well.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A new file for it, .csv or .jsonl.")
@click.option("--devices", default="auto", show_default=True, metavar="SPEC", help="cpu, cuda, cuda:0 or auto.")
@overrides_options
@json_option
@storage_option
def command(
    name: str,
    file: str,
    trial: int | None,
    max_new_tokens: int,
    untouched: bool,
    output: Path | None,
    devices: str,
    overrides: MachineOverrides,
    as_json: bool,
    url: str,
) -> None:
    """Show what a model says of the rows of FILE: labels with probabilities, or completions.

    NAME is a study, whose best trial is asked, or a folder that `tuner export` has written. FILE is read as the study's
    data are, and needs no labels; - reads lines from standard input, each a text or a prompt.
    """
    if output is not None and output.suffix not in _ENDINGS:
        raise click.UsageError(f"--output {output}: give a file that ends with {' or '.join(_ENDINGS)}")
    if output is not None and output.exists():
        raise click.UsageError(f"--output {output} exists; give a new file")

    from rich.console import Console

    from tuner.machine.devices import select_devices
    from tuner.machine.nvml import DriverNvml
    from tuner.reporting.terminal import progress
    from tuner.service.predict import Asked

    lines = _read_lines(sys.stdin) if file == "-" else ()
    with progress(Console(stderr=True)) as watch:
        asked = Asked(
            file=None if file == "-" else Path(file),
            lines=lines,
            device=select_devices(devices, os.environ, DriverNvml())[0],
            max_new_tokens=max_new_tokens,
            untouched=untouched,
            log=None if "--debug" in sys.argv else Path(os.devnull),
            progress=watch,
        )
        found, warnings = _found(name, url, asked, trial=trial, overrides=overrides)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    for reason, count in found["left_out"].items():
        click.echo(f"left out: {count:,} {reason}", err=True)
    if output is not None:
        scratch = output.with_name(f".{output.name}-{os.getpid()}")
        try:
            with scratch.open("x", encoding="utf-8", newline="") as stream:
                _write(stream, found, output.suffix)
            scratch.rename(output)
        finally:
            scratch.unlink(missing_ok=True)
    if as_json:
        print_json(found)
    elif output is not None:
        click.echo(f"Wrote {len(found['rows']):,} rows to {output}")
    else:
        for line in _lines(found):
            click.echo(line)


def _read_lines(stream: IO[str]) -> tuple[str, ...]:
    """Return the lines that hold something, without their ends: a blank behind a prompt is a part of it."""
    return tuple(line.rstrip("\r\n") for line in stream if line.strip())


def _found(
    name: str, url: str, asked: Asked, *, trial: int | None, overrides: MachineOverrides
) -> tuple[dict[str, Any], list[str]]:
    """Ask the study of a name, or the folder where there is no such study; return what it says, and warnings."""
    from storage import DatabaseMissing, History, StudyNotFound
    from tuner.cli.reading import opened
    from tuner.service.doubts import doubts
    from tuner.service.predict import predict_with_folder, predict_with_study

    folder = Path(name)
    if os.sep not in name:
        try:
            with opened(name, url) as (database, study):
                found = predict_with_study(database, study, asked, trial=trial, overrides=overrides)
                value = History(database, study).trial(found["trial"]).value
                return found, doubts(database, study, value, is_chosen=trial is None)
        except (StudyNotFound, DatabaseMissing):
            if not folder.is_dir():
                raise
    if trial is not None:
        raise click.UsageError(f"--trial: {name} is a folder with one model")
    if asked.untouched:
        raise click.UsageError(f"--untouched: {name} is a folder, which does not have the model before training")
    return predict_with_folder(folder, asked), []


def _write(stream: IO[str], found: dict[str, Any], ending: str) -> None:
    if ending == ".jsonl":
        stream.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in found["rows"])
        return
    table = csv.writer(stream)
    if found["labels"]:
        table.writerow(["place", "input", "label", *(f"p({label})" for label in found["labels"])])
        for row in found["rows"]:
            shares = (row["probabilities"][label] for label in found["labels"])
            table.writerow([row["place"], row["input"], row["label"], *shares])
        return
    names = [
        name for name in ("place", "input", "untouched", "completion") if all(name in row for row in found["rows"])
    ]
    table.writerow(names)
    table.writerows([row[name] for name in names] for row in found["rows"])


def _lines(found: dict[str, Any]) -> list[str]:
    width = max((len(label) for label in found["labels"]), default=0)
    lines = []
    for row in found["rows"]:
        shown = _shown(row["input"]) or row["place"]
        if found["labels"]:
            lines.append(f"{row['label']:<{width}}  {row['probabilities'][row['label']]:.3f}  {shown}")
        elif "untouched" in row:
            before, after = (_shown(row[name], None) for name in ("untouched", "completion"))
            lines += [shown, f"  untouched: {before}", f"  tuned:     {after}"]
        else:
            lines.append(f"{shown} -> {_shown(row['completion'], None)}")
    return lines


def _shown(text: str, most: int | None = _SHOWN) -> str:
    """Return a text as one line that a terminal can show."""
    line = "".join(each if each.isprintable() else "\ufffd" for each in " ".join(text.split()))
    return line if most is None or len(line) <= most else f"{line[:most]}…"

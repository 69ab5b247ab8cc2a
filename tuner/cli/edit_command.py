"""`tuner edit`: change a study that exists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tuner.cli.options import Seconds, storage_option


class OrNone(click.ParamType[Any]):
    """A value, or the word `none`.

    Args:
        inner: Type that parses the value.
    """

    def __init__(self, inner: click.ParamType[Any] | Callable[[str], Any]) -> None:
        self._inner = click.types.convert_type(inner)
        self.name = self._inner.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed value, or the word."""
        return "none" if value == "none" else self._inner.convert(value, param, ctx)


@click.command("edit")
@click.argument("name")
@click.option("--trials", type=OrNone(click.IntRange(min=1)), metavar="N|none", help="Number of trials in all.")
@click.option(
    "--runs",
    type=OrNone(click.FloatRange(min=0, min_open=True)),
    metavar="R|none",
    help="Full runs: device time of so many times trial 0.",
)
@click.option(
    "--stop",
    type=click.Choice(["auto", "none"]),
    help="Whether a search over depths ends before its budget is spent, once no trial is worth its price.",
)
@click.option(
    "--test",
    type=click.Choice(["at_end", "none"]),
    help="Whether the test split is opened once the study is over.",
)
@click.option(
    "--time", type=OrNone(Seconds()), metavar="TIME|none", help="Wall time in which at least one worker runs."
)
@click.option(
    "--device-hours",
    type=OrNone(click.FloatRange(min=0, min_open=True)),
    metavar="H|none",
    help="Device hours of all trials together.",
)
@click.option("--trial-time", type=OrNone(Seconds()), metavar="TIME|none", help="Device time of one trial.")
@click.option(
    "--pruner",
    metavar="PRUNER",
    help="Pruner, written as in a study file: none, or {name: percentile, percentile: 50}.",
)
@click.option(
    "--report-to",
    metavar="NAMES|none",
    help="Trackers with commas between them, such as wandb,mlflow; for commands that begin later.",
)
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Number of best trials whose weights are kept.")
@click.option(
    "--keep-shelved/--no-keep-shelved",
    default=None,
    help="Whether trials that are not promoted stay put aside when the study ends.",
)
@click.option(
    "--checkpoint-limit",
    type=OrNone(str),
    metavar="SIZE|none",
    help="Most bytes of the study's checkpoints, such as 20GB; none takes a share of the disk.",
)
@click.option(
    "--max-failed",
    type=OrNone(click.IntRange(min=1)),
    metavar="N|none",
    help="Number of failed trials in a row that pauses the study.",
)
@click.option(
    "--set",
    "entries",
    multiple=True,
    metavar="NAME=VALUE",
    help="A hyperparameter of the search space, written as in a study file: learning_rate='{low: 1e-6}', "
    "batch_size='[8, 16]' or dropout=0.1. Keys of a range that are left out stay as they are; `none` removes a "
    "hyperparameter that is none of the seven.",
)
@click.option(
    "--space",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A YAML file of such hyperparameters; those that it leaves out stay as they are.",
)
@storage_option
def command(
    name: str,
    trials: Any,
    runs: Any,
    stop: str | None,
    test: str | None,
    time: Any,
    device_hours: Any,
    trial_time: Any,
    pruner: str | None,
    report_to: str | None,
    keep: int | None,
    keep_shelved: bool | None,
    checkpoint_limit: Any,
    max_failed: Any,
    entries: tuple[str, ...],
    space: Path | None,
    url: str,
) -> None:
    """Change settings of the study NAME on all machines, also while it runs.

    Weights that a smaller --keep removes cannot be restored.

    After a change of the search space, earlier trials stay. The sampler learns from those that the new space has.
    """
    parts = {"trials": trials, "runs": runs, "time": time, "device_hours": device_hours, "trial_time": trial_time}
    budget = {key: _stored(value) for key, value in parts.items() if value is not None}
    changes: dict[str, Any] = {"budget": budget} if budget else {}
    others = {
        "keep": keep,
        "keep_shelved": keep_shelved,
        "checkpoint_limit": checkpoint_limit,
        "max_failed": max_failed,
        "report_to": report_to,
    }
    changes |= {key: _stored(value) for key, value in others.items() if value is not None}
    if changes.get("report_to"):
        changes["report_to"] = [each.strip() for each in str(report_to).split(",") if each.strip()]
    if stop is not None:
        changes["stop"] = stop
    if test is not None:
        changes["test"] = test
    if pruner is not None:
        changes["pruner"] = _read(pruner)
    if in_space := _space_entries(entries, space):
        changes["search_space"] = in_space
    if not changes:
        raise click.UsageError("nothing to change: give at least one option; `tuner edit --help` lists them")

    from storage import Studies
    from tuner.cli.reading import opened
    from tuner.reporting.views import overview
    from tuner.service.edit import edit
    from tuner.service.space_edit import trials_within_words

    with opened(name, url) as (database, study):
        lines = edit(database, study, changes)
        record = Studies(database).get(name)
        status = overview(database, record)
        is_other = any(line.startswith("search_space.") for line in lines)
        told = trials_within_words(database, record) if is_other else None
    for line in lines or ["no setting differs"]:
        click.echo(f"{name}: {line}")
    if told:
        click.echo(told)
    if status["state"] in ("paused", "interrupted"):
        click.echo(f"`tuner resume {name}` goes on.")


def _stored(value: Any) -> Any:
    return None if value == "none" else value


def _space_entries(written: tuple[str, ...], path: Path | None) -> dict[str, Any]:
    """Return the hyperparameters that are to change, those of the options after those of the file."""
    from search_spaces import parse_yaml, read_yaml
    from tuner.study.config import EDITABLE

    entries = {} if path is None else read_yaml(path)
    if path is not None and not entries:
        raise click.UsageError(f"{path} names no hyperparameter")
    given: set[str] = set()
    for each in written:
        name, is_given, value = each.partition("=")
        name = name.strip()
        if not is_given or not name or not value.strip():
            raise click.UsageError(f"--set {each!r}: write NAME=VALUE, such as dropout=0.1")
        if name in given:
            raise click.UsageError(f"--set {name} is given twice: write all of its keys in one mapping")
        given.add(name)
        if name in EDITABLE and name != "search_space":
            raise click.UsageError(f"--set is for the search space; `tuner edit --help` lists the option for {name}")
        entries |= parse_yaml(f"{name}: {value}", source=f"--set {name}")
    return entries


def _read(written: str) -> Any:
    from search_spaces import parse_yaml

    return parse_yaml(f"pruner: {written}", source="--pruner")["pruner"]

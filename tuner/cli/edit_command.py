"""`tuner edit`: change a study that exists."""

from __future__ import annotations

from collections.abc import Callable
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
    keep: int | None,
    keep_shelved: bool | None,
    checkpoint_limit: Any,
    max_failed: Any,
    url: str,
) -> None:
    """Change settings of the study NAME on all machines, also while it runs.

    Weights that a smaller --keep removes cannot be restored.
    """
    parts = {"trials": trials, "runs": runs, "time": time, "device_hours": device_hours, "trial_time": trial_time}
    budget = {key: _stored(value) for key, value in parts.items() if value is not None}
    changes: dict[str, Any] = {"budget": budget} if budget else {}
    others = {
        "keep": keep,
        "keep_shelved": keep_shelved,
        "checkpoint_limit": checkpoint_limit,
        "max_failed": max_failed,
    }
    changes |= {key: _stored(value) for key, value in others.items() if value is not None}
    if stop is not None:
        changes["stop"] = stop
    if test is not None:
        changes["test"] = test
    if pruner is not None:
        changes["pruner"] = _read(pruner)
    if not changes:
        raise click.UsageError("nothing to change: give at least one option; `tuner edit --help` lists them")

    from storage import Studies
    from tuner.cli.reading import opened
    from tuner.reporting.views import overview
    from tuner.service.edit import edit

    with opened(name, url) as (database, study):
        lines = edit(database, study, changes)
        status = overview(database, Studies(database).get(name))
    for line in lines or ["no setting differs"]:
        click.echo(f"{name}: {line}")
    if status["state"] in ("paused", "interrupted"):
        click.echo(f"`tuner resume {name}` goes on.")


def _stored(value: Any) -> Any:
    return None if value == "none" else value


def _read(written: str) -> Any:
    from search_spaces import parse_yaml

    return parse_yaml(f"pruner: {written}", source="--pruner")["pruner"]

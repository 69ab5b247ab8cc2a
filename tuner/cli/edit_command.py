"""`tuner edit`: change a study that exists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tuner.cli.options import Seconds, storage_option


class OrNone(click.ParamType[Any]):
    """A value, or the word `none`.

    Args:
        inner: What reads the value.
    """

    def __init__(self, inner: click.ParamType[Any] | Callable[[str], Any]) -> None:
        self._inner = click.types.convert_type(inner)
        self.name = self._inner.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or the word."""
        return "none" if value == "none" else self._inner.convert(value, param, ctx)


@click.command("edit")
@click.argument("name")
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="Trials in all.")
@click.option("--time", type=OrNone(Seconds()), metavar="TIME|none", help="Wall time while some worker runs trials.")
@click.option(
    "--device-hours",
    type=OrNone(click.FloatRange(min=0, min_open=True)),
    metavar="H|none",
    help="Hours of devices, over all trials.",
)
@click.option("--trial-time", type=OrNone(Seconds()), metavar="TIME|none", help="Time of a device for one trial.")
@click.option(
    "--pruner", metavar="PRUNER", help="A pruner as a study file has it: none, or {name: percentile, percentile: 50}."
)
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Best trials whose weights stay.")
@click.option(
    "--max-failed",
    type=OrNone(click.IntRange(min=1)),
    metavar="N|none",
    help="Failed trials in a row that pause the study.",
)
@storage_option
def command(
    name: str,
    trials: int | None,
    time: Any,
    device_hours: Any,
    trial_time: Any,
    pruner: str | None,
    keep: int | None,
    max_failed: Any,
    url: str,
) -> None:
    """Change budget, pruner or what is kept of the study NAME, also while it runs, for all machines.

    Weights that a smaller --keep removes do not come back.
    """
    parts = {"trials": trials, "time": time, "device_hours": device_hours, "trial_time": trial_time}
    budget = {key: _stored(value) for key, value in parts.items() if value is not None}
    changes: dict[str, Any] = {"budget": budget} if budget else {}
    changes |= {key: _stored(value) for key, value in (("keep", keep), ("max_failed", max_failed)) if value is not None}
    if pruner is not None:
        changes["pruner"] = _read(pruner)
    if not changes:
        raise click.UsageError("nothing to change: give at least one option; `tuner edit --help` lists them")

    from storage import Studies
    from tuner.cli.reading import opened
    from tuner.reporting.views import status_view
    from tuner.service.edit import edit

    with opened(name, url) as (database, study):
        lines = edit(database, study, changes)
        status = status_view(database, Studies(database).get(name))
    for line in lines or ["nothing differs from what it was"]:
        click.echo(f"{name}: {line}")
    if status["state"] in ("paused", "interrupted"):
        click.echo(f"`tuner resume {name}` goes on.")


def _stored(value: Any) -> Any:
    return None if value == "none" else value


def _read(written: str) -> Any:
    from search_spaces import parse_yaml

    return parse_yaml(f"pruner: {written}", source="--pruner")["pruner"]

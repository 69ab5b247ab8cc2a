"""`tuner status`: state, progress and workers of studies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import json_option, print_json, storage_option

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The test split by its state; the verdict itself says that it is spent.
_TEST_WORDS = {"locked": "locked; `tuner test` opens it, once", "open": "opened, the verdict is to come"}


@click.command("status")
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Show the study live until it is over or Ctrl-C ends the view.")
@json_option
@storage_option
def command(name: str | None, watch: bool, as_json: bool, url: str) -> None:
    """Show state, progress and workers of the study NAME, or of every study."""
    from storage import Database, Studies
    from tuner.cli.reading import NO_STUDY
    from tuner.reporting.views import status_view

    if watch:
        from tuner.cli.watching import watch_study

        if as_json:
            raise click.UsageError("--watch shows a picture; --json is for one answer")
        name = watch_study(name, url)
    with Database(url) as database:
        studies = Studies(database)
        views = [status_view(database, studies.get(each)) for each in ([name] if name else studies.names())]
    if as_json:
        print_json(views[0] if name else {"studies": views})
        return
    if not views:
        click.echo(NO_STUDY, err=True)
    for view in views:
        _print(view)


def search_line(search: Mapping[str, Any] | None, state: str) -> str | None:
    """Return what the search does, which it does only while the study runs, or why it has ended."""
    from tuner.reporting.views import Standing

    if search is None or not search["reason"]:
        return None
    if search["over"]:
        return f"search ended: {search['reason']}"
    return f"search now: {search['reason']}" if state == Standing.RUNNING else None


def _print(view: dict[str, Any]) -> None:
    from tuner.reporting.text import beside_guess, no_better_than_guess, spent_words
    from tuner.reporting.views import Standing, recipe_of, trials_over

    trials, over = view["trials"], trials_over(view)
    counts = ", ".join(f"{count} {state}" for state, count in trials.items() if state != "total" and count)
    click.echo(f"{view['study']}: {view['state']}, {over} of {trials['total']} trials over ({counts or 'none begun'})")
    if view["reason"]:
        click.echo(f"  paused: {view['reason']}")
    if view["best"]:
        number, value = view["best"]["trial"], view["best"]["value"]
        click.echo(f"  best: trial {number}, {beside_guess(view['metric'], value, view['guess'])}")
        if sentence := no_better_than_guess(value, view["guess"], view["direction"]):
            click.echo(f"  {sentence}")
    for sentence in view["verdict"]["sentences"] if view["verdict"] else ():
        click.echo(f"  {sentence}")
    if view["head"]:
        click.echo(f"  task: {view['head']['words']}")
    value = view["recipe"]["value"]
    shown = "not complete" if value is None else f"{view['metric']} {value:.4f}"
    click.echo(f"  trial 0: {shown}; {recipe_of(view)}")
    if words := _TEST_WORDS.get(view["test"]["state"]):
        click.echo(f"  test split: {view['test']['rows']:,} rows, {words}")
    spent = view["spent"]
    click.echo(f"  spent: {spent_words(spent['runs'], spent['device_s'], projected=spent['projected'])}")
    if line := search_line(view["search"], view["state"]):
        click.echo(f"  {line}")
    for worker in view["workers"]:
        doing = "idle" if worker["trial"] is None else f"trial {worker['trial']}"
        click.echo(
            f"  worker {worker['host']} pid {worker['pid']} {worker['device']}: {doing}, "
            f"seen {worker['beat_age_s']:.0f} s ago"
        )
    if view["state"] in (Standing.INTERRUPTED, Standing.PAUSED) and not view["workers"] and not view["overdrawn"]:
        unseen = "; a command that still prepares is not seen here" if view["state"] == Standing.INTERRUPTED else ""
        click.echo(f"  go on: tuner resume {view['study']}{unseen}")

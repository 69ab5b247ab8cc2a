"""`tuner list`: the studies of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tuner.cli.options import json_option, print_json, storage_option

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command("list")
@json_option
@storage_option
def command(as_json: bool, url: str) -> None:
    """List the studies of the database."""
    from storage import Database, Studies
    from tuner.cli.reading import NO_STUDY
    from tuner.reporting.views import overview

    with Database(url) as database:
        studies = Studies(database)
        views = [overview(database, studies.get(name)) for name in studies.names()]
    if as_json:
        print_json({"studies": [{key: view[key] for key in ("study", "state", "trials", "best")} for view in views]})
    elif views:
        _print(views)
    else:
        click.echo(NO_STUDY, err=True)


def _print(views: Sequence[dict[str, Any]]) -> None:
    from tuner.reporting.columns import Column, console, print_lines, table
    from tuner.reporting.views import trials_over

    best = [view["best"] for view in views]
    columns = [
        Column(title="study", cells=[view["study"] for view in views], least=20),
        Column(title="state", cells=[view["state"] for view in views]),
        Column(title="trials", cells=[f"{trials_over(view)}/{view['trials']['total']}" for view in views], right=True),
        Column(title="metric", cells=[view["metric"] for view in views], least=10),
        Column(title="best", cells=["" if each is None else f"{each['value']:.4f}" for each in best], right=True),
        Column(title="trial", cells=["" if each is None else str(each["trial"]) for each in best], right=True),
    ]
    print_lines(table(columns, console().width))

"""`tuner list`: the studies of a database."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("list")
@json_option
@storage_option
def command(as_json: bool, url: str) -> None:
    """List the studies of the database."""
    from storage import Database, Studies
    from tuner.reporting.views import overview, trials_over

    with Database(url) as database:
        studies = Studies(database)
        views = [overview(database, studies.get(name)) for name in studies.names()]
    if as_json:
        print_json({"studies": [{key: view[key] for key in ("study", "state", "trials", "best")} for view in views]})
        return
    for view in views:
        best = f"  best {view['best']['value']:.4f}" if view["best"] else ""
        over = f"{trials_over(view)}/{view['trials']['total']}"
        click.echo(f"{view['study']}  {view['state']}  {over} trials{best}")

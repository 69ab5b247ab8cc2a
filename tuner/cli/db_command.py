"""`tuner db`: the tables themselves."""

from __future__ import annotations

import click

from tuner.cli.options import storage_option


@click.group("db")
def command() -> None:
    """Look after the tables of a database."""


@command.command("upgrade")
@storage_option
def upgrade(url: str) -> None:
    """Bring tables of an earlier version up to date. Nobody else may use the database meanwhile."""
    from storage import Database
    from storage.upgrades import upgrade as bring_up_to_date

    with Database(url, outdated=True) as database:
        before, after = bring_up_to_date(database)
        shown = database.url
    click.echo(f"{shown}: tables of version {after}" + ("" if before == after else f", before {before}"))

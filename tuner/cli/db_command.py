"""`tuner db`: maintain the tables of a database."""

from __future__ import annotations

import click

from tuner.cli.options import storage_option


@click.group("db")
def command() -> None:
    """Maintain the tables of a database."""


@command.command("upgrade")
@storage_option
def upgrade(url: str) -> None:
    """Upgrade the tables of an earlier version. No other program may use the database meanwhile."""
    from storage import Database
    from storage.upgrades import upgrade as bring_up_to_date

    with Database(url, outdated=True) as database:
        before, after = bring_up_to_date(database)
        shown = database.url
    click.echo(f"{shown}: tables of version {after}" + ("" if before == after else f", before {before}"))

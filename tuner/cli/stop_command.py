"""`tuner stop`: end a study."""

from __future__ import annotations

import click

from tuner.cli.options import Seconds, storage_option


@click.command("stop")
@click.argument("name")
@click.option(
    "--wait",
    type=Seconds(),
    default="60s",
    show_default=True,
    metavar="TIME",
    help="How long to wait for workers to end their trials.",
)
@storage_option
def command(name: str, wait: float, url: str) -> None:
    """End the study NAME for good, on all machines: unfinished trials fail, the best weights stay."""
    from tuner.cli.reading import opened
    from tuner.reporting.text import counted
    from tuner.service.stop import stop
    from tuner.study.locations import checkpoint_store
    from tuner.study.study_file import stored_config

    with opened(name, url) as (database, study):
        store = checkpoint_store(stored_config(study, database), database.path)
        stopped = stop(database, study, store, wait_s=wait)
    whose = "its" if stopped.ended == 1 else "their"
    click.echo(f"Study {name} is stopped; {counted(stopped.ended, 'trial')} ended before {whose} time.")
    if stopped.waiting:
        click.echo(f"Not yet ended: trials of {', '.join(stopped.waiting)}; they end when these look again.", err=True)

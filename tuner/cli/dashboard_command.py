"""`tuner dashboard`: optuna-dashboard on the same storage."""

from __future__ import annotations

import click

from tuner.cli.options import storage_option


@click.command("dashboard")
@storage_option
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
def command(url: str, port: int) -> None:
    """Serve optuna-dashboard for this storage on 127.0.0.1, until Ctrl-C."""
    from tuner.dashboard import serve

    serve(url, port, ready=lambda address: click.echo(f"Dashboard on {address} (Ctrl-C ends it)", err=True))

"""`tuner dashboard`: optuna-dashboard on the same storage."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tuner.cli.options import storage_option

_FILE = click.Path(path_type=Path)


@click.command("dashboard")
@storage_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at; all but loopback need a log-in."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Another host name that requests may name; repeatable. [env: TUNER_DASHBOARD_HOSTS, separated by commas]",
)
@click.option(
    "--token-file",
    type=_FILE,
    envvar="TUNER_DASHBOARD_TOKEN_FILE",
    help="File with a token to log in with. [env: TUNER_DASHBOARD_TOKEN_FILE, or the token: TUNER_DASHBOARD_TOKEN]",
)
@click.option(
    "--auth-file",
    type=_FILE,
    envvar="TUNER_DASHBOARD_AUTH_FILE",
    help="File with a line user:password for each user. [env: TUNER_DASHBOARD_AUTH_FILE]",
)
@click.option("--allow-writes", "writes", is_flag=True, help="Accept notes, attributes and artifacts from the page.")
@click.option(
    "--artifacts",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of Optuna's artifacts to show.",
)
@click.option("--healthcheck", is_flag=True, help="Check the dashboard that runs at --host and --port, and exit.")
def command(
    url: str,
    host: str,
    port: int,
    names: tuple[str, ...],
    token_file: Path | None,
    auth_file: Path | None,
    writes: bool,
    artifacts: Path | None,
    healthcheck: bool,
) -> None:
    """Serve optuna-dashboard for this storage on 127.0.0.1, until Ctrl-C.

    It is read-only without --allow-writes.
    """
    if healthcheck:
        from tuner.dashboard.health import ask_health

        ask_health(host, port)
        click.echo("ok")
        return
    from tuner.dashboard.access import read_credentials
    from tuner.dashboard.server import Settings, serve

    written = os.environ.get("TUNER_DASHBOARD_HOSTS", "")
    settings = Settings(
        url=url,
        host=host,
        port=port,
        names=(*names, *(name.strip() for name in written.split(",") if name.strip())),
        credentials=read_credentials(
            token=os.environ.get("TUNER_DASHBOARD_TOKEN"), token_file=token_file, auth_file=auth_file
        ),
        writes=writes,
        artifacts=artifacts,
        debug="--debug" in sys.argv or bool(os.environ.get("TUNER_DEBUG")),
    )
    serve(
        settings,
        ready=lambda address: click.echo(f"Dashboard on {address} (Ctrl-C ends it)", err=True),
        say=lambda line: click.echo(line, err=True),
    )

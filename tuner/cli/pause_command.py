"""`tuner pause`: pause a study on all machines."""

from __future__ import annotations

import click

from tuner.cli.options import storage_option


@click.command("pause")
@click.argument("name")
@storage_option
def command(name: str, url: str) -> None:
    """Pause the study NAME on all machines: running trials are saved and wait until `tuner resume`."""
    from storage import Studies, StudyState
    from tuner.cli.reading import opened
    from tuner.errors import TunerError

    with opened(name, url) as (database, study):
        if study.state == StudyState.STOPPED:
            raise TunerError(f"study {name!r} was stopped: there is nothing to pause")
        Studies(database).set_state(study.id, StudyState.PAUSED)
    click.echo(f"Study {name} is paused: its workers save their trials and end. `tuner resume {name}` goes on.")

"""`tuner config`: the configuration of a study, as a study file."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("config")
@click.argument("name")
@json_option
@storage_option
def command(name: str, as_json: bool, url: str) -> None:
    """Print the configuration of the study NAME as a study file, with all defaults filled in.

    `tuner start` reads it again. Settings that `tuner edit` has changed are as they are now.
    """
    from tuner.cli.reading import opened
    from tuner.study.study_file import stored_config
    from tuner.study.written import study_file_text

    with opened(name, url) as (database, study):
        config = stored_config(study, database).to_dict()
    space = study.facts.get("space")
    if as_json:
        print_json({"study": name, "config": config, "space": space})
        return
    click.echo(study_file_text(config, space), nl=False)

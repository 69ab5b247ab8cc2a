"""`tuner best`: the best trial of a study."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("best")
@click.argument("name")
@json_option
@storage_option
def command(name: str, as_json: bool, url: str) -> None:
    """Show the best trial of the study NAME."""
    from tuner.cli.reading import opened
    from tuner.reporting.views import best_view, recipe_of

    with opened(name, url) as (database, study):
        view = best_view(database, study)
    if as_json:
        print_json(view)
        return
    click.echo(f"trial {view['trial']}: {view['metric']} {view['value']:.4f}")
    for key, value in view["hyperparameters"].items():
        click.echo(f"  {key}: {value}")
    if (value := view["recipe"]["value"]) is not None:
        click.echo(f"trial 0: {view['metric']} {value:.4f}; {recipe_of(view)}")

"""`tuner best`: the best trial of a study."""

from __future__ import annotations

from typing import Any

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("best")
@click.argument("name")
@json_option
@storage_option
def command(name: str, as_json: bool, url: str) -> None:
    """Show the best trial of the study NAME."""
    from tuner.cli.reading import opened
    from tuner.reporting.result import result_sentences, scored
    from tuner.reporting.views import best_view, recipe_of

    with opened(name, url) as (database, study):
        view = best_view(database, study)
    if as_json:
        print_json(view)
        return
    seen = view["validation"]
    click.echo(f"trial {view['trial']}: {scored(view['metric'], view['value'], seen['right'], seen['rows'])}")
    for key, value in view["hyperparameters"].items():
        click.echo(f"  {key}: {value}")
    if view["metrics"]:
        click.echo("also: " + ", ".join(f"{name} {value:.4f}" for name, value in view["metrics"].items()))
    if cheaper := [each for each in view["front"] if each["trial"] != view["trial"]]:
        click.echo("cheaper ones of which none is as good for less: " + ", ".join(map(_priced, cheaper)))
    if (value := view["recipe"]["value"]) is not None and view["parent"] is None:
        click.echo(f"trial 0: {scored(view['metric'], value, seen['recipe_right'], seen['rows'])}; {recipe_of(view)}")
    for sentence in result_sentences(view, view["guess"]):
        click.echo(sentence)


def _priced(trial: dict[str, Any]) -> str:
    from tuner.reporting.text import clock

    return f"trial {trial['trial']} with {trial['value']:.4f} in {clock(trial['device_s'])}"

"""`tuner trials`: every trial of a study."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("trials")
@click.argument("name")
@json_option
@storage_option
def command(name: str, as_json: bool, url: str) -> None:
    """Show every trial of the study NAME."""
    from storage import History
    from tuner.cli.reading import opened
    from tuner.reporting.views import trial_view

    with opened(name, url) as (database, study):
        views = [trial_view(trial) for trial in History(database, study).trials()]
    if as_json:
        print_json({"study": name, "trials": views})
        return
    from tuner.reporting.text import describe, sparkline

    for view in views:
        value = "" if view["value"] is None else f"{view['value']:.4f}"
        curve = sparkline([step["value"] for step in view["steps"]])
        reason = f"  ({view['reason']})" if view["reason"] else ""
        click.echo(
            f"{view['number']:>4}  {view['state']:<11} {value:<8} {curve:<10}  "
            f"{describe(view['hyperparameters'])}{reason}"
        )

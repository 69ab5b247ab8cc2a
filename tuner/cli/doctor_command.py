"""`tuner doctor`: find and repair records that other programs have broken."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("doctor")
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Only report the problems.")
@json_option
@storage_option
def command(name: str | None, dry_run: bool, as_json: bool, url: str) -> None:
    """Find and repair trials that no worker can continue and values that Optuna cannot read, in NAME or all studies."""
    from storage import Database, Studies
    from storage.repairs import examine

    with Database(url) as database:
        studies = Studies(database)
        names = [studies.get(name).name] if name else studies.names()
        findings = examine(database, names, repair=not dry_run)
    if as_json:
        entries = [
            {"study": each.study, "trial": each.trial, "problem": each.problem, "remedy": each.remedy}
            for each in findings
        ]
        print_json({"repaired": not dry_run, "findings": entries})
        return
    for each in findings:
        click.echo(f"{each.study} trial {each.trial}: {each.problem}. Remedy: {each.remedy}.")
    if not findings:
        click.echo("Nothing is wrong.")
    elif dry_run:
        click.echo("Nothing was changed; without --dry-run the remedies are applied.")

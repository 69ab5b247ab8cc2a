"""`tuner gc`: remove files from the store that no trial needs."""

from __future__ import annotations

import click

from tuner.cli.options import json_option, print_json, storage_option


@click.command("gc")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only list the files that would go.")
@json_option
@storage_option
def command(name: str, dry_run: bool, as_json: bool, url: str) -> None:
    """Remove files from the store that no trial of the study NAME needs any more. Safe while workers run."""
    from tuner.cli.reading import opened
    from tuner.service.gc import collect
    from tuner.study.locations import checkpoint_store
    from tuner.study.study_file import stored_config

    with opened(name, url) as (database, study):
        store = checkpoint_store(stored_config(study, database), database.path)
        before = store.used_bytes()
        removed = collect(database, study, store, dry_run=dry_run)
        after = store.used_bytes()
    if as_json:
        print_json({"study": name, "removed": removed, "bytes_before": before, "bytes_after": after})
        return
    for entry in removed:
        click.echo(entry)
    word = "would be removed" if dry_run else "removed"
    click.echo(f"{len(removed)} {word}; the store holds {after / 1e6:.1f} MB, before {before / 1e6:.1f} MB")

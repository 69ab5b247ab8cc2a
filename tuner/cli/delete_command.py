"""`tuner delete`: remove a study."""

from __future__ import annotations

import click

from tuner.cli.options import storage_option


@click.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@storage_option
def command(name: str, yes: bool, url: str) -> None:
    """Remove the study NAME, its trials and its checkpoints, and its confirmations and refits."""
    from storage import Slots, Studies
    from tuner.cli.asking import agreed
    from tuner.cli.reading import opened
    from tuner.reporting.text import counted
    from tuner.study.children import all_children
    from tuner.study.locations import checkpoint_store
    from tuner.study.study_file import stored_config

    with opened(name, url) as (database, study):
        studies = Studies(database)
        begun = counted(sum(slot.attempt > 0 for slot in Slots(database, study.id).all()), "trial")
        question = f"Remove study {name!r} with {begun} and all checkpoints?"
        otherwise = (
            f"nothing is removed: nobody can be asked without a terminal; `tuner delete {name} --yes` removes it"
        )
        if not yes and not agreed(question, otherwise=otherwise):
            click.echo(f"Nothing is removed: study {name!r} stays as it is.", err=True)
            click.get_current_context().exit(1)
        removed = [*all_children(database, study), study]
        for each in removed:
            store = checkpoint_store(stored_config(each, database), database.path)
            studies.delete(each.name)
            store.remove()
    for each in removed:
        click.echo(f"Removed study {each.name!r}.")

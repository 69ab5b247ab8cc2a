"""`tuner init`: write a study file, from an example or after a look at the data and the model."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuner.cli.asking import agreed
from tuner.cli.options import debug_option
from tuner.cli.study_questions import asked_column, asked_path, asked_sources
from tuner.service.init import example_text, examples, write_study_file
from tuner.study.data_endings import data_ending

if TYPE_CHECKING:
    from tuner.processes.messages import Progressed
    from tuner.service.draft import DraftRequest
    from tuner.study.column_roles import Roles
    from tuner.study.data_sketch import DataSketch

#: Endings of the files that are written.
_ENDINGS = (".yaml", ".yml")


@click.command("init")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--data", metavar="SOURCE", help="Look at these data: a file, a folder, a URL or a hub id.")
@click.option("--model", metavar="SOURCE", help="Look at this model: a hub id or a folder.")
@click.option("--task", metavar="TASK", help="Task of the study.  [default: as data and model suggest]")
@click.option("--text", multiple=True, metavar="COLUMN", help="Column of the text; twice for a pair.")
@click.option("--label", metavar="COLUMN", help="Column of the label.")
@click.option("--header", metavar="COLUMNS", help="Names of the columns of a file without a header: text,label.")
@click.option("--name", metavar="NAME", help="Name of the study.  [default: that of the data]")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="The file to write; same as PATH.")
@click.option("--example", type=click.Choice(examples()), help="Write an example to edit, without a look at anything.")
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@debug_option
def command(
    path: Path | None,
    data: str | None,
    model: str | None,
    task: str | None,
    text: tuple[str, ...],
    label: str | None,
    header: str | None,
    name: str | None,
    output: Path | None,
    example: str | None,
    force: bool,
) -> None:
    """Write a study file, to PATH or to a file named for the study.

    With --data and --model it looks at both: at columns, classes, lengths, duplicates and layers. Without options it
    asks for them in a terminal. Elsewhere, and with --example, it writes an example to edit.
    """
    if path is not None and output is not None:
        raise click.UsageError("give PATH or --output, not both")
    path = path or output
    if path is not None:
        _check_ending(path, looks=data is not None)
    looks = {"--data": data, "--model": model, "--task": task, "--text": text, "--label": label, "--header": header}
    given = [flag for flag, value in {**looks, "--name": name}.items() if value]
    if example is not None and given:
        raise click.UsageError(f"--example looks at nothing; drop it, or {' and '.join(given)}")
    asks = sys.stdin.isatty() and not given and example is None
    if asks:
        data, model = asked_sources()
    if not given and not data:
        example = example or "study"
        path = path or Path(f"{example}.yaml")
        _write(path, lambda: example_text(example), force=force)
    elif data is None or model is None:
        missing = "--data" if data is None else "--model"
        raise click.UsageError(f"{' and '.join(given)} {'needs' if len(given) == 1 else 'need'} {missing} too")
    else:
        from tuner.service.draft import DraftRequest, study_name

        name = name or study_name(data)
        if path is None:
            path = asked_path(f"{name}.yaml", _check_ending) if asks else Path(f"{name}.yaml")
        request = DraftRequest(
            data=data,
            model=model,
            folder=path.absolute().parent,
            task=task,
            text=text,
            label=label,
            header=tuple(each.strip() for each in header.split(",")) if header else (),
            name=name,
        )
        _write(path, lambda: _drafted(request, asks=asks), force=force)
    click.echo(f"Wrote {path}. Next: tuner check {path}")
    if data:
        click.echo("It trains a few steps, and says what a trial would cost in time and disk.")


def _drafted(request: DraftRequest, *, asks: bool) -> str:
    """Return the text of a study file, after a look at data and model."""
    from tuner.reporting.draft_text import draft_text
    from tuner.service.draft import draft

    with _Stages() as shown:
        found = draft(request, shown.asking if asks else lambda sketch, roles: roles, shown.take)
    return draft_text(found.document, found.study, found.sketch, duplicates=found.duplicates, is_causal=found.is_causal)


class _Stages:
    """The stages of a look, which make way for questions."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._take: Callable[[Progressed], None] = lambda _: None

    def __enter__(self) -> _Stages:
        from rich.console import Console

        from tuner.reporting.stages import stages

        self._take = self._stack.enter_context(stages(Console(stderr=True)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take(self, progressed: Progressed) -> None:
        """Show a stage."""
        self._take(progressed)

    def asking(self, sketch: DataSketch, roles: Roles) -> Roles:
        """Ask whether the guessed columns are right, and return the answers."""
        self._stack.close()
        if sketch.columns:
            click.echo(f"{sketch.rows:,} rows with the columns {', '.join(each.name for each in sketch.columns)}.")
        click.echo(f"This looks like {roles.task}.")
        names = [each.name for each in sketch.columns]
        columns = {key: asked_column(key, guess, names) for key, guess in roles.columns.items()}
        self.__enter__()
        return replace(roles, columns=columns)


def _check_ending(path: Path, *, looks: bool = True) -> None:
    """Refuse a path that is no study file's: with --force, somebody's data would be lost.

    Args:
        path: The path to write.
        looks: Whether the user has named data already, so that this path is not meant as data.
    """
    if path.suffix.lower() in _ENDINGS and not path.is_dir():
        return
    if not looks and (path.exists() or data_ending(path.name) is not None):
        hint = f"for data: tuner init --data {path} --model MODEL"
    else:
        hint = "give one that ends with .yaml"
    raise click.UsageError(f"{path} is no name of a study file; {hint}")


def _write(path: Path, text: Callable[[], str], *, force: bool) -> None:
    """Write a file, but not over another one: in a terminal it asks before the text is made, elsewhere it refuses."""
    if path.exists() and not force:
        if not agreed(f"{path} exists. Overwrite it?", otherwise=f"{path} exists; give another path, or --force"):
            raise click.Abort
        force = True
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        write_study_file(path, text(), overwrite=force)
    except FileExistsError as error:  # another command has written it meanwhile
        raise click.UsageError(f"{path} exists; give another path, or --force") from error
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from error

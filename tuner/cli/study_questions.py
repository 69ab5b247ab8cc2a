"""The questions of `tuner init` in a terminal. An answer that cannot be used is asked for again, at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

#: The model that is proposed where the user has none: small, and good at sentences.
_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def asked_sources() -> tuple[str, str] | tuple[None, None]:
    """Ask for data and a model that are there; return none of them where the user wants an example."""
    from tuner.service.draft import described_model, found_data

    data = _asked("Data: a file, folder, URL or hub id; empty for an example to edit", "", found_data, shown=False)
    if not data:
        return None, None
    question = "Model: a name on huggingface.co, a folder, or package:NAME/PATH"
    return data, _asked(question, _MODEL, described_model)


def asked_path(proposed: str, check: Callable[[Path], None]) -> Path:
    """Ask for the file to write.

    Args:
        proposed: What an empty answer stands for.
        check: Raises a UsageError for a path that is no study file's.
    """
    return Path(_asked("Study file to write", proposed, lambda answer: check(Path(answer))))


def asked_column(key: str, guess: str | list[str], names: list[str]) -> str | list[str]:
    """Ask for the column of a key; a pair of texts is answered by two columns with a comma between them."""
    shown = guess if isinstance(guess, str) else ", ".join(guess)
    while True:
        answer = click.prompt(f"Column of the {key}", shown)
        found = [answer] if answer in names else [each.strip() for each in answer.split(",")]
        unknown = [each for each in found if each not in names]
        if not unknown:
            return found[0] if len(found) == 1 else found
        click.echo(f"There is no column {unknown[0]!r}; there are {', '.join(names)}.", err=True)


def _asked(question: str, proposed: str, check: Callable[[str], object], *, shown: bool = True) -> str:
    from tuner.errors import ConfigError, TunerError
    from tuner.security.redaction import redact

    while True:
        answer: str = click.prompt(question, proposed, show_default=shown)
        try:
            if answer:
                check(answer)
        except click.UsageError as error:
            said = error.message
        except TunerError as error:
            said = error.reason if isinstance(error, ConfigError) else str(error)
        else:
            return answer
        click.echo(f"{redact(said)}.", err=True)

"""Study files that `tuner init` writes, and the examples among them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

_TEMPLATES = resources.files("tuner.service.templates")


def examples() -> list[str]:
    """Return the names of the example study files, in alphabetical order."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _TEMPLATES.iterdir() if entry.name.endswith(".yaml"))


def example_text(example: str) -> str:
    """Return the text of an example study file.

    Args:
        example: Its name.
    """
    return _TEMPLATES.joinpath(f"{example}.yaml").read_text(encoding="utf-8")


def write_study_file(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a study file.

    Args:
        path: Path of the file.
        text: Its text.
        overwrite: Whether a file that exists is replaced.

    Raises:
        FileExistsError: The path exists, and is not to be replaced.
        OSError: The path cannot be written.
    """
    with path.open("w" if overwrite else "x", encoding="utf-8") as file:
        file.write(text)

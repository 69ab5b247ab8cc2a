"""Example study files, which `tuner init` writes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

_TEMPLATES = resources.files("tuner.service.templates")


def examples() -> list[str]:
    """Return the names of the example study files, in alphabetical order."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _TEMPLATES.iterdir() if entry.name.endswith(".yaml"))


def write_example(example: str, path: Path) -> None:
    """Write an example study file.

    Args:
        example: Its name.
        path: Path of the new file.

    Raises:
        FileExistsError: The path exists.
        OSError: The path cannot be written.
    """
    text = _TEMPLATES.joinpath(f"{example}.yaml").read_text(encoding="utf-8")
    with path.open("x", encoding="utf-8") as file:
        file.write(text)

"""The place in a user's own code at which an error was raised, from its traceback."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

#: Folders whose code is not the user's: the standard library, installed packages, and the packages of this project.
_OTHERS = tuple(
    {
        *(str(Path(sysconfig.get_path(name))) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(str(Path(__file__).parents[2] / name) for name in ("tuner", "storage", "search_spaces")),
    }
)
_FRAME = re.compile(r'^  File "([^"\n]+)", line (\d+)', re.MULTILINE)


def place_of(traceback: str) -> str | None:
    """Return file and line of the user's own code that an error came out of, such as `boom.py:4`.

    Args:
        traceback: The traceback, as Python writes it.

    Returns:
        The place; None where no code of the user's is in the traceback.
    """
    for path, line in reversed(_FRAME.findall(traceback)):
        is_installed = not {"site-packages", "dist-packages"}.isdisjoint(Path(path).parts)
        if not (is_installed or path.startswith(("<", *(f"{each}/" for each in _OTHERS)))):
            return f"{Path(path).name}:{line}"
    return None

"""Finding of the user's own functions, which a study file names as `module:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

from search_spaces import suggestion
from tuner.errors import ConfigError, first_line


def find_function(key: str, function: str, folders: Sequence[str]) -> Any:
    """Import a function.

    Args:
        key: The key of the study file that names it.
        function: `module:function`.
        folders: Folders that may contain a module of the user's; appended to `sys.path`, so that none of their modules
            hides an installed one.

    Raises:
        ConfigError: The function does not exist, or its module cannot be imported.
    """
    sys.path.extend(folder for folder in folders if folder not in sys.path)
    module, _, name = function.partition(":")
    try:
        imported = importlib.import_module(module)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module}.".startswith(f"{missing}."):
            places = ", ".join(dict.fromkeys([*folders, "the installed packages"]))
            raise ConfigError("", key, f"there is no module {missing!r} in {places}") from error
        reason = f"{module} cannot be imported: {type(error).__name__}: {first_line(error)}"
        raise ConfigError("", key, reason) from error
    found = getattr(imported, name, None)
    if not callable(found):
        known = [each for each, value in vars(imported).items() if callable(value) and not each.startswith("_")]
        raise ConfigError("", key, f"{module} has no function {name!r}{suggestion(name, known)}")
    return found

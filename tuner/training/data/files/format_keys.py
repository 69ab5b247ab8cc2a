"""Keys of a study file that say how a file is written: those that a source has no use for are refused."""

from __future__ import annotations

from collections.abc import Collection

from tuner.errors import DataError
from tuner.study.data_config import DataConfig, FormatConfig

#: The keys that a delimited file uses, below `data`.
DELIMITED = tuple(f"format.{key}" for key in FormatConfig.model_fields)
#: The keys that a JSON file uses.
JSON = ("field", "format.encoding", "format.header")


def check_format(data: DataConfig, name: str, used: Collection[str] = ()) -> None:
    """Check that a study file gives no key that its source ignores.

    Args:
        data: The study file's `data`.
        name: The source's name in messages.
        used: The keys that the source uses; the default is that of all sources that are no text.

    Raises:
        DataError: A key is given that is not used.
    """
    given = {f"format.{key}": getattr(data.format, key) for key in FormatConfig.model_fields} | {"field": data.field}
    for key, value in given.items():
        if value is not None and key not in used:
            raise DataError("", f"data.{key}", f"means nothing for {name}; drop the key")

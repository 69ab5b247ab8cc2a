"""Rows in a file that is mapped into memory, so that the rows of a large source take no private memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def on_disk(rows: Dataset, cache: Path) -> Dataset:
    """Write rows to a file and return them mapped from it.

    The file is removed at once, so that a process which is killed leaves nothing. The kernel keeps its content for as
    long as the rows are in use.

    Args:
        rows: Some rows of a source, usually a selection.
        cache: Folder in which the file is written.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".rows-", dir=cache) as folder:
        return rows.flatten_indices(cache_file_name=str(Path(folder) / "rows.arrow"))

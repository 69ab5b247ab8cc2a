"""Loading of the rows that a study needs, from a source of any kind."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tuner.errors import DataError, TunerError, first_line
from tuner.study.data_report import LeftOut
from tuner.training.data.files.file_rows import FileRows, Wanted, meaning
from tuner.training.data.files.places import ROW, Places
from tuner.training.data.files.values import listed
from tuner.training.data.sources import open_source
from tuner.training.data.where_words import WhereWords
from tuner.training.data.word_columns import encoded_words

if TYPE_CHECKING:
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.training.data.split_plan import SplitPlan
    from tuner.training.progress import Progress


@dataclass(frozen=True, kw_only=True)
class LoadedRows:
    """The rows of a source, and an account of them."""

    #: Rows by split of the source, with the columns that are wanted and `ROW`. An empty cell is None.
    splits: dict[str, Dataset]
    #: Where each row was read.
    places: Places
    #: Rows that were read, those that are left out included.
    read: int
    left_out: tuple[LeftOut, ...]
    #: A line a file: its name, and how it was read.
    reading: tuple[str, ...]
    #: Sentences for the user.
    warnings: tuple[str, ...]
    #: Names of the classes of columns whose source has numbers for them, by column.
    classes: Mapping[str, tuple[str, ...]]


def load_rows(
    source: str,
    data: DataConfig,
    wanted: Wanted,
    plan: Callable[[Iterable[str]], SplitPlan],
    cache: Path,
    progress: Progress,
) -> tuple[LoadedRows, SplitPlan]:
    """Load the splits of a source that a study needs, and no others.

    Args:
        source: Path, URL or hub id, as `tuner.study.sources.find_data` returns it.
        data: The study file's `data`.
        wanted: The columns to read; all of them must exist.
        plan: Takes the names of the source's splits, and returns the plan of the study's splits.
        cache: Folder in which the library datasets may keep copies of files that it downloads.
        progress: Shows how far reading is.

    Returns:
        The rows that `where` keeps, and the plan.

    Raises:
        DataError: The source cannot be read, a column is missing, or no row is left.
        HubAway: The source is on the hub, which does not answer.
    """
    try:
        opened = open_source(source, data, wanted, cache, progress)
        found = plan(opened)
        files = {name: opened[name]() for name in found.needed}
    except TunerError:
        raise
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, pa.ArrowException) as error:
        # Readers report the errors that they know. Libraries have further ones, which must not end in a traceback.
        reason = f"{source} cannot be read: {type(error).__name__}: {first_line(error)}"
        raise DataError("", "data.source", reason) from error
    in_order = [each for rows in files.values() for each in rows]
    splits, start, left, words = {}, 0, 0, WhereWords()
    for name, rows in files.items():
        tables = []
        for each in rows:
            table, end = _numbered(each, start), start + len(each.numbers)
            kept = _where(table, each, data.where, words)
            left += len(table) - len(kept)
            tables.append(kept)
            start = end
        splits[name] = _dataset(pa.concat_tables(tables, promote_options="permissive"), wanted, data.where)
    blank = sum(each.blank for each in in_order)
    if start == 0:
        raise DataError("", "data.source", f"{_names(in_order, source)} has no rows")
    if not any(len(rows) for rows in splits.values()):
        reason = f"{dict(data.where)!r} leaves no row of {_names(in_order, source)}{words.hint(data.where)}"
        raise DataError("", "data.where", reason)
    reasons = ((f"{'empty line' if blank == 1 else 'empty lines'}", blank), ("by data.where", left))
    loaded = LoadedRows(
        splits=splits,
        places=Places(in_order),
        read=start + blank,
        left_out=tuple(LeftOut(reason, count) for reason, count in reasons if count),
        reading=(*(f"{each.name}: {each.reading}" for each in in_order), *_not_read(opened, found)),
        warnings=(
            *_without_use(source, data),
            *(f"{each.name}: {note}" for each in in_order for note in each.notes),
            *words.absent(data.where),
        ),
        classes={column: names for each in reversed(in_order) for column, names in each.classes.items()},
    )
    return loaded, found


def _names(files: Sequence[FileRows], source: str) -> str:
    names = [each.name for each in files]
    return names[0] if len(names) == 1 else source


def _numbered(rows: FileRows, start: int) -> pa.Table:
    """Return the table of a file with the numbers of its rows, and with None in place of empty texts."""
    columns = [_without_empty(column) for column in rows.table.columns]
    numbers = pa.array(np.arange(start, start + len(rows.numbers), dtype=np.int64))
    return pa.table([*columns, numbers], names=[*rows.table.column_names, ROW])


def _without_empty(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    # Chunk by chunk: a second copy of a whole column of texts would double the memory of a large file.
    chunks = []
    for chunk in column.chunks:
        empty = pc.equal(pc.binary_length(chunk), 0)
        chunks.append(pc.if_else(empty, None, chunk) if pc.any(empty).as_py() else chunk)
    return pa.chunked_array(chunks, type=column.type)


def _where(table: pa.Table, rows: FileRows, where: Mapping[str, str | list[str]], seen: WhereWords) -> pa.Table:
    """Return the rows whose words are among the given ones; an empty word is an empty cell."""
    keep = np.ones(len(table), dtype=bool)
    for column, wanted in where.items():
        names = rows.classes.get(column, ())
        meant = {each: meaning(each, names) or None for each in ([wanted] if isinstance(wanted, str) else wanted)}
        allowed = set(meant.values())
        words, index = encoded_words(table.column(column))
        seen.add(column, words, {each for each, found in meant.items() if found in words})
        keep &= np.asarray([each in allowed for each in words], dtype=bool)[index]
    return table if keep.all() else table.filter(pa.array(keep))


def _without_use(source: str, data: DataConfig) -> list[str]:
    """Return sentences about keys that mean nothing for this source."""
    if "://" not in source and not Path(source).exists():
        return []
    keys = [key for key, value in (("subset", data.subset), ("revision", data.revision)) if value is not None]
    return [f"data.{key} is for data sets of the hub, and means nothing for {Path(source).name}" for key in keys]


def _not_read(present: Iterable[str], plan: SplitPlan) -> list[str]:
    others = [name for name in present if name not in plan.needed]
    return [f"not read, as data.splits does not ask for it: {listed(others)}"] if others else []


def _dataset(table: pa.Table, wanted: Wanted, where: Mapping[str, Any]) -> Dataset:
    from datasets import Dataset

    asked = dict.fromkeys(name for key, names in wanted.by_key.items() if key != "where" for name in names)
    # Without a fingerprint of ours datasets computes one, for which it copies all rows.
    return Dataset(table.select([*asked, ROW]), fingerprint=uuid.uuid4().hex)

"""The parts of a script that read its rows. Scripts get their source text, so they import no module of this package."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

#: The rows of a split: of each, its input (its texts, or the file or the bytes of its picture) and the number of its
#: class.
Rows = list[tuple[Any, int]]
#: Rows by split.
Splits = Mapping[str, Rows]


def read_delimited(
    path: str,
    *,
    encoding: str,
    separator: str,
    quote: str | None,
    escape: str | None,
    first: int,
    columns: dict[str, int],
) -> list[dict[str, Any]]:
    """Return the records of a delimited file that are not blank.

    Args:
        path: The file.
        encoding: Its encoding.
        separator: The character between two cells.
        quote: The character around a cell; None for none.
        escape: The character in front of a quote that belongs to a cell; None where it is doubled.
        first: The first record that is a row; those before it are a header.
        columns: The place in a record of each column that is read.
    """
    csv.field_size_limit(16_000_000)
    with open(path, encoding=encoding, newline="") as file:
        records = csv.reader(
            file,
            delimiter=separator,
            quotechar=quote,
            escapechar=escape,
            doublequote=escape is None,
            quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        )
        rows = [record for record in records if any(record) and (len(record) > 1 or record[0].strip())][first:]
    return [{name: row[place] for name, place in columns.items()} for row in rows]


def read_json_lines(path: str, *, encoding: str) -> list[Any]:
    """Return the records of a file with one JSON object a line."""
    with open(path, encoding=encoding) as file:
        return [json.loads(line) for line in file if not line.isspace()]


def read_json_list(path: str, *, encoding: str) -> list[Any]:
    """Return the records of a JSON file that is a list of objects."""
    return list(json.loads(Path(path).read_text(encoding=encoding)))


def read_parquet(path: str, *, columns: list[str]) -> list[Any]:
    """Return the records of a parquet file, with some columns alone."""
    from pyarrow import parquet

    return list(parquet.read_table(path, columns=columns).to_pylist())


def row_numbers(written: str) -> Iterator[int]:
    """Yield the numbers of rows: `0-3 7` is 0, 1, 2, 3 and 7."""
    for part in written.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def cell(record: Mapping[str, Any], column: str) -> Any:
    """Return what a record holds in a column; a dotted name is a key inside of an object."""
    if column in record:
        return record[column]
    found: Any = record
    for key in column.split("."):
        found = found[key]
    return found


def take_rows(
    records: Sequence[Mapping[str, Any]],
    numbers: Iterable[int],
    *,
    texts: list[str],
    label: str,
    classes: dict[Any, int],
) -> Rows:
    """Return the texts and the class of some records.

    Args:
        records: All records.
        numbers: Which of them, in order.
        texts: The columns of the texts.
        label: The column of the label.
        classes: The number of the class that each label stands for.
    """
    try:
        return [
            (tuple(cell(records[number], column) for column in texts), classes[cell(records[number], label)])
            for number in numbers
        ]
    except (LookupError, TypeError):
        sys.exit("the data are not those of the trial: a row, a column or a label is gone")


def take_pictures(folder: str, written: str) -> Rows:
    """Return the files and the classes of pictures: a line each, with the path below a folder, a tab and the class."""
    lines = (line.rpartition("\t") for line in written.strip().split("\n"))
    return [(Path(folder) / path, int(number)) for path, _, number in lines]


def read_rows(path: Path) -> dict[str, Rows]:
    """Return the rows of each split from the parquet file that was written with this script."""
    from pyarrow import parquet

    splits: dict[str, Rows] = {}
    for row in parquet.read_table(path).to_pylist():
        content = row["input"]
        splits.setdefault(row["split"], []).append(
            (tuple(content) if isinstance(content, list) else content, row["class"])
        )
    return splits


def checksum(splits: Splits) -> str:
    """Return a hash of the rows of all splits."""
    digest = hashlib.sha256()
    for name, rows in splits.items():
        digest.update(f"{name} {len(rows)}\n".encode())
        for content, number in rows:
            digest.update(
                content.read_bytes() if isinstance(content, Path) else repr(content).encode("utf-8", "replace")
            )
            digest.update(f" {number}\n".encode())
    return digest.hexdigest()


def check_rows(splits: Splits, expected: str) -> None:
    """End this script where the rows are not those of the trial."""
    try:
        found = checksum(splits)
    except OSError as error:
        sys.exit(f"the data are not those of the trial: {error}")
    if found != expected:
        sys.exit("the data are not those of the trial: they have changed since, so its losses cannot be repeated")


def open_picture(content: Any) -> Any:
    """Open a picture in RGB, turned upright as its EXIF says."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")

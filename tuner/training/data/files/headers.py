"""Messages for files in whose header the wanted columns are not."""

from __future__ import annotations

from tuner.errors import DataError
from tuner.study.data_config import FormatConfig
from tuner.training.data.file_kinds import kind_without_rows
from tuner.training.data.files.dialects import QUOTINGS, SEPARATORS, Dialect, character
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.layouts import first_records, lay_out
from tuner.training.data.files.records import Record
from tuner.training.data.files.text_file import TextFile, read_head
from tuner.training.data.files.values import shown

#: Characters of a cell from which it is no name of a column.
_LONG = 64
#: Records in which a word of the first line is looked for again.
_SAMPLE = 200


def no_candidate(
    file: TextFile, wanted: Wanted, form: FormatConfig, skipped: int, separators: tuple[str, ...]
) -> DataError:
    """Return the error for a file whose header lacks a wanted column in every dialect that was tried."""
    try:
        if (kind := kind_without_rows(read_head(file.path, file.name))) is not None:
            return DataError("", "data.source", f"{file.name} is {kind.words}")
        if isinstance(form.header, list):
            wanted.check(form.header, "data.format.header names the columns")
        _other_format(file, wanted, form, skipped)
        records = _likeliest(file, wanted, form, skipped, separators)
        if not records:
            return DataError("", "data.source", f"{file.name} holds no record")
        line, first = records[0]
        if form.header is False:
            names = [str(at) for at in range(1, len(first) + 1)]
            wanted.check(names, "data.format.header is false, so that columns have numbers")
        if form.header is None and _is_data(records, wanted):
            cells = ", ".join(shown(cell) for cell in first[:8])
            names = ["text", "label"] if len(first) == 2 else [f"name{at}" for at in range(1, len(first) + 1)]
            return DataError(
                "",
                "data.format.header",
                f"{file.name} seems to have no header: its line {line} is {cells}; name its {len(first)} columns in "
                f"their order, as in data.format.header: [{', '.join(names[:8])}]",
            )
        wanted.check(first, f"{file.name}, line {line} was read as the header")
    except DataError as error:
        return error
    return DataError("", "data.source", f"{file.name} cannot be read")


def _other_format(file: TextFile, wanted: Wanted, form: FormatConfig, skipped: int) -> None:
    # The study's format hides the columns, and another one shows them.
    for key, given in (("separator", form.separator), ("quote", form.quote), ("escape", form.escape)):
        if given is None:
            continue
        for separator in SEPARATORS:
            for quote, escape in QUOTINGS:
                dialect = Dialect(separator=separator, quote=quote, escape=escape, skipped=skipped)
                if lay_out(file, dialect, wanted, form.header) is not None:
                    raise DataError(
                        "",
                        f"data.format.{key}",
                        f"with {character(given)!r}, the header of {file.name} has no column "
                        f"{wanted.names[0]!r}; the file seems to be {dialect}",
                    )


def _likeliest(
    file: TextFile, wanted: Wanted, form: FormatConfig, skipped: int, separators: tuple[str, ...]
) -> list[Record]:
    best: list[Record] = []
    best_score = (-1, -1, -1)
    names = {name.strip().casefold() for name in wanted.names}
    for separator in separators:
        for quote in (None, "'", '"') if form.quote in (None, "none") else (form.quote,):
            if quote == separator:
                continue
            records = first_records(file, Dialect(separator=separator, quote=quote, skipped=skipped), _SAMPLE)
            if not records:
                continue
            width = len(records[0][1])
            same = sum(len(cells) == width for _, cells in records)
            known = sum(cell.strip().casefold() in names for cell in records[0][1])
            score = (known, same if width > 1 else 0, -sum(_with_quotes(cells) for _, cells in records))
            if score > best_score:
                best, best_score = records, score
    return best


def _with_quotes(cells: list[str]) -> int:
    # Quotes that are left at an end of a cell: the cell was cut, or its quotes were taken for text.
    return sum(cell.startswith(('"', "'")) or cell.endswith(('"', "'")) for cell in cells)


def _is_data(records: list[Record], wanted: Wanted) -> bool:
    first = records[0][1]
    names = {name.strip().casefold() for name in wanted.names}
    if len(first) < 2 or any(cell.strip().casefold() in names for cell in first):
        return False
    if any(len(cell) > _LONG or _is_number(cell) for cell in first):
        return True
    return any(
        cell and len(cells) == len(first) and cells[at] == cell
        for at, cell in enumerate(first)
        for _, cells in records[1:]
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

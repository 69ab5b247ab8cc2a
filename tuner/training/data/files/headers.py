"""Messages for files in whose header the wanted columns are not."""

from __future__ import annotations

import json

from tuner.errors import DataError
from tuner.study.data_config import NONE, FormatConfig
from tuner.training.data.file_kinds import kind_without_rows
from tuner.training.data.files.dialects import QUOTINGS, SEPARATORS, Dialect, character
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.layouts import first_records, lay_out
from tuner.training.data.files.records import Record
from tuner.training.data.files.text_file import TextFile, read_head
from tuner.training.data.files.values import shown

#: Characters of a cell from which it is no name of a column.
_LONG = 64
#: The beginning of labels in files of fastText, which have no columns.
_FASTTEXT = "__label__"
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
        if form.header is None or form.header is True:
            _later_header(file, wanted, form, skipped, separators)
        line, first = records[0]
        if form.header is False:
            names = [str(at) for at in range(1, len(first) + 1)]
            wanted.check(names, "data.format.header is false, so that columns have numbers")
        if form.header is None and _is_data(records, wanted):
            cells = ", ".join(shown(cell) for cell in first[:8])
            names = _suggested_names(records, wanted)
            return DataError(
                "",
                "data.format.header",
                f"{file.name} seems to have no header: its line {line} is {cells}; name its {len(first)} columns in "
                f"their order, as in data.format.header: [{', '.join(map(_as_yaml, names[:8]))}]",
            )
        if first[0].startswith(_FASTTEXT):
            reason = f"{file.name}, line {line} begins with {_FASTTEXT}, as in files of fastText, which have no columns"
            return DataError("", "data.source", f"{reason}; write a label, a tab and a text on each line")
        if form.separator is None and len(first) == 1 and (other := _other_separator(file, wanted)) is not None:
            reason = f"{file.name} seems to be separated by {other!r}; if it is, write"
            return DataError("", "data.format.separator", f"{reason} data.format.separator: {character(other)!r}")
        wanted.check(first, f"{file.name}, line {line} was read as the header")
    except DataError as error:
        return error
    return DataError("", "data.source", f"{file.name} cannot be read")


def _as_yaml(name: str) -> str:
    return name if name.replace("_", "a").replace(" ", "a").isalnum() else json.dumps(name, ensure_ascii=False)


def _other_separator(file: TextFile, wanted: Wanted) -> str | None:
    # A character that is tried for no file, since texts hold it: the first line shows all columns between its like.
    with file.lines() as (lines, _raw):
        line = next(lines, "").strip()
    for sign in dict.fromkeys(line):
        if (
            not sign.isalnum()
            and sign not in SEPARATORS
            and {*wanted.names} <= {cell.strip("\"' ") for cell in line.split(sign)}
        ):
            return sign
    return None


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


def _later_header(
    file: TextFile, wanted: Wanted, form: FormatConfig, skipped: int, separators: tuple[str, ...]
) -> None:
    # A title, a comment or a licence in front of the header.
    for separator in separators:
        quote = '"' if form.quote is None else None if form.quote == NONE else form.quote
        if separator == quote:
            continue
        for line, cells in first_records(file, Dialect(separator=separator, quote=quote, skipped=skipped), _SAMPLE)[1:]:
            if set(wanted.names) <= {cell.strip() for cell in cells}:
                lines = "line" if line == 2 else f"{line - 1} lines"
                reason = f"the header of {file.name} seems to be line {line}; remove the {lines} in front of it"
                raise DataError("", "data.format.header", reason)


def _suggested_names(records: list[Record], wanted: Wanted) -> list[str]:
    """Return names for columns without: the longest cells are texts, and the cells that repeat most are labels."""
    width = len(records[0][1])
    columns = list(zip(*(cells for _, cells in records if len(cells) == width), strict=True))
    names = [f"name{at}" for at in range(1, width + 1)]
    texts = wanted.by_key.get("text", ())
    by_length = sorted(range(width), key=lambda at: -sum(map(len, columns[at])))
    for at, name in zip(sorted(by_length[: len(texts)]), texts, strict=False):
        names[at] = name
    others = [at for at in range(width) if names[at] not in texts]
    labels = wanted.by_key.get("label", ())
    # A column of one value alone is no label.
    for name in labels[:1] if others else ():
        names[min(others, key=lambda at: (len(set(columns[at])) < 2, len(set(columns[at]))))] = name
    return names


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

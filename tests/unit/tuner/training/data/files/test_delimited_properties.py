"""For any table, in any dialect and encoding: the cells that were written are read, or an error names a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.delimited import read_delimited
from tuner.training.data.files.file_rows import FileRows, Wanted
from tuner.training.progress import silent

WANTED = Wanted({"text": ("text",), "label": ("label",)})
DATA = DataConfig(source="rows.csv")
#: Pieces of cells.
SIGNS = ('"', "'", ",", ";", "\t", "|", "\n", "\r", "\r\n", " ", "\\", '\\"', "\\n", '""', "''", '"x"', "#", "sep=;")
CHARACTERS = ("\ufeff", "\u2028", "\x85", "\x0b", "\0", "😀", "é")
WORDS = ("None", "N/A", "NA", "0010", "1E5", "=1+1", "word", "a, b", "it's")
Rows = list[list[str]]


def by_writer(**options: Any) -> Callable[[Rows], str]:
    def write(rows: Rows) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, **options).writerows(rows)
        return text.getvalue()

    return write


def joined(end: str) -> Callable[[Rows], str]:
    return lambda rows: "".join("\t".join(row) + end for row in rows)


@dataclass(frozen=True)
class Way:
    """A way of writing a table."""

    write: Callable[[Rows], str]
    encoding: str = "utf-8"
    #: Characters that cannot be written so, or that another, more usual way writes alike.
    without: str = ""


WAYS = {
    "comma": Way(by_writer()),
    "pandas": Way(by_writer(lineterminator="\n")),
    "all quoted": Way(by_writer(quoting=csv.QUOTE_ALL), "utf-8-sig"),
    "words quoted": Way(by_writer(quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")),
    "semicolon": Way(by_writer(delimiter=";"), "cp1252"),
    "semicolon of unix": Way(by_writer(delimiter=";", lineterminator="\n"), "latin-1", "\x85"),
    "pipe": Way(by_writer(delimiter="|"), "utf-16-le"),
    "tab of Excel": Way(by_writer(delimiter="\t"), "utf-16"),
    "tab of pandas": Way(by_writer(delimiter="\t", lineterminator="\n")),
    "tab by hand": Way(joined("\n"), without="\t\n\r"),
    "tab by hand of Windows": Way(joined("\r\n"), without="\t\n\r"),
    "single quotes": Way(by_writer(delimiter=";", quotechar="'"), without='"'),
    "all in single quotes": Way(by_writer(delimiter=";", quotechar="'", quoting=csv.QUOTE_ALL)),
    "backslashes": Way(by_writer(doublequote=False, escapechar="\\", lineterminator="\n")),
    "backslashes, all quoted": Way(by_writer(doublequote=False, escapechar="\\", quoting=csv.QUOTE_ALL)),
}


@dataclass(frozen=True)
class Table:
    """A table, and the order of its columns."""

    header: list[str]
    rows: Rows

    def wanted(self) -> list[tuple[str, str]]:
        text, label = self.header.index("text"), self.header.index("label")
        return [(row[text], row[label]) for row in self.rows if any(row)]


@st.composite
def tables(draw: st.DrawFn, without: str, encoding: str) -> Table:
    header = draw(st.permutations(["text", "label", "note"]))
    cell = st.lists(st.sampled_from(SIGNS + CHARACTERS + WORDS), max_size=4).map("".join)
    fitting = cell.map(lambda value: "".join(each for each in value if each not in without))
    kept = fitting.map(lambda value: value.encode(encoding, "ignore").decode(encoding))
    either = kept | st.sampled_from(["pos", "neg"])
    # Without quotes, returns at the end of a line belong to the line end.
    row = st.tuples(either, either, either.map(lambda value: value.rstrip("\r"))).map(list)
    return Table(list(header), draw(st.lists(row, min_size=1, max_size=8)))


def read(path: Path) -> FileRows:
    return read_delimited(path, "rows.csv", WANTED, DATA, silent)


def pairs(rows: FileRows) -> list[tuple[str, str]]:
    return list(zip(rows.table["text"].to_pylist(), rows.table["label"].to_pylist(), strict=True))


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_cells_that_were_written_are_read_or_an_error_names_a_line(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    way = WAYS[name]
    table = data.draw(tables(way.without, way.encoding))
    path = tmp_path / "rows.csv"
    path.write_bytes(way.write([table.header, *table.rows]).encode(way.encoding))
    try:
        found = read(path)
    except DataError as error:
        assert "line" in str(error)  # noqa: PT017 - an error is one of two right answers
        assert "\n" not in str(error)  # noqa: PT017
        return
    # A row that has nothing but `""` in a column that is not wanted may be blank or not: nothing is lost with it.
    assert [row for row in pairs(found) if any(row)] == [row for row in table.wanted() if any(row)]
    assert len(found.numbers) == found.table.num_rows


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_broken_files_give_rows_or_an_error_of_ours(tmp_path: Path, data: st.DataObject) -> None:
    way = WAYS[data.draw(st.sampled_from(sorted(WAYS)))]
    table = data.draw(tables(way.without, way.encoding))
    content = bytearray(way.write([table.header, *table.rows * 3]).encode(way.encoding))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / data.draw(st.sampled_from(["rows.csv", "rows.csv.gz"]))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = read(path)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert error.key.startswith("data.")  # noqa: PT017
    else:
        assert len(found.numbers) == found.table.num_rows

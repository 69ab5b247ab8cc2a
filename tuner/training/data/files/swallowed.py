"""Records that look as though a quote that was not meant had swallowed the lines behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tuner.errors import DataError
from tuner.training.data.files.dialects import Dialect
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.layouts import Layout
from tuner.training.data.files.places import with_others

#: Suspects that are kept.
_MOST = 100


@dataclass(frozen=True)
class _Suspect:
    line: int
    label: str


class Swallowed:
    """The suspects of one file: records of several lines, each of which would be a record of its own without quoting.

    A text of several lines may look so by chance. A suspect is refused where the label that its first line would have
    is a label of other rows.
    """

    def __init__(self, layout: Layout, dialect: Dialect, wanted: Wanted) -> None:
        self._layout = layout
        self._dialect = dialect
        self._label = next(iter(wanted.by_key.get("label", ())), None)
        self._suspects: list[_Suspect] = []

    def look(self, line: int, cells: list[str]) -> None:
        """Look at a record that may have several lines."""
        if self._label is None or self._dialect.quote is None or len(self._suspects) >= _MOST:
            return
        lines = list(self._split(cells))
        if len(lines) > 1 and all(len(each) == self._layout.width for each in lines):
            label = lines[0][self._layout.index(self._label)]
            if label:
                self._suspects.append(_Suspect(line, label))

    def check(self, name: str, table: pa.Table) -> None:
        """Refuse the file where a suspect is one.

        Raises:
            DataError: Names the line on which the quote opens.
        """
        if not self._suspects or self._label is None:
            return
        labels = set(pc.unique(table.column(self._label)).to_pylist())
        found = [each for each in self._suspects if each.label in labels]
        if found:
            first, *others = (f"line {each.line}" for each in found)
            raise DataError(
                "",
                "data.format.quote",
                f"{with_others(f'{name}, {first}', others)}: a quote opens and takes in lines that look like rows of "
                f"their own, the first with the label {found[0].label!r}; "
                f"close the quote, or write data.format.quote: none, or {self._dialect.quote!r} if all is one cell",
            )

    def _split(self, cells: list[str]) -> Iterator[list[str]]:
        # The record as lines, each split at all separators, as a reader without quoting sees them.
        line: list[str] = []
        for cell in cells:
            first, *others = cell.split("\n")
            line += first.split(self._dialect.separator)
            for other in others:
                yield line
                line = other.split(self._dialect.separator)
        yield line

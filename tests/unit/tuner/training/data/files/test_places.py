from __future__ import annotations

import numpy as np
import pyarrow as pa

from tuner.training.data.files.file_rows import FileRows, PlaceKind
from tuner.training.data.files.places import Places


def file_of(name: str, numbers: list[int], kind: PlaceKind = PlaceKind.LINE, paths: tuple[str, ...] = ()) -> FileRows:
    return FileRows(name=name, table=pa.table({}), kind=kind, numbers=np.asarray(numbers), paths=paths, reading="")


PLACES = Places(
    [
        file_of("a.csv", [2, 4, 5]),
        file_of("empty.csv", []),
        file_of("b.json", [1, 2], PlaceKind.RECORD),
        file_of("photos", [0, 1], PlaceKind.PICTURE, ("photos/cat/1.png", "photos/dog/1.png")),
    ]
)


def test_a_row_is_named_by_its_file_and_its_line_record_or_path() -> None:
    assert [PLACES.of(row) for row in range(7)] == [
        "a.csv, line 2",
        "a.csv, line 4",
        "a.csv, line 5",
        "b.json, record 1",
        "b.json, record 2",
        "photos/cat/1.png",
        "photos/dog/1.png",
    ]


def test_several_rows_are_counted_and_some_of_them_named() -> None:
    assert PLACES.of_all([1]) == "a.csv, line 4"
    assert PLACES.of_all([2, 0]) == "a.csv, line 2 (and 1 more: line 5)"
    assert PLACES.of_all([0, 3, 6]) == "a.csv, line 2 (and 2 more: b.json, record 1, photos/dog/1.png)"
    many = Places([file_of("a.csv", list(range(2, 2002)))])
    assert many.of_all(range(1500)) == "a.csv, line 2 (and 1,499 more: line 3, line 4, line 5, …)"

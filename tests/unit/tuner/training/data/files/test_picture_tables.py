from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tuner.errors import DataError
from tuner.training.data.files.file_rows import FileRows, PlaceKind
from tuner.training.data.files.picture_tables import open_paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("photos/1.png", "photos/2.png", "others/2.png", "3.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def table(values: Any, kind: Any = None, name: str = "pictures.csv") -> FileRows:
    return FileRows(
        name=name,
        table=pa.table({"label": ["x"] * len(values), "image": pa.array(values, kind)}),
        kind=PlaceKind.LINE,
        numbers=np.arange(2, len(values) + 2),
        reading="",
        notes=("a note",),
    )


def paths(rows: FileRows, folder: Path) -> list[str]:
    return [str(Path(cell["path"]).relative_to(folder)) for cell in rows.table.column("image").to_pylist()]


def complaint(rows: FileRows, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_paths(rows, "image", folder)
    assert caught.value.key == "data.image"
    assert "\n" not in caught.value.reason
    return caught.value.reason


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_paths_are_relative_to_the_table(kind: Any, folder: Path) -> None:
    rows = open_paths(table(["photos/1.png", "./photos/../3.JPG", "photos\\2.png"], kind), "image", folder)
    assert paths(rows, folder) == ["photos/1.png", "3.JPG", "photos/2.png"]
    assert rows.table.column_names == ["label", "image"]
    assert rows.notes == ("a note",)


def test_paths_may_leave_the_folder_of_the_table(folder: Path) -> None:
    rows = open_paths(table(["../3.JPG", str(folder / "photos" / "1.png")]), "image", folder / "photos")
    assert paths(rows, folder) == ["3.JPG", "photos/1.png"]


def test_all_missing_pictures_are_counted_and_the_first_named(folder: Path) -> None:
    reason = complaint(table(["photos/1.png", *(f"photos/{number}.png" for number in range(3, 10))]), folder)
    assert reason == (
        "pictures.csv, line 3 (and 6 more: line 4, line 5, line 6, …): column 'image' names 'photos/3.png', and there "
        "is no such file (7 of 8 are missing); paths are relative to the table's folder, and have their ending"
    )


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("images/1.png", "'photos/1.png' is there; write paths relative to the table's folder"),
        ("photos/1", "'photos/1.png' is there; write the ending, too"),
        ("3.jpg", "'3.JPG' is there; capitals matter"),
    ],
)
def test_a_picture_that_is_elsewhere_is_shown(value: str, hint: str, folder: Path) -> None:
    assert hint in complaint(table(["photos/2.png", value]), folder)


def test_a_table_may_leave_out_one_folder_and_ending(folder: Path) -> None:
    (folder / "train.csv").write_text("")
    rows = open_paths(table([1, 2]), "image", folder)
    assert paths(rows, folder) == ["photos/1.png", "photos/2.png"]
    assert rows.notes[1] == (
        "the pictures are those in the folder photos beside the table, with the ending .png that the table leaves out"
    )


def test_pictures_in_several_folders_are_not_guessed(folder: Path) -> None:
    assert "line 2: column 'image' names '2.png', and there is no such file" in complaint(table(["2.png"]), folder)


def test_of_several_folders_the_one_of_the_tables_split_is_taken(folder: Path) -> None:
    (folder / "photos").rename(folder / "train_photos")
    rows = open_paths(table(["2.png"], name="data/train.csv"), "image", folder)
    assert paths(rows, folder) == ["train_photos/2.png"]


@pytest.mark.parametrize("value", ["https://example.org/1.png", "s3://bucket/1.png"])
def test_urls_are_refused(value: str, folder: Path) -> None:
    reason = complaint(table(["photos/1.png", value, value]), folder)
    assert reason == (
        f"pictures.csv, line 3 (and 1 more: line 4): column 'image' holds a URL, {value!r}; download the pictures, and "
        "write paths"
    )


@pytest.mark.parametrize("value", ["data:image/png;base64,AAAA", "iVBORw0KGgoAAAANSUhEUg", "/9j/4AAQSkZJRg"])
def test_pictures_that_are_written_as_text_are_refused(value: str, folder: Path) -> None:
    assert f"holds a picture that is written as text, {value!r}; save" in complaint(table([value]), folder)


def test_a_blank_around_a_path_is_shown(folder: Path) -> None:
    reason = complaint(table(["photos/1.png", "photos/2.png "]), folder)
    assert reason.endswith("/2.png' is there; drop the blanks around '2.png '")


def test_a_row_that_names_no_picture_is_refused(folder: Path) -> None:
    reason = complaint(table(["photos/1.png", None, ""]), folder)
    assert reason == "pictures.csv, line 3 (and 1 more: line 4): column 'image' names no picture"


def test_a_name_that_no_file_can_have_is_not_there(folder: Path) -> None:
    assert "(2 of 3 are missing)" in complaint(table(["photos/1.png", "a\0b.png", "x" * 5000]), folder)


def test_bytes_are_pictures(folder: Path) -> None:
    rows = open_paths(table([b"abc", None], pa.large_binary()), "image", folder)
    assert rows.table.column("image").to_pylist() == [{"bytes": b"abc", "path": None}, None]


def test_pictures_of_a_parquet_file_stay(folder: Path) -> None:
    cells = [{"bytes": b"abc", "path": "gone.png"}, None, {"bytes": None, "path": None}]
    assert open_paths(table(cells), "image", folder).table.column("image").to_pylist() == cells
    assert open_paths(table(cells[:1]), "image", folder).table.column("image").to_pylist() == cells[:1]


def test_pictures_of_a_parquet_file_that_are_paths_alone_are_opened(folder: Path) -> None:
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    rows = open_paths(table([{"bytes": None, "path": "photos/1.png"}], kind), "image", folder)
    assert paths(rows, folder) == ["photos/1.png"]


def test_a_column_of_numbers_is_refused(folder: Path) -> None:
    assert "holds no paths of pictures, but double" in complaint(table([1.5]), folder)

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from datasets import load_dataset
from PIL import Image

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.file_rows import FileRows, PlaceKind, Wanted
from tuner.training.data.files.picture_folders import find_pictures
from tuner.training.data.files.picture_walk import holds_pictures

Find = Callable[..., dict[str, FileRows]]


def read_table(path: Path, name: str, wanted: Wanted, data: DataConfig) -> FileRows:
    """Reads a csv or jsonl file."""
    with path.open() as file:
        records = list(csv.DictReader(file)) if path.suffix == ".csv" else [json.loads(line) for line in file]
    wanted.check(list(records[0]))
    return FileRows(
        name=name,
        table=pa.table({column: [record[column] for record in records] for column in wanted.names}),
        kind=PlaceKind.LINE,
        numbers=np.arange(2, len(records) + 2),
        reading=f"{len(records)} lines",
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def put(photos: Path) -> Callable[..., None]:
    """Writes files into `photos`: pictures, or the text that is given for a name."""

    def write(*pictures: str, **texts: str) -> None:
        for name in pictures:
            path = photos / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a picture that is not opened")
        for name, text in texts.items():
            path = photos / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


@pytest.fixture
def find(photos: Path) -> Find:
    """Finds the pictures in `photos` for a study file that says what is given."""

    def found(**said: Any) -> dict[str, FileRows]:
        data = DataConfig(source=str(photos), **said)
        keys = {"image": (data.image,), "label": (data.label,), "where": tuple(data.where)}
        return find_pictures(photos, "photos", Wanted(keys), data, read_table)

    return found


@pytest.fixture
def refused(find: Find) -> Callable[..., DataError]:
    """Returns the error of a folder that is refused."""

    def error(**said: Any) -> DataError:
        with pytest.raises(DataError) as caught:
            find(**said)
        assert "\n" not in caught.value.reason
        return caught.value

    return error


def shown(found: dict[str, FileRows]) -> dict[str, list[tuple[str, str]]]:
    return {
        split: [(rows.paths[number], label) for number, label in zip(rows.numbers, labels(rows), strict=True)]
        for split, rows in found.items()
    }


def labels(rows: FileRows) -> list[str]:
    return rows.table.column("label").to_pylist()


def test_folders_are_labels_and_rows_have_places(photos: Path, put: Callable[..., None], find: Find) -> None:
    put("dog/1.png", "cat/10.PNG", "cat/2.Tiff")
    found = find()
    assert shown(found) == {
        "train": [("photos/cat/10.PNG", "cat"), ("photos/cat/2.Tiff", "cat"), ("photos/dog/1.png", "dog")]
    }
    rows = found["train"]
    assert rows.kind is PlaceKind.PICTURE
    assert rows.reading == "3 pictures, labels by folder: cat 2, dog 1"
    assert rows.table.column("image").to_pylist()[0] == {"bytes": None, "path": str(photos / "cat" / "10.PNG")}
    assert rows.notes == ()


def test_columns_have_the_names_that_the_study_gives_them(put: Callable[..., None], find: Find) -> None:
    put("dog/1.png", "cat/2.png")
    assert find(image="foto", label="kind", where={"kind": "dog"})["train"].table.column_names == ["foto", "kind"]


def test_a_column_that_folders_do_not_have_is_refused(
    put: Callable[..., None], refused: Callable[..., DataError]
) -> None:
    put("dog/1.png", "cat/2.png")
    error = refused(where={"site": "north"})
    assert error.key == "data.where"
    assert "metadata.csv with the column file_name may hold more" in error.reason


@pytest.mark.parametrize(
    "names",
    [
        ("cat/10.png", "cat/2.png", "cat/Z.png", "cat/é.png", "cat-b/1.png", "cat.b/1.png", "Dog/a b.png"),
        ("train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "val/dog/2.png"),
        ("one/train_set/cat/1.png", "one/train_set/dog/1.png", "one/test-set/cat/1.png", "one/test-set/dog/1.png"),
        ("cat/train_1.png", "dog/train_2.png", "cat/dev_1.png", "dog/dev_2.png"),
        ("north/cat/1.png", "north/dog/2.png", "south/cat/1.png"),
    ],
)
def test_rows_have_the_order_and_the_labels_of_version_0_1(
    names: tuple[str, ...], photos: Path, tmp_path: Path, put: Callable[..., None], find: Find
) -> None:
    put(*names)
    for name in names:
        Image.new("L", (1, 1)).save(photos / name)
    canonical = {"val": "validation", "train_set": "train", "test-set": "test", "dev": "validation"}
    found = {canonical.get(split, split): rows for split, rows in find().items()}
    before = load_dataset("imagefolder", data_dir=str(photos), cache_dir=str(tmp_path / "cache"))
    assert list(found) == list(before)
    for split, rows in before.items():
        name_of = rows.features["label"].int2str
        paths = [str(photos.parent / path) for path in found[split].paths]
        assert paths == [row["image"].filename for row in rows]
        assert labels(found[split]) == [name_of(number) for number in rows["label"]]


def test_folders_of_splits_keep_their_names(put: Callable[..., None], find: Find) -> None:
    put("Val/cat/1.png", "train2017/cat/1.png", "train2017/dog/2.png", "more/dog/3.png")
    found = find()
    assert list(found) == ["train2017", "Val", "more"]
    assert found["Val"].name == "photos/Val"
    assert labels(found["train2017"]) == ["cat", "dog"]


def test_a_class_may_be_named_like_a_split(put: Callable[..., None], find: Find) -> None:
    put("train/1.png", "car/2.png", "bus/3.png")
    assert shown(find()) == {
        "train": [("photos/bus/3.png", "bus"), ("photos/car/2.png", "car"), ("photos/train/1.png", "train")]
    }


def test_hidden_files_are_no_pictures_and_no_classes(put: Callable[..., None], find: Find) -> None:
    put("cat/1.png", "dog/2.png", "cat/._1.png", ".ipynb_checkpoints/1-checkpoint.png", "__MACOSX/cat/._1.png")
    put("cat/.ipynb_checkpoints/1.png", "cat/Thumbs.db", "dog/desktop.ini", ".DS_Store", "@eaDir/1.png")
    found = find()
    assert shown(found) == {"train": [("photos/cat/1.png", "cat"), ("photos/dog/2.png", "dog")]}
    assert found["train"].notes == ()


def test_everything_else_that_is_left_out_is_noted(photos: Path, put: Callable[..., None], find: Find) -> None:
    put("cat/1.png", "dog/2.png", "cat/notes.txt", "dog/3.heic", "README.md", "labels.csv", "__old/cat/1.png")
    (photos / "bird").mkdir()
    assert find()["train"].notes == (
        "files that are no pictures and are left out: 4 (photos/README.md, photos/cat/notes.txt, photos/dog/3.heic, "
        "photos/labels.csv)",
        "pictures left out in folders whose names begin with two underscores: 1 (photos/__old/cat/1.png); rename the "
        "folders to use them",
        "folders without pictures: 1 (photos/bird)",
    )


def test_labels_of_deeper_folders_are_noted(put: Callable[..., None], find: Find) -> None:
    put("cat/2020/1.png", "dog/2020/2.png")
    assert find()["train"].notes == (
        "labels are the names of the innermost folders: photos/cat/2020/1.png has the label '2020'",
    )


def test_a_folder_without_pictures_names_the_files_it_has(
    photos: Path, put: Callable[..., None], refused: Callable[..., DataError]
) -> None:
    put("cat/1.heic", "dog/2.heic", "dog/3.HEIC", "notes.txt")
    assert refused().reason == "photos holds no picture that Pillow reads; it holds 3 .heic, 1 .txt"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("1.png", "2.png"), "the pictures lie in photos itself, such as photos/1.png, so they have no labels"),
        (("cat.0.png", "cat.1.png", "dog.0.png"), "cat.0.png would lie in photos/cat/"),
        (("train/1.png", "test/2.png"), "the folder 'test' in photos is named like a split, but holds pictures"),
        (("train_images/1.png", "test_images/2.png", "masks/1.png"), "the folder 'test_images' in photos is named"),
        (("cat/train/1.png", "dog/train/2.png"), "the folder 'train' in photos is named like a split"),
        (("cat/1.png", "dog/2.png", "logo.png"), "photos/logo.png lies at another depth than photos/cat/1.png"),
        (
            ("cat/1.png", "cat/more/2.png", "cat/more/3.png", "dog/4.png", "dog/5.png", "dog/6.png"),
            "(and 1 more: photos/",
        ),
    ],
)
def test_folders_that_give_no_labels_are_refused(
    names: tuple[str, ...], said: str, put: Callable[..., None], refused: Callable[..., DataError]
) -> None:
    put(*names)
    error = refused()
    assert error.key == "data.source"
    assert said in error.reason


def test_pictures_of_one_word_have_no_labels_in_their_names(
    put: Callable[..., None], refused: Callable[..., DataError]
) -> None:
    put("IMG_1.png", "IMG_2.png")
    assert "seem to hold" not in refused().reason


def test_a_study_without_labels_takes_pictures_from_anywhere(photos: Path, put: Callable[..., None]) -> None:
    put("1.png", "more/2.png")
    data = DataConfig(source=str(photos))
    found = find_pictures(photos, "photos", Wanted({"image": ("image",)}), data, read_table)
    assert found["train"].paths == ("photos/1.png", "photos/more/2.png")
    assert found["train"].table.column_names == ["image"]


def test_a_test_split_without_labels_is_left_out_where_the_study_does_not_use_it(
    put: Callable[..., None], find: Find, refused: Callable[..., DataError]
) -> None:
    put("train/cat/1.png", "train/dog/2.png", "test/3.png", "test/4.png")
    found = find(splits={"train": 0.5, "validation": 0.5})
    assert list(found) == ["train"]
    assert found["train"].notes == ("pictures without labels, left out in splits that are not used: 2 (photos/test)",)
    error = refused(splits={"train": "train", "validation": "test"})
    assert "photos/test/3.png (and 1 more: photos/test/4.png) lies at another depth" in error.reason


def test_a_folder_holds_pictures_where_one_is_not_hidden(photos: Path, put: Callable[..., None]) -> None:
    put(".cache/1.png", "train.csv")
    assert not holds_pictures(photos)
    put("a/b/1.TIF")
    assert holds_pictures(photos)


def test_links_are_followed_once(photos: Path, tmp_path: Path, put: Callable[..., None], find: Find) -> None:
    put("cat/1.png")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "2.png").write_bytes(b"")
    (photos / "dog").symlink_to(tmp_path / "elsewhere")
    (photos / "again").symlink_to(photos)
    assert shown(find()) == {"train": [("photos/cat/1.png", "cat"), ("photos/dog/2.png", "dog")]}


def test_a_name_that_is_no_text_is_refused(photos: Path, refused: Callable[..., DataError]) -> None:
    photos.mkdir()
    (photos / os.fsdecode(b"caf\xe9")).mkdir()
    assert "is not utf-8; rename it" in refused().reason


# ---- tables inside


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_metadata_names_pictures_and_labels(ending: str, photos: Path, put: Callable[..., None], find: Find) -> None:
    put("b/1.png", "2.png", "3.png", "readme.txt")
    rows = [("b/1.png", "x", "north"), ("2.png", "y", "south")]
    if ending == "csv":
        text = "file_name,label,site\n" + "".join(f"{','.join(row)}\n" for row in rows)
    else:
        text = "".join(json.dumps(dict(zip(("file_name", "label", "site"), row, strict=True))) + "\n" for row in rows)
    (photos / f"metadata.{ending}").write_text(text)
    found = find(where={"site": "north", "file_name": "2.png"})["train"]
    assert found.table.column("image").to_pylist() == [
        {"bytes": None, "path": str(photos / "b" / "1.png")},
        {"bytes": None, "path": str(photos / "2.png")},
    ]
    assert found.table.column_names == ["image", "label", "site", "file_name"]
    assert found.table.column("file_name").to_pylist() == ["b/1.png", "2.png"]
    assert (found.name, found.kind, found.numbers.tolist()) == (f"photos/metadata.{ending}", PlaceKind.LINE, [2, 3])
    assert found.notes == ("pictures that no row names: 1 (photos/3.png)",)


@pytest.mark.parametrize("column", ["file_name", "image", "image_file_name"])
def test_each_split_has_metadata_of_its_own(column: str, put: Callable[..., None], find: Find) -> None:
    text = f"{column},label\n1.png,x\n"
    put("train/1.png", "val/1.png", train__metadata_dot_csv=text, val__metadata_dot_csv=text)
    found = find()
    assert list(found) == ["train", "val"]
    assert found["val"].name == "photos/val/metadata.csv"
    assert found["val"].table.column_names == ["image", "label"]


def test_metadata_that_lacks_a_column_is_refused(put: Callable[..., None], refused: Callable[..., DataError]) -> None:
    put("1.png", metadata_dot_csv="name,label\n1.png,x\n")
    error = refused()
    assert error.key == "data.image"
    assert error.reason.startswith("photos/metadata.csv: there is no column 'file_name'")
    put("1.png", metadata_dot_csv="file_name,kind\n1.png,x\n")
    assert refused().key == "data.label"


def test_two_tables_of_one_split_are_refused(put: Callable[..., None], refused: Callable[..., DataError]) -> None:
    put("1.png", metadata_dot_csv="file_name,label\n1.png,x\n", more__metadata_dot_csv="file_name,label\n")
    assert "are tables of one split" in refused().reason


COMPETITION = ("train_images/1.png", "train_images/2.png", "test_images/1.png", "test_images/2.png")


def test_the_table_of_a_competition_is_read(photos: Path, put: Callable[..., None], find: Find) -> None:
    table = "image_id,label\n1.png,x\n2.png,y\n"
    put(*COMPETITION, train_dot_csv=table, test_dot_csv="image_id\n1.png\n", sample_submission_dot_csv=table)
    found = find(image="image_id")
    assert list(found) == ["train"]
    assert found["train"].table.column("image_id").to_pylist()[1]["path"] == str(photos / "train_images" / "2.png")
    assert found["train"].notes == ("the pictures are those in the folder train_images beside the table",)


def test_a_column_that_the_table_of_a_competition_lacks_is_named_with_the_table(
    put: Callable[..., None], refused: Callable[..., DataError]
) -> None:
    put(*COMPETITION, train_dot_csv="image_id,label\n1.png,x\n")
    error = refused()
    assert error.key == "data.image"
    assert error.reason == (
        "photos/train.csv: there is no column 'image'; did you mean 'image_id'?; there are image_id, label; "
        "name the column that holds the paths of the pictures"
    )


def test_one_table_beside_one_folder_is_read(put: Callable[..., None], find: Find) -> None:
    put("images/1.png", "images/2.png", labels_dot_csv="image,label\nimages/1.png,x\nimages/2.png,y\n")
    assert labels(find()["train"]) == ["x", "y"]


def test_several_tables_are_refused(put: Callable[..., None], refused: Callable[..., DataError]) -> None:
    put("1.png", a_dot_csv="image,label\n1.png,x\n", b_dot_csv="image,label\n1.png,x\n")
    assert "photos holds several tables (photos/a.csv, photos/b.csv); name one as the source" in refused().reason

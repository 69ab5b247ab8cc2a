"""Sources of every kind with any damage, through the whole way to the splits: the right rows, or an error of ours."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from split_files import split_file

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.split_rows import SplitRows
from tuner.training.tasks import get_task

# Damage by chance.
pytestmark = pytest.mark.rest

ROWS = [{"text": f"naïve text {number}", "label": ("pos", "neg")[number % 2]} for number in range(24)]
Change = Callable[[bytes], bytes]


def _delimited(path: Path, separator: str) -> None:
    written = io.StringIO()
    writer = csv.DictWriter(written, ["text", "label"], delimiter=separator)
    writer.writeheader()
    writer.writerows(ROWS)
    path.write_text(written.getvalue(), encoding="utf-8", newline="")


def _pictures(folder: Path, ending: str) -> None:
    random = np.random.default_rng(0)
    for number in range(8):
        home = folder / ("cat", "dog")[number % 2]
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(home / f"{number}.{ending}")


#: By the name of a source, its writer.
SOURCES: dict[str, Callable[[Path], object]] = {
    "rows.csv": lambda path: _delimited(path, ","),
    "rows.tsv": lambda path: _delimited(path, "\t"),
    "rows.json": lambda path: path.write_text(json.dumps(ROWS, indent=1)),
    "splits.json": lambda path: path.write_text(json.dumps({"train": ROWS, "test": ROWS[:4]})),
    "rows.jsonl": lambda path: path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)),
    "rows.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
    "saved": lambda path: Dataset.from_list(ROWS).save_to_disk(str(path)),
    "saved splits": lambda path: DatasetDict(train=Dataset.from_list(ROWS)).save_to_disk(str(path)),
    "png": lambda path: _pictures(path, "png"),
    "jpeg": lambda path: _pictures(path, "jpeg"),
    "tiff": lambda path: _pictures(path, "tiff"),
}
PICTURES = ("png", "jpeg", "tiff")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with all sources, undamaged."""
    folder = tmp_path_factory.mktemp("whole")
    for name, write in SOURCES.items():
        write(folder / name)
    return folder


def split(source: Path) -> SplitRows:
    name = "image-classification" if source.name in PICTURES else "text-classification"
    found = split_file(source, task=name, splits={"train": 0.75, "validation": 0.25})
    task = get_task(name)
    task = task.begin(found.places.of)  # pictures are opened behind the splits
    for rows in found.splits.values():
        for column in (*task.columns(DataConfig(source=str(source))).popitem()[1], "labels"):
            list(task.contents(rows, column))
    task.conversion()
    return found


def pairs(found: SplitRows) -> Counter[tuple[str, str]]:
    inputs = next(name for name in ("text", "image") if name in found.splits["train"].column_names)
    return Counter(
        (str(value if inputs == "text" else Path(value["path"]).name), found.labels[label])
        for rows in found.splits.values()
        for value, label in zip(rows.with_format(None)[inputs], rows["labels"], strict=True)
    )


@cache
def complete(source: Path) -> Counter[tuple[str, str]]:
    return pairs(split(source))


def files_of(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())


def refused(source: Path) -> tuple[SplitRows | None, str]:
    """Return the splits of a source, or the error that refuses it. Any other error fails the test."""
    try:
        return split(source), ""
    except DataError as error:
        return None, str(error)


def check(source: Path, before: Counter[tuple[str, str]], *, whole_rows: bool) -> None:
    """Read a source that may be damaged. `whole_rows` is true where damage can only take rows away."""
    found, said = refused(source)
    if found is None:
        assert said.startswith("data.")
        assert said.isprintable()
        return
    report = found.report()
    assert report.rows.read == report.rows.used + sum(each.count for each in report.rows.left_out)
    after = pairs(found)
    assert sum(after.values()) == report.rows.used
    if whole_rows:
        # The last row alone may be cut in the middle of a value.
        assert sum((after - before).values()) <= 1


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_that_is_whole_has_its_rows(name: str, whole: Path) -> None:
    found = pairs(split(whole / name))
    expected = {(row["text"], row["label"]): 1 for row in ROWS}
    assert name in PICTURES or found == expected
    assert sum(found.values()) == (8 if name in PICTURES else len(ROWS))


#: Without shrinking, which would take minutes. A failure names the source and the bytes.
quick = settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)


@pytest.mark.parametrize("name", SOURCES)
@quick
@given(data=st.data())
def test_a_source_with_turned_bits_is_rows_or_an_error(
    name: str, whole: Path, tmp_path: Path, data: st.DataObject
) -> None:
    source = _copy(whole / name, tmp_path)
    path = data.draw(st.sampled_from(files_of(source)))
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    check(source, complete(whole / name), whole_rows=False)


@pytest.mark.parametrize("name", SOURCES)
@quick
@given(data=st.data())
def test_a_source_that_is_cut_off_is_rows_or_an_error(
    name: str, whole: Path, tmp_path: Path, data: st.DataObject
) -> None:
    source = _copy(whole / name, tmp_path)
    path = data.draw(st.sampled_from(files_of(source)))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    check(source, complete(whole / name), whole_rows=True)


@pytest.mark.parametrize("name", SOURCES)
@quick
@given(content=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_a_source_of_any_bytes_is_rows_or_an_error(name: str, whole: Path, tmp_path: Path, content: bytes) -> None:
    source = _copy(whole / name, tmp_path)
    files_of(source)[0].write_bytes(content)
    check(source, Counter(), whole_rows=False)


@pytest.mark.parametrize("name", [name for name in SOURCES if "." not in name])
def test_a_source_with_a_lost_file_is_rows_or_an_error(name: str, whole: Path, tmp_path: Path) -> None:
    for lost in range(len(files_of(whole / name))):
        source = _copy(whole / name, tmp_path)
        files_of(source)[lost].unlink()
        check(source, complete(whole / name), whole_rows=True)


def _copy(source: Path, folder: Path) -> Path:
    copy = folder / source.name
    if source.is_file():
        shutil.copy(source, copy)
    else:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source, copy)
    return copy

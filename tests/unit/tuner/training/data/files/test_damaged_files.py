"""JSON and parquet with any values and any damage: the rows of the file, or an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.study.words import word
from tuner.training.data.files.arrow_rows import read_parquet
from tuner.training.data.files.file_rows import FileRows, Wanted
from tuner.training.data.files.json_rows import read_json
from tuner.training.progress import silent

# Damage by chance.
pytestmark = pytest.mark.rest

WANTED = Wanted({"text": ("text",), "label": ("label",)})
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
LABELS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
RECORDS = st.lists(st.tuples(TEXTS, LABELS), min_size=2, max_size=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "label", "data", "train", "columns", "a.b", "0"]), inner, max_size=4)
    ),
    max_leaves=12,
)
#: A place in a file, as a share of its length, and the bits that are turned over there.
FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=3)


def rows_of(read: Callable[[], Any]) -> Any:
    """Return the rows that were read; None where they are refused by an error of ours, of one line."""
    try:
        return read()
    except DataError as error:
        refused = str(error)
    assert refused.startswith("data.")
    assert "\n" not in refused
    return None


def read(path: Path, content: bytes) -> dict[str, FileRows] | None:
    path.write_bytes(content)
    found: dict[str, FileRows] | None = rows_of(
        lambda: read_json(path, path.name, WANTED, DataConfig(source=str(path)), silent)
    )
    return found


def as_lines(rows: list[dict[str, Any]], ascii_only: bool) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)


def as_columns(rows: list[dict[str, Any]], ascii_only: bool) -> str:
    return json.dumps({key: [row[key] for row in rows] for key in ("text", "label")}, ensure_ascii=ascii_only)


LAYOUTS: list[Callable[[list[dict[str, Any]], bool], str]] = [
    as_lines,
    as_columns,
    lambda rows, ascii_only: json.dumps(rows, ensure_ascii=ascii_only, indent=1),
    lambda rows, ascii_only: json.dumps({"version": 1, "data": rows}, ensure_ascii=ascii_only),
    lambda rows, ascii_only: json.dumps({str(i): row for i, row in enumerate(rows)}, ensure_ascii=ascii_only, indent=2),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@quick
@given(records=RECORDS, ascii_only=st.booleans())
def test_json_of_any_texts_and_labels_is_read_as_it_was_written(
    tmp_path: Path, layout: Callable[..., str], records: list[tuple[Any, Any]], ascii_only: bool
) -> None:
    rows = [{"text": text, "label": label} for text, label in records]
    found = read(tmp_path / "rows.json", layout(rows, ascii_only).encode())
    assert found is not None
    table = found["train"].table
    assert table["text"].to_pylist() == [text for text, _ in records]
    assert [word(each) for each in table["label"].to_pylist()] == [word(label) for _, label in records]


@quick
@given(value=VALUES)
@example(value={"columns": [], "data": []})
@example(value={"text": {}, "label": {}})
@example(value=[[]] * 2)
@example(value=[{"text": "\ud800", "label": 1}])
def test_json_of_any_value_is_rows_or_an_error(tmp_path: Path, value: Any) -> None:
    read(tmp_path / "rows.json", json.dumps(value).encode())


@quick
@given(values=st.lists(VALUES, min_size=2, max_size=5))
def test_lines_of_any_values_are_rows_or_an_error(tmp_path: Path, values: list[Any]) -> None:
    read(tmp_path / "rows.json", "\n".join(json.dumps(value) for value in values).encode())


def damaged(content: bytes, flips: list[tuple[float, int]], kept: float) -> bytes:
    changed = bytearray(content)
    for share, bits in flips:
        changed[int(share * len(changed))] ^= bits
    return bytes(changed[: int(kept * len(changed)) or 1])


WHOLE = [{"text": f"text {i} with a naïve word", "label": ["pos", 1, None][i % 3]} for i in range(6)]


@pytest.mark.parametrize("layout", LAYOUTS)
@quick
@given(flips=FLIPS, kept=st.just(1.0) | st.floats(0, 1))
def test_damaged_json_is_rows_or_an_error(
    tmp_path: Path, layout: Callable[..., str], flips: list[tuple[float, int]], kept: float
) -> None:
    read(tmp_path / "rows.json", damaged(layout(WHOLE, False).encode(), flips, kept))


@pytest.fixture(scope="module", params=["NONE", "SNAPPY", "ZSTD"])
def parquet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "rows.parquet"
    content = {"text": pa.array(["é" * 5 + str(i) for i in range(60)]), "label": pa.array(["a", "b", None] * 20)}
    numbers = pa.array([i % 4 for i in range(60)])
    pq.write_table(pa.table({**content, "number": numbers}), path, compression=request.param)
    return path.read_bytes()


@quick
@given(flips=FLIPS, kept=st.just(1.0) | st.floats(0, 1))
def test_damaged_parquet_is_rows_or_an_error(
    tmp_path: Path, parquet: bytes, flips: list[tuple[float, int]], kept: float
) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(damaged(parquet, flips, kept))
    for wanted in (WANTED, Wanted({"text": ("text",), "label": ("number",)})):
        rows = rows_of(lambda wanted=wanted: read_parquet(path, "rows.parquet", wanted))
        for column in rows.table.columns if rows else ():
            assert all(isinstance(each, str | None) for each in column.to_pylist())

from __future__ import annotations

import pytest

from tuner.study.data_endings import DataEnding, DataKind, data_ending


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("rows.csv", DataEnding(DataKind.DELIMITED)),
        ("folder.json/rows.TSV", DataEnding(DataKind.DELIMITED)),
        ("SMSSpamCollection.data", DataEnding(DataKind.DELIMITED)),
        ("rows.ndjson", DataEnding(DataKind.JSON)),
        ("rows.v1.jsonl.gz", DataEnding(DataKind.JSON, "gzip")),
        ("rows.csv.XZ", DataEnding(DataKind.DELIMITED, "xz")),
        ("https://host/rows.json?download=1#top", DataEnding(DataKind.JSON)),
        ("data/train-00000-of-00001.parquet", DataEnding(DataKind.PARQUET)),
        ("some/model", None),
        ("some/model-v1.5", None),
        ("archive.gz", None),
        (".csv", None),
        ("csv", None),
        ("https://host/rows.html?file=rows.csv", None),
        ("", None),
    ],
)
def test_the_ending_of_a_name_says_the_layout_and_the_compression(name: str, ending: DataEnding | None) -> None:
    assert data_ending(name) == ending

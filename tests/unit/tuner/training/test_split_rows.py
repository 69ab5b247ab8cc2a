"""The way from files to splits: each row that was read is in one split, or is left out with a reason."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from split_files import split_file

from tuner.errors import DataError
from tuner.training.data.files.places import ROW
from tuner.training.split_rows import SplitRows

Split = Callable[..., SplitRows]


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def films(count: int, *, classes: int = 2, **more: Callable[[int], str]) -> list[dict[str, str]]:
    return [
        {
            "text": f"film number {number}",
            "label": f"class {number % classes}",
            **{name: value(number) for name, value in more.items()},
        }
        for number in range(count)
    ]


# ---- no row is lost


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    blank=st.integers(0, 3),
    repeated=st.integers(0, 5),
    deduplicate=st.booleans(),
    where=st.booleans(),
    splits=st.sampled_from(
        [
            {"train": 0.8, "validation": 0.1, "test": 0.1},
            {"train": 0.6, "validation": 0.4},
            {"train": 6, "validation": 0.2},
        ]
    ),
    seed=st.integers(0, 9),
)
def test_rows_of_the_splits_and_those_left_out_are_exactly_the_rows_read(
    counts: list[int],
    blank: int,
    repeated: int,
    deduplicate: bool,
    where: bool,
    splits: dict[str, Any],
    seed: int,
    tmp_path: Path,
) -> None:
    labels = [f"class {number}" for number, count in enumerate(counts) for _ in range(count)]
    rows = [
        {"text": f"text {number}", "label": label, "site": str(number % 3)} for number, label in enumerate(labels)
    ] * (1 if repeated == 0 else 2)
    path = write_csv(tmp_path / "rows.csv", rows)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * blank)
    said: dict[str, Any] = {"splits": splits, "deduplicate": deduplicate}
    if where:
        said["where"] = {"site": ["0", "1"]}
    try:
        found = split_file(path, seed=seed, **said)
    except DataError:  # too few rows or classes for these splits
        return
    report = found.report()
    used = [row for split in found.splits.values() for row in split[ROW]]
    assert len(used) == len(set(used)) == report.rows.used
    assert report.rows.read == len(rows) + blank == report.rows.used + sum(each.count for each in report.rows.left_out)
    seen = Counter(
        (text, found.labels[label])
        for split in found.splits.values()
        for text, label in zip(split["text"], split["labels"], strict=True)
    )
    written = Counter((row["text"], row["label"]) for row in rows)
    assert all(count <= written[pair] for pair, count in seen.items())
    if deduplicate:
        assert set(seen.values()) == {1}
    assert sum(sum(counts.values()) for counts in report.rows.classes.values()) == report.rows.used


def test_each_reason_for_which_rows_are_left_out_is_counted(tmp_path: Path) -> None:
    rows = [*films(40, site=lambda number: "ab"[number % 4 == 0]), *films(4, site=lambda _: "a")]
    path = write_csv(tmp_path / "rows.csv", rows)
    path.write_text(path.read_text(encoding="utf-8") + "\n\n", encoding="utf-8")
    found = split_file(path, where={"site": "a"}, deduplicate=True, splits={"train": 10, "validation": 10})
    assert {each.reason: each.count for each in found.left_out} == {
        "empty lines": 2,
        "by data.where": 10,
        "by data.deduplicate": 3,
        "not asked for by data.splits": 11,
    }
    classes = found.report().rows.classes
    assert {split: sum(counts[split] for counts in classes.values()) for split in ("train", "validation")} == {
        "train": 10,
        "validation": 10,
    }
    # Of class 0, half of the rows are left out.
    assert {name: sum(counts.values()) for name, counts in classes.items()} == {"class 0": 7, "class 1": 13}


def test_texts_that_training_shares_with_another_split_are_counted(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", films(20) * 2)
    found = split_file(path, splits={"train": 0.5, "validation": 0.5})
    shared = len(set(found.splits["train"]["text"]) & set(found.splits["validation"]["text"]))
    assert shared > 0
    assert any(
        warning.startswith(f"{shared} of 20 validation rows have the same input as a training row")
        for warning in found.warnings
    )
    assert split_file(path, splits={"train": 0.5, "validation": 0.5}, deduplicate=True).warnings == ()


def test_a_group_stays_in_one_split(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", films(60, patient=lambda number: f"p{number // 5}"))
    found = split_file(path, group="patient", splits={"train": 0.6, "validation": 0.2, "test": 0.2})
    patients = [{int(text.rsplit(" ", 1)[1]) // 5 for text in split["text"]} for split in found.splits.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 12
    assert found.splits["train"].column_names == ["text", ROW, "labels"]


def test_a_group_that_two_named_splits_share_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for split in ("train", "dev"):
        write_csv(folder / f"{split}.csv", films(20, patient=lambda number: f"p{number // 5}"))
    with pytest.raises(DataError, match="4 groups are in train and in dev, such as 'p0'"):
        split_file(folder, group="patient", splits={"train": "train", "validation": "dev"})


# ---- places


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"text": ""}, "data.text", "rows.csv, line 43 (and 1 more: line 50): there is no text in column 'text'"),
        ({"label": ""}, "data.label", "rows.csv, line 43 (and 1 more: line 50): there is no label in column 'label'"),
    ],
)
def test_a_row_that_lacks_something_is_named_by_its_line(
    change: dict[str, str], key: str, reason: str, tmp_path: Path
) -> None:
    rows = films(60)
    for line in (43, 50):
        rows[line - 2] |= change
    with pytest.raises(DataError) as caught:
        split_file(write_csv(tmp_path / "rows.csv", rows), splits={"train": 0.7, "validation": 0.3})
    assert caught.value.key == key
    assert caught.value.reason.startswith(reason)


def test_an_empty_text_is_missing_in_json_as_in_csv(tmp_path: Path) -> None:
    rows = films(20)
    rows[4]["text"] = ""
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(DataError, match=r"rows\.jsonl, line 5: there is no text in column 'text'"):
        split_file(path, splits={"train": 0.7, "validation": 0.3})


def test_a_label_that_training_lacks_is_named_by_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_csv(folder / "train.csv", films(20))
    write_csv(folder / "dev.csv", [*films(5), {"text": "x", "label": "class 7"}])
    with pytest.raises(DataError) as caught:
        split_file(folder, splits={"train": "train", "validation": "dev"})
    assert caught.value.reason.startswith(
        "folder/dev.csv, line 7: label 'class 7' of validation is not in the training"
    )


# ---- keys and splits that are not used


@pytest.mark.parametrize(
    ("name", "said", "key"),
    [
        ("rows.csv", {"field": "data"}, "field"),
        ("rows.jsonl", {"format": {"separator": "tab"}}, "format.separator"),
        ("rows.parquet", {"format": {"encoding": "utf-8"}}, "format.encoding"),
        ("rows.parquet", {"field": "data"}, "field"),
        ("saved", {"format": {"header": False}}, "format.header"),
    ],
)
def test_a_key_that_the_source_ignores_is_refused(name: str, said: dict[str, Any], key: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "saved":
        Dataset.from_list(films(4)).save_to_disk(str(path))
    else:
        path.write_text("{}")
    with pytest.raises(DataError) as caught:
        split_file(path, **said)
    assert (caught.value.key, caught.value.reason) == (f"data.{key}", f"means nothing for {name}; drop the key")


def test_splits_and_keys_of_the_hub_that_are_not_used_are_said(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for split in ("train", "test", "more"):
        write_csv(folder / f"{split}.csv", films(20))
    found = split_file(folder, subset="en", splits={"train": 0.7, "validation": 0.3})
    assert found.warnings == ("data.subset is for data sets of the hub, and means nothing for folder",)
    assert found.reading[1:] == ("not read, as data.splits does not ask for it: more, test",)


def test_a_condition_that_no_row_meets_shows_the_words_of_its_column(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", films(20, code=lambda number: ("010", "")[number % 2]))
    with pytest.raises(
        DataError, match=r"leaves no row of rows\.csv: no row has '10' in column 'code', .* there are '010', ''"
    ):
        split_file(path, where={"label": "class 0", "code": 10})


def test_labels_may_name_the_numbers_of_classes(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = {"text": [f"text {number}" for number in range(20)], "label": [number % 2 for number in range(20)]}
    path = tmp_path / "rows.parquet"
    Dataset.from_dict(rows, features=features).to_parquet(str(path))
    splits = {"train": 0.7, "validation": 0.3}
    assert split_file(path, labels={0: "bad", 1: "good"}, splits=splits).labels == ("bad", "good")
    assert split_file(path, labels={"neg": "bad", "pos": "good"}, splits=splits).labels == ("bad", "good")
    with pytest.raises(DataError, match="has a class by its number and by its name"):
        split_file(path, labels={0: "bad", "neg": "bad", 1: "good"}, splits=splits)


# ---- words


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_words_that_look_like_nothing_or_like_numbers_are_words(ending: str, tmp_path: Path) -> None:
    labels = ["None", "N/A", "null", "0010", "1E5"]
    rows = [{"text": f"nan {number}", "label": labels[number % 5]} for number in range(50)]
    path = tmp_path / f"rows.{ending}"
    if ending == "csv":
        write_csv(path, rows)
    else:
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = split_file(path, splits={"train": 0.7, "validation": 0.3})
    assert set(found.labels) == set(labels)


def test_the_rule_of_labels_holds_for_where_and_names_too(tmp_path: Path) -> None:
    rows = [
        {"text": f"text {number}", "label": ("1", "1.0", "0")[number % 3], "ok": ("TRUE", "true", "False")[number % 3]}
        for number in range(60)
    ]
    path = write_csv(tmp_path / "rows.csv", rows)
    found = split_file(path, labels={1: "one", "0.0": "none"}, splits={"train": 0.7, "validation": 0.3})
    assert found.labels == ("none", "one")
    with pytest.raises(DataError, match="has 1 class, "):
        split_file(path, where={"ok": True}, splits={"train": 0.7, "validation": 0.3})


# ---- remarks


def test_a_good_file_has_no_warning(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", films(60, classes=3))
    assert split_file(path, splits={"train": 0.7, "validation": 0.3}).warnings == ()


@pytest.mark.parametrize("deduplicate", [False, True])
def test_a_text_with_two_labels_is_said_with_its_lines(deduplicate: bool, tmp_path: Path) -> None:
    rows = films(60)
    path = write_csv(tmp_path / "rows.csv", [*rows, rows[3] | {"label": "class 0"}, rows[4]])
    found = split_file(path, splits={"train": 0.5, "validation": 0.5}, deduplicate=deduplicate)
    end = (
        "data.deduplicate keeps one row of each, and with it one label"
        if deduplicate
        else "at most one of them can be learnt"
    )
    assert f"rows.csv, line 5 (and 1 more: line 62): the same input has different labels; {end}" in found.warnings


def test_two_words_of_one_class_do_not_contradict_each_other(tmp_path: Path) -> None:
    rows = films(60)
    path = write_csv(tmp_path / "rows.csv", [*rows, rows[0] | {"label": "Class 0"}])
    said: dict[str, Any] = {"labels": {"class 0": "a", "Class 0": "a", "class 1": "b"}, "deduplicate": True}
    found = split_file(path, splits={"train": 0.5, "validation": 0.5}, **said)
    assert found.warnings == ()
    assert [each.count for each in found.left_out] == [1]


@pytest.mark.parametrize("text", ["   ", "\u00a0\t", "\u200b\ufeff "])
def test_a_text_of_blanks_is_said_with_its_line(text: str, tmp_path: Path) -> None:
    rows = films(40)
    rows[10]["text"] = text
    found = split_file(write_csv(tmp_path / "rows.csv", rows), splits={"train": 0.7, "validation": 0.3})
    assert found.warnings == ("rows.csv, line 12: the text holds blanks alone; remove the row if it means nothing",)


def test_a_label_of_blanks_is_refused_unless_it_is_named(tmp_path: Path) -> None:
    rows = films(40)
    for row in rows[10:20:2]:
        row["label"] = " "
    path = write_csv(tmp_path / "rows.csv", rows)
    with pytest.raises(DataError, match=r"rows\.csv, line 12 \(and 4 more: .*: the label ' ' holds blanks alone"):
        split_file(path, splits={"train": 0.7, "validation": 0.3})
    names = {"class 0": "a", "class 1": "b", " ": "c"}
    assert len(split_file(path, splits={"train": 0.7, "validation": 0.3}, labels=names).labels) == 3


def test_a_header_between_rows_is_said_with_its_line(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", [*films(40), {"text": "text", "label": "label"}])
    found = split_file(path, splits={"train": 0.7, "validation": 0.3})
    assert found.warnings[0].startswith("rows.csv, line 42: the label is the column's name, 'label'")
    assert len(found.warnings) == 2  # the other one is that the class is rare


def test_words_of_where_that_no_row_has_are_said(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", films(40, lang=lambda number: ("en", "de")[number // 2 % 2]))
    found = split_file(path, where={"lang": ["de", "fr"]}, splits={"train": 0.7, "validation": 0.3})
    assert found.warnings == ("no row has 'fr' in column 'lang', which data.where names; there are 'en', 'de'",)
    with pytest.raises(DataError, match=r"leaves no row of rows\.csv: no row has 'EN' .*; did you mean 'en'"):
        split_file(path, where={"lang": "EN"}, splits={"train": 0.7, "validation": 0.3})

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.errors import DataError
from tuner.study.data_config import DataConfig
from tuner.training.data.files.file_rows import ONLY, FileRows, PlaceKind, Wanted
from tuner.training.data.files.json_rows import read_json
from tuner.training.progress import silent

WANTED = Wanted({"text": ("text",), "label": ("label",)})
TWO = [{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}]


def read_all(
    folder: Path, content: str | bytes, wanted: Wanted = WANTED, name: str = "rows.json", **data: Any
) -> dict[str, FileRows]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_json(path, name, wanted, DataConfig(source=str(path), **data), silent)


def read(folder: Path, content: str | bytes, wanted: Wanted = WANTED, **data: Any) -> FileRows:
    (rows,) = (found := read_all(folder, content, wanted, **data)).values()
    assert list(found) == [ONLY]
    return rows


def complaint(folder: Path, content: str | bytes, wanted: Wanted = WANTED, **data: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_all(folder, content, wanted, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def cells(rows: FileRows) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in rows.table.columns), strict=True))


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl", "rows.ndjson"])
def test_lines_and_lists_are_read_by_their_content_under_either_ending(tmp_path: Path, name: str) -> None:
    by_line = read_all(tmp_path, lines(*TWO), name=name)[ONLY]
    by_record = read_all(tmp_path, json.dumps(TWO, indent=1), name=name)[ONLY]
    assert cells(by_line) == cells(by_record) == [("good", "pos"), ("bad", "neg")]
    assert (by_line.kind, by_record.kind) == (PlaceKind.LINE, PlaceKind.RECORD)
    assert (by_line.reading, by_record.reading) == ("2 records, one a line, utf-8", "2 records, a list, utf-8")


def test_blank_lines_are_left_out_and_counted_and_rows_keep_their_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, "\n" + lines(TWO[0]) + "  \n\r\n" + lines(TWO[1]) + "\n")
    assert (rows.numbers.tolist(), rows.blank) == ([2, 5], 4)


def test_a_line_separator_inside_of_a_text_ends_no_line(tmp_path: Path) -> None:
    text = "one\u2028two\u0085three\x0bfour"
    content = "".join(json.dumps({"text": text, "label": 1}, ensure_ascii=False) + "\n" for _ in range(2))
    rows = read(tmp_path, content)
    assert (rows.table["text"][0].as_py(), rows.numbers.tolist()) == (text, [1, 2])


@pytest.mark.parametrize(
    ("document", "layout"),
    [
        ({"version": 1, "data": TWO}, "rows under the key 'data'"),
        ({"text": ["good", "bad"], "label": ["pos", "neg"], "id": [1, 2]}, "columns"),
        ({"text": {"3": "good", "7": "bad"}, "label": {"7": "neg", "3": "pos"}}, "columns"),
        ({"columns": ["id", "text", "label"], "data": [[1, "good", "pos"], [2, "bad", "neg"]]}, "rows with a list of"),
        ({"schema": {"fields": [{"name": "text"}]}, "data": TWO}, "rows under the key 'data'"),
        ({"a": TWO[0], "b": TWO[1]}, "rows with a key each"),
        ({"rows": {"text": ["good", "bad"], "label": ["pos", "neg"]}}, "columns under the key 'rows'"),
        ({"rows": TWO, "classes": [{"id": 1}, {"id": 2}]}, "rows under the key 'rows'"),
    ],
)
def test_rows_are_found_in_the_layouts_that_people_have(tmp_path: Path, document: Any, layout: str) -> None:
    rows = read(tmp_path, json.dumps(document))
    assert cells(rows) == [("good", "pos"), ("bad", "neg")]
    assert layout in rows.reading


def test_rows_under_several_keys_are_splits_and_other_lists_are_said_to_be_left(tmp_path: Path) -> None:
    found = read_all(tmp_path, json.dumps({"train": TWO, "val": TWO[:1], "classes": [{"id": 1}], "version": 2}))
    assert {split: len(rows.table) for split, rows in found.items()} == {"train": 2, "val": 1}
    assert found["val"].reading == "1 records, rows under the key 'val', utf-8"
    assert found["val"].notes == (
        "the rows under the key 'classes' are not read, as they lack a column that the study needs",
    )


def test_one_object_is_one_row(tmp_path: Path) -> None:
    assert cells(read(tmp_path, json.dumps(TWO[0]))) == [("good", "pos")]


def test_rows_that_lie_deeper_are_read_with_the_key_that_the_message_names(tmp_path: Path) -> None:
    document = json.dumps({"status": "ok", "result": {"page.1": {"items": TWO}, "next": None}})
    said = complaint(tmp_path, document)
    assert (
        said == "data.field: rows.json has its rows below 'result.page.1.items'; write data.field: result.page.1.items"
    )
    assert len(read(tmp_path, document, field="result.page.1.items").table) == 2
    assert complaint(tmp_path, document, field="result.pages") == (
        "data.field: rows.json has no key 'result.pages'; did you mean 'page.1'?; there are 'page.1', 'next'"
    )
    assert "has no key 'reslt'; did you mean 'result'?; there are" in complaint(tmp_path, document, field="reslt")
    assert "'status' holds 'ok', without keys" in complaint(tmp_path, document, field="status.x")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps(TWO), "is a list of rows already; drop the key"),
        (lines(*TWO), "has one record a line and no keys above them; drop the key, or name columns with dots"),
    ],
)
def test_a_key_above_the_rows_is_refused_where_there_is_none(tmp_path: Path, content: str, words: str) -> None:
    assert complaint(tmp_path, content, field="data") == f"data.field: rows.json {words}"


def test_cells_without_names_are_named_by_the_study_file(tmp_path: Path) -> None:
    document = json.dumps({"train": [["good", "pos"], ["bad", "neg"]]})
    said = complaint(tmp_path, document)
    assert said.startswith("data.text: there is no column 'text'; there are 1, 2; the rows of rows.json are lists")
    assert (
        "the first one ['good', 'pos']; name their cells in order, such as data.format: {header: [text, label]}" in said
    )
    expected = [("good", "pos"), ("bad", "neg")]
    assert cells(read(tmp_path, document, format={"header": ["text", "label"]})) == expected
    assert cells(read(tmp_path, document, Wanted({"text": ("1",), "label": ("2",)}))) == expected


def test_the_first_row_may_name_the_cells(tmp_path: Path) -> None:
    rows = read(tmp_path, lines(["text", "label"], ["good", "pos"], ["bad", "neg"]), format={"header": True})
    assert (cells(rows), rows.numbers.tolist()) == ([("good", "pos"), ("bad", "neg")], [2, 3])


def test_a_row_with_a_cell_too_many_is_refused_with_its_line(tmp_path: Path) -> None:
    content = lines(["good", "pos"], ["bad", "neg", "x"], ["a"])
    assert complaint(tmp_path, content, format={"header": ["text", "label"]}) == (
        "data.source: rows.json, line 2 (and 1 more: line 3) has 3 cells where 2 columns are named: ['bad', 'neg', 'x']"
    )


def test_a_dotted_name_is_a_key_of_its_own_or_one_inside_of_an_object(tmp_path: Path) -> None:
    wanted = Wanted({"text": ("content.text",), "label": ("label",)})
    content = lines(
        {"content.text": "flat", "label": 1}, {"content": {"text": "deep"}, "label": 2}, {"content": "x", "label": 3}
    )
    assert cells(read(tmp_path, content, wanted)) == [("flat", "1"), ("deep", "2"), (None, "3")]


@pytest.mark.parametrize(
    ("record", "near"),
    [
        ({"content": {"text": "a"}, "label": 1}, "content.text"),
        ({"Text": "a", "label": 1}, "Text"),
        ({"content": {"texts": "a"}, "label": 1}, "content.texts"),
    ],
)
def test_a_missing_column_is_said_with_the_name_that_is_meant(tmp_path: Path, record: Any, near: str) -> None:
    said = complaint(tmp_path, lines(record, record))
    assert said.startswith("data.text: there is no column 'text'")
    assert f"did you mean {near!r}?" in said


def test_values_stay_strings_or_become_words_by_the_rule_of_labels(tmp_path: Path) -> None:
    labels = ["0010", 10, 1.0, 2.5, True, "true", None, 1e5, "None", "", 12345678901234567890, "1.0"]
    rows = read(tmp_path, lines(*({"text": "t", "label": label} for label in labels), {"text": "t"}))
    assert rows.table["label"].to_pylist() == [
        *("0010", "10", "1", "2.5", "True", "true", None, "100000", "None", "", "12345678901234567890", "1.0", None),
    ]


def test_nan_is_missing_and_infinity_is_a_word(tmp_path: Path) -> None:
    content = "".join(f'{{"text": "t", "label": {label}}}\n' for label in ("NaN", "Infinity", "-Infinity"))
    assert read(tmp_path, content).table["label"].to_pylist() == [None, "Infinity", "-Infinity"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"text": 10000, "label": "a"}, "data.text: {place}: column 'text' holds the number 10000: a text is a string"),
        (
            {"text": False, "label": "a"},
            "data.text: {place}: column 'text' holds the boolean False: a text is a string",
        ),
        ({"text": ["a", "b"], "label": "a"}, "data.text: {place}: column 'text' holds the list ['a', 'b']: a text is"),
        (
            {"text": {"en": "a"}, "label": "a"},
            "{place}: column 'text' holds the object {{'en': 'a'}}: name a key inside",
        ),
        ({"text": "\ud800", "label": "a"}, "data.text: {place}: column 'text' holds half of a character (a lone surr"),
        (
            {"text": "a", "label": ["x", "y"]},
            "data.label: {place}: column 'label' holds the list ['x', 'y']: several labels a row are the task "
            "multi-label-classification, which is not there yet; give each row one label, not in a list",
        ),
        ({"text": "a", "label": {"name": "x"}}, "such as data.label: label.name"),
    ],
)
def test_a_value_that_a_column_cannot_have_is_refused_with_the_first_place_and_the_count(
    tmp_path: Path, record: Any, words: str
) -> None:
    for content, place in (
        (lines(*TWO, record, record, record), "rows.json, line 3 (and 2 more: line 4, line 5)"),
        (json.dumps([*TWO, record, record]), "rows.json, record 3 (and 1 more: record 4)"),
    ):
        assert words.format(place=place) in complaint(tmp_path, content)


def test_values_to_select_and_group_by_are_words_and_columns_that_are_not_needed_may_hold_anything(
    tmp_path: Path,
) -> None:
    wanted = Wanted({"text": ("text",), "label": ("label",), "where": ("stars",), "group": ("who.id",)})
    record = {**TWO[0], "stars": 5, "who": {"id": 7}, "note": ["\ud800", {"a": 1}]}
    assert cells(read(tmp_path, lines(record, record), wanted))[0] == ("good", "pos", "5", "7")
    said = complaint(tmp_path, lines({**record, "stars": [5]}, record), wanted)
    assert said.startswith("data.where: rows.json, line 1: column 'stars' holds the list [5]: a row has one word there")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            lines(*TWO) + '{"text": "x"\n{"text"}\n',
            "rows.json, line 3 (and 1 more: line 4): no JSON, as it ends in the mid",
        ),
        (lines(*TWO) + "{'text': 'x'}\n", "rows.json, line 3: no JSON, expecting property name enclosed in double"),
        (lines(*TWO) + '{"text": "a", "text": "b"}', "rows.json, line 3: the key 'text' stands twice in an object"),
        ('[\n{"text": "a"},\n{"a": 1,\n "b": {"c": 1, "c": 2}}\n]', "rows.json, line 4: the key 'c' stands twice"),
        ('{"data": [\n{"text": "a"},\n{"a": 1, "a": 2}]}', "rows.json, line 3: the key 'a' stands twice"),
        (json.dumps(TWO, indent=1)[:-20], "no JSON, "),
        ('[{"text": "a"}', "rows.json, line 1: no JSON, as it ends in the middle of a value; is the file cut off?"),
        ("[1, 2]", "rows.json, record 1 (and 1 more: record 2) is 1; a row is an object with named values"),
        (lines(*TWO, None), "rows.json, line 3 is None; a row is an object with named values"),
        ('[{"text": "a"}] [', "no JSON, extra data at column 17: '['"),
        (lines(*TWO) + "[" * 5000, "rows.json, line 3: lists and objects have too many levels"),
        ("[" * 100_000, "rows.json, line 1: lists and objects have too many levels"),
        (lines(*TWO) + f'{{"text": "a", "label": {"9" * 5000}}}', "rows.json, line 3: a number has too many digits"),
        ('{"a": 1, "b": "c"}', "rows.json holds no rows; its keys are 'a', 'b'; rows are a list of objects"),
        ("3", "rows.json holds 3 and no rows"),
        ("[]", "rows.json holds no rows"),
        ("", "rows.json is empty"),
        (" \n", "rows.json is empty"),
    ],
)
def test_a_broken_document_is_refused_with_its_line(tmp_path: Path, content: str, words: str) -> None:
    said = complaint(tmp_path, content)
    assert said.startswith("data.source: ")
    assert words in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "a", "label": \n' + lines(*TWO), "rows.json, line 1: no JSON, as it ends in the middle"),
        (
            "".join(map(json.dumps, TWO)),
            "; write one record a line with nothing between them",
        ),
        ('[{"text": "a", "label": 1},]', "; drop the comma in front of it"),
        (str(TWO), "; JSON has double quotes around texts and keys"),
        ("{}", "rows.json holds no rows; it is an object without keys"),
        (
            '[{"a": [{"text": "x", "label": 1}]}]',
            "'text' lies inside of the list 'a'; write a file",
        ),
        (
            '[{"a": [{"b": {"label": 1}}], "text": "x"}]',
            "'label' lies inside of the list 'a'",
        ),
    ],
)
def test_a_document_that_is_not_as_rows_are_written_says_the_remedy(tmp_path: Path, content: str, words: str) -> None:
    assert words in complaint(tmp_path, content)


def test_a_key_below_a_list_is_refused(tmp_path: Path) -> None:
    said = complaint(tmp_path, json.dumps({"data": [{"rows": TWO}]}), field="data.rows")
    assert said == "data.field: rows.json has no key 'data.rows': 'data' holds a list, and no key leads into one"


def test_a_number_beyond_all_floats_is_no_infinity(tmp_path: Path) -> None:
    said = complaint(tmp_path, '{"text": "a", "label": 1e999}\n' * 2)
    assert said.startswith("data.label: rows.json, line 1 (and 1 more: line 2): column 'label' holds the number")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"text": ["a", "b"], "label": ["x"]}, "columns 'text' and 'label' differ: 2 and 1 values"),
        ({"text": {"0": "a"}, "label": {"1": "x"}}, "column 'label' has no value for row '0'"),
        ({"text": ["a"], "Label": ["x"]}, "there is no column 'label'; did you mean 'Label'?; there are text, Label"),
        ({"columns": ["text", "text", "label"], "data": [["a", "b", "c"]]}, "names the column 'text' twice"),
        (
            {"columns": ["text", "label"], "data": [["a"]]},
            "rows.json, record 1 has 1 cells where 2 columns are named: ['a']",
        ),
    ],
)
def test_columns_that_do_not_agree_are_refused(tmp_path: Path, document: Any, words: str) -> None:
    assert words in complaint(tmp_path, json.dumps(document))


def test_a_key_of_the_second_record_alone_is_a_column(tmp_path: Path) -> None:
    assert cells(read(tmp_path, lines({"text": "a"}, TWO[1]))) == [("a", None), ("bad", "neg")]


def test_pictures_are_named_by_paths(tmp_path: Path) -> None:
    wanted = Wanted({"image": ("image",), "label": ("label",)})
    assert cells(read(tmp_path, lines(*[{"image": "a.png", "label": 1}] * 2), wanted))[0] == ("a.png", "1")
    assert "a picture is named by its path" in complaint(tmp_path, lines(*[{"image": 3, "label": 1}] * 2), wanted)


def test_progress_ends_at_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(lines(*TWO * 6000), encoding="utf-8")
    seen: list[tuple[str, int, int]] = []
    read_json(path, "rows.jsonl", WANTED, DataConfig(source="x"), lambda *each: seen.append(each))
    assert [stage for stage, _, _ in seen] == ["reading rows.jsonl"] * 2
    assert seen[-1][1:] == (path.stat().st_size,) * 2
    assert 0 < seen[0][1] <= seen[1][1]


def test_rows_of_many_chunks_stay_in_order(tmp_path: Path) -> None:
    count = 40_000
    rows = read(tmp_path, lines(*({"text": f"t{i}", "label": i} for i in range(count))))
    assert rows.table["label"].to_pylist() == [str(i) for i in range(count)]
    assert rows.numbers.tolist() == list(range(1, count + 1))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_an_encoding_with_a_mark_or_with_a_name_is_read(tmp_path: Path, encoding: str) -> None:
    records = "".join(json.dumps({"text": "naïve café", "label": 1}, ensure_ascii=False) + "\n" for _ in range(2))
    given = {"encoding": encoding} if encoding == "cp1252" else {}
    assert cells(read(tmp_path, records.encode(encoding), format=given))[0] == ("naïve café", "1")


def test_bytes_that_the_named_encoding_does_not_explain_are_refused_with_their_line(tmp_path: Path) -> None:
    content = lines(*TWO).encode() + '{"text": "naïve"}\n'.encode("latin-1")
    said = complaint(tmp_path, content, format={"encoding": "utf-8"})
    assert said.startswith("data.format.encoding: ")
    assert "line 3" in said
    assert "rows.json" in said


@pytest.mark.parametrize(("ending", "packer"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_compressed_file_is_read_as_the_file_inside(
    tmp_path: Path, ending: str, packer: Callable[[bytes], bytes]
) -> None:
    content = packer(lines(*TWO).encode())
    found = read_all(tmp_path, content, name=f"rows.jsonl{ending}")[ONLY]
    assert cells(found) == [("good", "pos"), ("bad", "neg")]
    with pytest.raises(DataError, match=r"^data\.source: rows\.jsonl\.\w+ is cut off: "):
        read_all(tmp_path, content[:-9], name=f"rows.jsonl{ending}")

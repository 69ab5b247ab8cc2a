from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search_spaces import UnreadableDocument, parse_yaml, read_yaml, suggestion
from search_spaces.documents import MAX_BYTES, MAX_DEPTH

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1e-4", 1e-4),
        ("5E5", 5e5),
        ("+2e3", 2e3),
        ("-1.5e-3", -1.5e-3),
        (".5e1", 5.0),
        ("1.e2", 100.0),
        ("0.1", 0.1),
        ("3", 3),
    ],
)
def test_a_number_is_a_number_as_people_write_it(written: str, number: float) -> None:
    value = parse_yaml(f"rate: {written}", "here")["rate"]
    assert value == number
    assert isinstance(value, type(number))


@pytest.mark.parametrize("written", ["e5", "1e", "1e-", "'1e-4'", "1e4x", "x1e4", "v1.5e3"])
def test_a_word_that_looks_a_little_like_a_number_stays_a_word(written: str) -> None:
    assert parse_yaml(f"name: {written}", "here") == {"name": written.strip("'")}


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("rate: 1\nbatch: 2\nrate: 3\n", "3:1", "the key 'rate' stands twice"),
        ("space:\n  rate: 1\n  rate: 2\n", "3:3", "the key 'rate' stands twice"),
        ("list:\n  - {rate: 1, rate: 2}\n", "2:15", "the key 'rate' stands twice"),
        ("fine: 1\n? [1, 2]\n: 3\n", "2:3", "the key [1, 2] is no word and no number"),
        ("fine: 1\n2020-01-01: 3\n", "2:1", "the key datetime.date(2020, 1, 1) is no word and no number"),
        ("fine: 1\nrate: !!python/object/apply:os.system [ls]\n", "2:7", "tags are not allowed"),
        ("rate: !!binary aGk=\n", "1:7", "tags are not allowed"),
        ("rate: !mine 3\n", "1:7", "tags are not allowed"),
        ("rates: !!set {a, b}\n", "1:8", "tags are not allowed"),
        ("a: &a [1]\nb: *a\n", "2:4", "aliases are not allowed"),
        ("fine: 1\nrate: [1, 2\nbatch: 3\n", "3:6", "expected ',' or ']'"),
        ("rate: 1\n---\nrate: 2\n", "2:1", "but found another document"),
    ],
)
def test_a_document_that_is_not_as_it_should_be_is_refused_with_its_line(text: str, place: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as caught:
        parse_yaml(text, "study.yaml")
    assert str(caught.value).startswith(f"study.yaml:{place}: ")
    assert reason in str(caught.value)


def test_a_few_bytes_of_aliases_do_not_grow_into_gigabytes() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    with pytest.raises(UnreadableDocument, match="aliases are not allowed"):
        parse_yaml(bomb, "bomb.yaml")


@pytest.mark.parametrize("opening", ["[", "{a: ", "a:\n "])
def test_what_is_deeper_than_any_study_file_is_refused_with_its_line(opening: str) -> None:
    depth = MAX_DEPTH + 1
    text = "top: " + opening * depth if "\n" not in opening else "".join(f"{' ' * i}a:\n" for i in range(depth + 1))
    with pytest.raises(
        UnreadableDocument, match=rf"^deep\.yaml:\d+:\d+: lists and mappings are more than {MAX_DEPTH} deep$"
    ):
        parse_yaml(text, "deep.yaml")


def test_the_greatest_depth_is_taken() -> None:
    inner = parse_yaml("top: " + "[" * (MAX_DEPTH - 2) + "1" + "]" * (MAX_DEPTH - 2), "here")["top"]
    for _ in range(MAX_DEPTH - 2):
        (inner,) = inner
    assert inner == 1


@pytest.mark.parametrize("unit", ["9", "1_", "1:1", ".5", "+", "-", "1e"])
def test_a_number_of_a_megabyte_is_a_word_and_takes_no_time(unit: str) -> None:
    # Read as a number, any of these takes hours: the test then runs into its deadline.
    written = unit * (MAX_BYTES // len(unit) - 10)
    assert parse_yaml(f"n: {written}", "here") == {"n": written}


def test_a_number_of_a_hundred_digits_is_a_number() -> None:
    assert parse_yaml("n: " + "9" * 100, "here") == {"n": int("9" * 100)}


@pytest.mark.parametrize("text", ["[" * 5_000, "d: 2020-13-45", "a: \x01"])
def test_what_the_parser_chokes_on_is_refused_as_any_other_mistake(text: str) -> None:
    with pytest.raises(UnreadableDocument, match=r"^deep\.yaml"):
        parse_yaml(text, "deep.yaml")


@pytest.mark.parametrize(("text", "kind"), [("- 1\n- 2\n", "list"), ("word", "str"), ("3", "int")])
def test_a_document_that_is_no_mapping_is_refused(text: str, kind: str) -> None:
    with pytest.raises(UnreadableDocument, match=f"^here: expected `key: value` lines, found a {kind}$"):
        parse_yaml(text, "here")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_document_is_an_empty_mapping(text: str) -> None:
    assert parse_yaml(text, "here") == {}


def test_the_largest_size_is_taken_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    head = "name: x\n# "
    path = tmp_path / "study.yaml"
    path.write_text(head + "y" * (MAX_BYTES - len(head)), encoding="utf-8")
    assert read_yaml(path) == {"name": "x"}
    path.write_text(head + "y" * (MAX_BYTES - len(head) + 1), encoding="utf-8")
    with pytest.raises(UnreadableDocument, match=f"larger than {MAX_BYTES} bytes") as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_the_size_counts_bytes_and_not_letters() -> None:
    with pytest.raises(UnreadableDocument, match="larger than"):
        parse_yaml("# " + "é" * (MAX_BYTES // 2), "here")


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 42)  # sparse: 4 TB that no memory holds
    with pytest.raises(UnreadableDocument, match="larger than"):
        read_yaml(path)


def test_a_missing_file_a_folder_and_a_binary_file_are_refused_by_name(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00name")
    for path, reason in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "cannot be read"), (binary, "utf-8")):
        with pytest.raises(UnreadableDocument, match=reason) as caught:
            read_yaml(path)
        assert str(caught.value).startswith(f"{path}: ")


#: Scalars that YAML reads as booleans, numbers, dates and nulls.
GUESSED = ["no", "yes", "on", "0010", "1E5", "2020-01-01", "0x1F", "12:30", "null", "~", "True", "5", "1_000", ".inf"]


@pytest.mark.parametrize("written", GUESSED)
def test_below_a_path_of_words_scalars_and_keys_stay_as_they_are_written(written: str) -> None:
    text = f"data:\n  where: {{a: {written}, b: [x, {written}]}}\n  labels: {{{written}: {written}}}\n"
    document = parse_yaml(text, "here", words=[("data", "where"), ("data", "labels"), ("gone", "there")])
    assert document == {"data": {"where": {"a": written, "b": ["x", written]}, "labels": {written: written}}}


def test_elsewhere_a_document_with_words_is_read_as_any_other() -> None:
    text = "data: {where: {a: no}, deduplicate: yes, splits: {train: 0.8}}\nwhere: {a: no}\nseed: 3\n"
    assert parse_yaml(text, "here", words=[("data", "where")]) == {
        "data": {"where": {"a": "no"}, "deduplicate": True, "splits": {"train": 0.8}},
        "where": {"a": False},
        "seed": 3,
    }


def test_the_value_at_a_path_of_words_is_a_word_itself_unless_it_is_null() -> None:
    text = "a: no\nb: null\nc:\nd: ~\ne: [0010, no]\n"
    words = [(key,) for key in "abcde"]
    assert parse_yaml(text, "here", words=words) == {"a": "no", "b": None, "c": None, "d": None, "e": ["0010", "no"]}


def test_an_empty_value_among_words_is_missing_and_an_empty_string_is_not() -> None:
    assert parse_yaml("w: {a: , b: '', c: [ x, '' ]}", "here", words=[("w",)]) == {
        "w": {"a": None, "b": "", "c": ["x", ""]}
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("w: {no: 1, no: 2}", r"^here:1:12: the key 'no' stands twice$"),
        ("w: {a: 1}\nw: {a: 2}", r"^here:2:1: the key 'w' stands twice$"),
        ("w: !!int 5", "tags are not allowed"),
        ("w: {[1]: 2}", "is no word and no number"),
        ("- w", "found a list"),
    ],
)
def test_words_are_refused_where_a_document_is_not_as_it_should_be(text: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse_yaml(text, "here", words=[("w",)])


def test_a_file_is_read_with_its_words(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("w: no\nv: no\n", encoding="utf-8")
    assert read_yaml(path, words=[("w",)]) == {"w": "no", "v": False}


def test_an_abbreviation_suggests_the_key_that_it_begins() -> None:
    assert suggestion("sep", ["quote", "separator"]) == "; did you mean 'separator'?"
    assert suggestion("se", ["quote", "separator"]) == ""

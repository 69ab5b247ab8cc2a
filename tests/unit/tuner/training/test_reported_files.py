"""Files as people have reported them to other tools: each is read as it is meant, or refused with the remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from split_files import split_file

from tuner.errors import DataError
from tuner.training.split_rows import SplitRows

#: Sentences with a comma, which some files quote.
TEXTS = [f"the lamp broke, on day {number}" for number in range(40)]
LABELS = ["pos" if number % 2 else "neg" for number in range(40)]
PAIRS = list(zip(TEXTS, LABELS, strict=True))
HALVES: dict[str, Any] = {"train": 0.5, "validation": 0.5}


def read(source: Path, **said: Any) -> SplitRows:
    return split_file(source, **{"splits": HALVES, **said})


def pairs_of(found: SplitRows, text: str = "text") -> set[tuple[str, str]]:
    return {
        (words, found.labels[label])
        for rows in found.splits.values()
        for words, label in zip(rows[text], rows["labels"], strict=True)
    }


def lines(form: str, head: str = "text,label") -> str:
    return (
        "\n".join([*([head] if head else []), *(form.format(text=text, label=label) for text, label in PAIRS)]) + "\n"
    )


#: By what was reported: the file's name and content, and what the study says of it.
READ: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "separated by semicolons": ("a.csv", lines("{text};{label}", "text;label").encode(), {}),
    "separated by pipes": ("a.csv", lines("{text}|{label}", "text|label").encode(), {}),
    "a csv that is separated by tabs": ("a.csv", lines("{text}\t{label}", "text\tlabel").encode(), {}),
    "a line for Excel in front": ("a.csv", ("sep=;\n" + lines("{text};{label}", "text;label")).encode(), {}),
    "quotes of the other kind, no header": (
        "a.csv",
        lines("{label};'{text}'", "").encode(),
        {"format": {"header": ["label", "text"]}},
    ),
    "no header and an odd ending": (
        "SMS.txt",
        lines("{label}\t{text}", "").encode(),
        {"text": 2, "label": 1, "format": {"header": False}},
    ),
    "a byte-order mark and the line ends of Windows": (
        "a.csv",
        b"\xef\xbb\xbf" + lines('"{text}",{label}').replace("\n", "\r\n").encode(),
        {},
    ),
    "utf-16": ("a.csv", lines("{text}\t{label}", "text\tlabel").encode("utf-16"), {}),
    "an index column without a name": ("a.csv", lines('7,"{text}",{label}', ",text,label").encode(), {}),
    "columns that no study needs": ("a.csv", lines('"{text}",{label},x', "text,label,note").encode(), {}),
    "splits as keys, pairs as rows": (
        "a.json",
        json.dumps({"train": PAIRS[:20], "val": PAIRS[20:]}).encode(),
        {"splits": {"train": "train", "validation": "val"}, "format": {"header": ["text", "label"]}},
    ),
    "rows under a key": (
        "a.json",
        json.dumps({"version": 1, "data": [{"text": text, "label": label} for text, label in PAIRS]}).encode(),
        {},
    ),
    "a data frame by columns": (
        "a.json",
        json.dumps({"text": dict(enumerate(TEXTS)), "label": dict(enumerate(LABELS))}).encode(),
        {},
    ),
    "objects in objects": (
        "a.jsonl",
        "\n".join(
            json.dumps({"content": {"text": text}, "answer": {"label": label}}) for text, label in PAIRS
        ).encode(),
        {"text": "content.text", "label": "answer.label"},
    ),
}


@pytest.mark.parametrize("report", READ)
def test_a_file_is_read_as_it_is_meant(report: str, tmp_path: Path) -> None:
    name, content, said = READ[report]
    (tmp_path / name).write_bytes(content)
    found = read(tmp_path / name, **said)
    assert pairs_of(found, str(said.get("text", "text"))) == set(PAIRS)
    assert found.left_out == ()


def test_a_tsv_has_no_quoting_as_people_write_it(tmp_path: Path) -> None:
    texts = [f'"never again, number {number}' if number % 7 == 0 else f'the 5" screen {number}' for number in range(40)]
    rows = "".join(f"{label}\t{text}\n" for text, label in zip(texts, LABELS, strict=True))
    (tmp_path / "a.tsv").write_text("Quality\t#1 String\n" + rows, encoding="utf-8")
    found = read(tmp_path / "a.tsv", text="#1 String", label="Quality")
    assert pairs_of(found, "#1 String") == set(zip(texts, LABELS, strict=True))


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_western_text_of_one_byte_a_letter_is_read(encoding: str, tmp_path: Path) -> None:
    texts = [f"la garçonnière était très chère, n° {number}" for number in range(40)]
    rows = "".join(f'"{text}",{label}\n' for text, label in zip(texts, LABELS, strict=True))
    (tmp_path / "a.csv").write_bytes(("text,label\n" + rows).encode(encoding))
    assert pairs_of(read(tmp_path / "a.csv")) == set(zip(texts, LABELS, strict=True))


def test_a_word_after_ten_thousand_numbers_is_a_label(tmp_path: Path) -> None:
    rows = "".join(f"text {number},{number % 2},\n" for number in range(10_200))
    (tmp_path / "a.csv").write_text(f"text,label,note\n{rows}last,unclear,see above\n", encoding="utf-8")
    found = read(tmp_path / "a.csv")
    assert found.labels == ("0", "1", "unclear")
    assert "text 7" in set(found.splits["train"]["text"]) | set(found.splits["validation"]["text"])


def test_numbers_and_words_in_json_are_one_label(tmp_path: Path) -> None:
    rows = [{"text": text, "label": ("1", 1, 0, "0")[number % 4]} for number, text in enumerate(TEXTS)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert read(tmp_path / "a.jsonl").labels == ("0", "1")


def test_a_folder_of_a_competition_is_read_as_far_as_the_study_names_it(tmp_path: Path) -> None:
    folder = tmp_path / "comp"
    folder.mkdir()
    (folder / "train.csv").write_text(lines('"{text}",{label}', "text,target"), encoding="utf-8")
    (folder / "test.csv").write_text("id,text\n1,no target here\n", encoding="utf-8")
    (folder / "sample_submission.csv").write_text("id,target\n1,pos\n", encoding="utf-8")
    assert pairs_of(read(folder, label="target")) == set(PAIRS)


def refuse(path: Path, content: str, **said: Any) -> DataError:
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(path, **said)
    assert "\n" not in caught.value.reason
    return caught.value


#: By what was reported: the file's name and content, the key of the error, and parts of its reason.
REFUSED: dict[str, tuple[str, Callable[[], str], str, tuple[str, ...]]] = {
    "no header": ("a.csv", lambda: lines('"{text}",{label}', ""), "data.format.header", ("no header", "[text, label]")),
    "blanks around the names of columns": (
        "a.csv",
        lambda: lines('"{text}",{label}', "text , label"),
        "data.text",
        ("did you mean 'text '?",),
    ),
    "capitals in the names of columns": (
        "a.csv",
        lambda: lines('"{text}",{label}', "Text,Label"),
        "data.text",
        ("did you mean 'Text'?",),
    ),
    "a cell too many": (
        "a.csv",
        lambda: lines("{label},{label}").replace("neg,neg\n", "neg,neg,neg\n", 1),
        "data.source",
        ("line 2",),
    ),
    "lists as labels": (
        "a.jsonl",
        lambda: "\n".join(json.dumps({"text": text, "label": [label]}) for text, label in PAIRS),
        "data.label",
        ("line 1", "multi-label-classification", "one label"),
    ),
    "lists in cells": (
        "a.csv",
        lambda: lines("\"{text}\",\"['{label}', 'x']\""),
        "data.label",
        ("lists", "multi-label-classification"),
    ),
    "scores": (
        "a.csv",
        lambda: "text,label\n" + "".join(f"text {number},{number % 37 / 10}\n" for number in range(200)),
        "data.label",
        ("37 different numbers", "numbers to predict", "regression"),
    ),
    "twins": ("a.csv", lambda: lines('"{text}",{label}').replace(",neg\n", ",neg \n", 3), "data.label", ("'neg '",)),
    "no column of that name at the top": (
        "a.jsonl",
        lambda: "\n".join(json.dumps({"content": {"text": text}, "label": label}) for text, label in PAIRS),
        "data.text",
        ("did you mean 'content.text'?",),
    ),
    "pairs without names": ("a.json", lambda: json.dumps(PAIRS), "data.text", ("header", "[text, label]")),
}


@pytest.mark.parametrize("report", REFUSED)
def test_a_file_that_is_not_as_the_study_says_is_refused_with_the_remedy(report: str, tmp_path: Path) -> None:
    name, content, key, reasons = REFUSED[report]
    error = refuse(tmp_path / name, content())
    assert error.key == key
    for reason in reasons:
        assert reason in error.reason

"""Which column is the text, the label, the prompt: a guess that is told by names and values."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.errors import ConfigError
from tuner.study.column_roles import Roles, guess_roles
from tuner.study.data_sketch import ColumnKind, ColumnSketch, DataSketch


def column(name: str, *, distinct: int = 100, words: float = 10.0, kind: ColumnKind = ColumnKind.WORDS) -> ColumnSketch:
    return ColumnSketch(name=name, kind=kind, filled=100, distinct=distinct, words=words)


def label(name: str, classes: int = 2) -> ColumnSketch:
    return column(name, distinct=classes, words=1.0)


def guessed(*columns: ColumnSketch, is_causal: bool = False, **given: Any) -> Roles:
    sketch = DataSketch(rows=100, seen=100, splits=("train",), columns=columns)
    asked: dict[str, Any] = {"task": None, "text": (), "label": None, **given}
    return guess_roles(sketch, is_causal=is_causal, source="x.csv", **asked)


@pytest.mark.parametrize(
    ("columns", "text", "chosen"),
    [
        ((column("text"), label("label")), "text", "label"),
        ((column("id", words=1), column("Review"), label("Sentiment")), "Review", "Sentiment"),
        (
            (column("content.text"), label("annotation.label"), label("content.lang", 1)),
            "content.text",
            "annotation.label",
        ),
        ((column("a"), column("b", words=40), label("kind", 7)), "b", "kind"),
        ((column("premise"), column("hypothesis"), label("label", 3)), ["premise", "hypothesis"], "label"),
        (
            (label("Quality"), column("#1 ID", words=1), column("#1 String"), column("#2 String")),
            ["#1 String", "#2 String"],
            "Quality",
        ),
        ((column("text"), label("spam"), label("source", 5)), "text", "source"),
    ],
)
def test_text_and_label_are_told_by_their_names_then_by_their_values(
    columns: tuple[ColumnSketch, ...], text: str | list[str], chosen: str
) -> None:
    assert guessed(*columns) == Roles(task="text-classification", columns={"text": text, "label": chosen})


def test_columns_that_the_user_names_are_taken() -> None:
    found = guessed(column("text"), column("title"), label("label"), label("spam"), text=("title",), label="spam")
    assert found.columns == {"text": "title", "label": "spam"}


def test_a_language_model_gets_chats_prompts_or_texts() -> None:
    chats = column("messages", kind=ColumnKind.CHATS)
    assert guessed(chats, is_causal=True) == Roles(task="causal-lm", columns={"messages": "messages"})
    pair = (column("prompt"), column("completion"))
    assert guessed(*pair, is_causal=True).columns == {"prompt": "prompt", "completion": "completion"}
    assert guessed(column("text"), is_causal=True).columns == {"text": "text"}


def test_a_language_model_beside_texts_with_classes_is_a_classifier_unless_the_task_says_otherwise() -> None:
    columns = (column("text"), label("label"))
    assert guessed(*columns, is_causal=True).task == "text-classification"
    assert guessed(*columns, is_causal=True, task="causal-lm").columns == {"text": "text"}


def test_pictures_are_told_by_their_paths_or_their_folder() -> None:
    pictures = column("file_name", words=1, kind=ColumnKind.PICTURES)
    expected = Roles(task="image-classification", columns={"image": "file_name", "label": "label"})
    assert guessed(pictures, label("label")) == expected
    folder = DataSketch(rows=24, seen=0, splits=("train",), columns=(), is_picture_folder=True)
    assert guess_roles(folder, task=None, text=(), label=None, is_causal=False, source="x").columns == {}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((column("text"), column("other")), "data.label: no column looks like a label, a word of few different ones"),
        ((column("text"), label("label", 1)), "data.label: no column looks like a label"),
        ((label("label"), column("id", words=1)), "data.text: no column looks like a text; name it with --text"),
    ],
)
def test_where_no_column_fits_the_user_is_told_what_there_is(columns: tuple[ColumnSketch, ...], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        guessed(*columns)
    assert words in str(caught.value)
    assert repr(columns[0].name) in str(caught.value)

from __future__ import annotations

import pytest

from tuner.errors import DataError
from tuner.training.data.label_checks import check_labels


def equally(*words: str, rows: int = 20) -> dict[str, int]:
    return dict.fromkeys(words, rows)


@pytest.mark.parametrize(
    "counts",
    [
        equally("neg", "pos"),
        equally("0", "1", "2"),
        equally(*(str(number / 2) for number in range(2, 11))),  # stars in steps of a half
        equally(*map(str, range(77))),  # intents that are numbered
        equally("Toys, Games", "Books"),
        equally("[CLS]", "other"),
        {"a": 1, "b": 1},
    ],
    ids=lambda counts: str(list(counts)[:3]),
)
def test_classes_are_believed(counts: dict[str, int]) -> None:
    assert check_labels(counts, None) == []


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (equally(*(str(number / 10) for number in range(10, 36)), rows=4), "look like numbers to predict"),
        (equally(*(str(number) for number in range(200)), rows=1), "look like numbers to predict"),
        (equally("['a', 'b']", "['a']", "[]"), "the cells hold lists, such as \"['a', 'b']\""),
        (equally("['a' 'b']", "['a']"), "the cells hold lists"),
        (equally(*(f"user-{number}" for number in range(30)), rows=1), "30 different labels on 30 rows look like ids"),
        (
            {"neg": 40, "neg ": 3, "pos": 40},
            "the labels 'neg' (40 rows) and 'neg ' (3 rows) differ in blanks or capitals alone",
        ),
        ({"Neg": 4, "neg": 30, "POS": 4, "pos": 30}, "1 more such groups"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_column_that_holds_no_classes_is_refused_with_the_thing_that_it_looks_like(
    counts: dict[str, int], reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        check_labels(counts, None)
    assert caught.value.key == "data.label"
    assert reason in caught.value.reason


def test_combinations_of_labels_are_a_warning() -> None:
    assert check_labels(equally("price", "quality", "price|quality"), None) == [
        "the label 'price|quality' is made of other labels; each combination is a class of its own here"
    ]


def test_words_that_the_study_names_are_believed() -> None:
    counts = {"neg": 40, "neg ": 3, "pos": 40}
    assert check_labels(counts, {"neg": "bad", "neg ": "bad", "pos": "good"}) == []
    with pytest.raises(DataError, match="blanks or capitals"):
        check_labels(counts, {"neg": "bad", "pos": "good"})

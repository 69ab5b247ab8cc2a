from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        equally("[PERSON]", "[PLACE]"),
        equally("+", "-"),
        equally("none", "person", "place"),
        equally("résumé", "resume"),
        equally(*"abcdefghijklmnABCDEFGHIJKLMN"),  # an alphabet
        equally(*(f"{number:03}.1" for number in range(40))),  # codes
        equally("Electronics|Phones", "Electronics|Cameras", "Books|Novels", "Books|Comics"),
        dict.fromkeys((f"intent {number}" for number in range(150)), 2),
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
        (equally("[0 1 0]", "[1 0 0]"), "the cells hold lists"),
        (equally(*(f"user-{number}" for number in range(30)), rows=1), "30 different labels on 30 rows look like ids"),
        (
            {"neg": 40, "neg ": 3, "pos": 40},
            "the labels 'neg' (40 rows) and 'neg ' (3 rows) differ in blanks or capitals alone",
        ),
        ({"Neg": 4, "neg": 30, "POS": 4, "pos": 30}, "1 more such groups"),
        (
            equally("r\u00e9el", "re\u0301el", "faux"),
            'the labels "r\\u00e9el" (20 rows) and "re\\u0301el" (20 rows) differ in the coding of their char',
        ),
        (equally("neg", "neg\u200b", "pos"), 'labels: {"neg": neg, "neg\\u200b": neg, …}'),
        (equally(' "neg"', ' "pos"'), "blanks stand between the separators and the quotes of the labels"),
        (equally("{'id': 1}", "{'id': 2}"), "the cells hold objects"),
        (equally('{"id": null}', '{"id": 2}'), "the cells hold objects"),
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


@pytest.mark.parametrize(
    ("counts", "warning"),
    [
        ({"0": 40, "1": 40, "nan": 3}, "the label 'nan' stands in 3 rows among numbers"),
        (
            {"neutral": 40, "entailment": 40, "-": 1},
            "the label '-' stands in 1 row; if it means that the label is missing",
        ),
        ({"neg": 40, "\\N": 2}, r"the label '\\N' stands in 2 rows; if it means that the label is missing"),
        (equally(*(f"2024-01-{day:02}" for day in range(1, 20))), "19 different labels look like dates"),
        (dict.fromkeys((f"topic {number}" for number in range(12)), 1) | {"topic 0": 9}, "too few rows to be learnt"),
        ({"neg": 40, "pos": 40, "['neg', 'pos']": 2}, "looks like a list of labels"),
        (equally("action|drama", "action|horror", "drama|horror"), "looks like several labels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_labels_that_may_be_meant_otherwise_are_a_warning(counts: dict[str, int], warning: str) -> None:
    (found,) = check_labels(counts, None)
    assert warning in found


@settings(max_examples=150, deadline=None)
@given(
    counts=st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["a\nb", "A\nb", "['a',", "{'a': 1}", "nan", "3,5", "1e5", "a|b", "b|a"]),
        st.integers(1, 30),
        min_size=1,
        max_size=25,
    )
)
def test_any_words_give_sentences_of_one_line_or_an_error_of_one_line(counts: dict[str, int]) -> None:
    try:
        said = check_labels(counts, None)
    except DataError as error:
        said = [error.reason]
    assert all(len(sentence.splitlines()) == 1 for sentence in said)

from __future__ import annotations

import pytest

from tuner.training.data.label_checks import check_labels


def test_a_rare_class_that_is_spelt_almost_like_a_frequent_one_is_a_warning() -> None:
    assert check_labels({"negative": 132, "positive": 131, "postive": 1}, None) == [
        "class 'postive' has 1 row and is spelt almost like 'positive' (131 rows): a typo?"
    ]


@pytest.mark.parametrize("word", ["psoitive", "positve", "positivve", "pozitive", "Postive", "vpositie"])
def test_a_letter_that_is_missing_wrong_too_many_or_elsewhere_is_a_typo(word: str) -> None:
    (warning,) = check_labels({"negative": 1000, "positive": 1000, word: 3}, None)
    assert warning == f"class {word!r} has 3 rows and is spelt almost like 'positive' (1,000 rows): a typo?"


@pytest.mark.parametrize(
    "counts",
    [
        {"1": 500, "10": 3, "11": 4},
        {"topic 1": 500, "topic 10": 3, "topic 2": 500},
        {"eng": 5000, "enm": 3},
        {"spam": 500, "ham": 5, "sms": 500},
        {"positive": 131, "postive": 2},  # more than a hundredth of the rows
        {"positive": 9000, "postive": 6},
        {"positive": 9000, "negative": 2},
        {"toxic": 9000, "non-toxic": 3},
    ],
    ids=lambda counts: " ".join(counts),
)
def test_numbers_short_codes_and_classes_that_are_not_rare_are_no_typos(counts: dict[str, int]) -> None:
    assert check_labels(counts, None) == []


def test_a_word_that_the_study_names_is_no_typo() -> None:
    assert check_labels({"negative": 900, "positive": 900, "postive": 1}, {"postive": "positive"}) == []


def test_many_typos_are_counted_after_the_first_ones() -> None:
    typos = dict.fromkeys(("postive", "positve", "positiv", "ositive", "poitive"), 1)
    *first, last = check_labels({"positive": 900, "negative": 900, **typos}, None)
    assert len(first) == 3
    assert last == "2 more classes of few rows are spelt almost like others"

"""The verdict: the word, the sentences, and what is stored of it."""

from __future__ import annotations

from typing import Any

import pytest

from tuner.study.verdict import Opening, Verdict, VerdictWord, opened_trials

OPENING = Opening(winner=7, trials=(0, 7))


def found(low: float, high: float, *, difference: float = 0.03, recipe: bool = True) -> dict[str, Any]:
    """Return what two models have reached, as the trainer tells it."""
    beside = {"difference": difference, "interval": (low, high), "p_value": 0.04}
    winner = {"trial": 7, "value": 0.83, "right": 830, "beside": beside if recipe else None}
    models = [{"trial": 0, "value": 0.8, "right": 800, "beside": None}] if recipe else []
    return {"rows": 1000, "guess": 0.5, "models": [*models, winner]}


def verdict(low: float, high: float, *, direction: str = "maximize", **more: Any) -> Verdict:
    return Verdict.of(OPENING, found(low, high, **more), metric="accuracy", direction=direction)


@pytest.mark.parametrize(
    ("low", "high", "direction", "word"),
    [
        (0.01, 0.05, "maximize", VerdictWord.BETTER),
        (-0.01, 0.05, "maximize", VerdictWord.INDISTINGUISHABLE),
        (0.0, 0.05, "maximize", VerdictWord.INDISTINGUISHABLE),
        (-0.05, -0.01, "maximize", VerdictWord.WORSE),
        (-0.05, -0.01, "minimize", VerdictWord.BETTER),
        (0.01, 0.05, "minimize", VerdictWord.WORSE),
        (-0.01, 0.05, "minimize", VerdictWord.INDISTINGUISHABLE),
    ],
)
def test_the_word_follows_from_the_side_of_0_on_which_the_interval_is(
    low: float, high: float, direction: str, word: VerdictWord
) -> None:
    assert verdict(low, high, direction=direction).word is word


def test_the_sentence_has_counts_and_the_interval_and_what_guessing_reaches() -> None:
    assert verdict(0.01, 0.05).sentences(best=7) == [
        "Trial 7 is better than trial 0: on 1,000 test rows it reaches accuracy 0.8300 (830 right), guessing 0.5000, "
        "trial 0 accuracy 0.8000 (800 right); a difference of +0.0300, with 95 % probability +0.0100 to +0.0500."
    ]
    assert verdict(-0.01, 0.05).sentences(best=7)[0].startswith("Trial 7 is not distinguishable from trial 0: ")
    assert verdict(-0.05, -0.01).sentences(best=7)[0].startswith("Trial 7 is worse than trial 0: ")


def test_a_study_that_went_on_says_that_its_test_split_is_spent() -> None:
    told = verdict(0.01, 0.05)
    assert told.sentences(best=9)[1:] == [
        "Its test split is spent: the study went on after, and trial 9 has no test value."
    ]
    assert (told.to_dict(best=9)["is_of_best"], told.to_dict(best=7)["is_of_best"]) == (False, True)


def test_without_a_trial_0_there_is_nothing_to_compare_the_winner_with() -> None:
    alone = Verdict.of(
        Opening(winner=7, trials=(7,)), found(0, 0, recipe=False), metric="accuracy", direction="maximize"
    )
    assert (alone.word, alone.difference, alone.recipe_value) == (VerdictWord.NONE, None, None)
    assert alone.sentences(best=7) == [
        "Trial 7: on 1,000 test rows it reaches accuracy 0.8300 (830 right), guessing 0.5000; there is no trial 0 to "
        "compare it with."
    ]


def test_where_trial_0_is_the_best_nothing_better_was_found() -> None:
    models = [{"trial": 0, "value": 0.8, "right": 800, "beside": None}]
    told = Verdict.of(
        Opening(winner=0, trials=(0,)),
        {"rows": 1000, "guess": None, "models": models},
        metric="accuracy",
        direction="maximize",
    )
    assert (told.word, told.difference, told.interval) == (VerdictWord.INDISTINGUISHABLE, 0.0, None)
    assert told.sentences(best=0) == [
        "Trial 0 is the best: on 1,000 test rows it reaches accuracy 0.8000 (800 right). The search has found nothing "
        "better."
    ]


def test_a_metric_without_a_value_on_the_test_rows_tells_nothing() -> None:
    models = [{"trial": n, "value": None, "right": None, "beside": None} for n in (0, 7)]
    told = Verdict.of(OPENING, {"rows": 20, "guess": None, "models": models}, metric="roc_auc", direction="maximize")
    assert (told.word, told.test_value, told.difference) == (VerdictWord.NONE, None, None)
    assert told.sentences(best=7) == ["Trial 7: roc_auc has no value on the 20 test rows, as where a class is absent."]
    assert Verdict.parse(told.to_content({"models": models})) == told


def test_what_is_stored_is_read_again() -> None:
    told = verdict(0.01, 0.05)
    content = {**OPENING.to_content(), **told.to_content(found(0.01, 0.05))}
    assert Verdict.parse(content) == told
    assert Opening.parse(content) == OPENING
    assert opened_trials(content) == (0, 7)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"opened": None, "result": 3},
        {"opened": {"winner": "7", "trials": [7]}, "result": {"verdict": {"word": "splendid"}}},
        {"opened": {"winner": 7, "trials": ["7"]}, "result": {"verdict": {"word": "better", "interval": [1]}}},
        {"opened": [], "result": {"verdict": {**verdict(0, 1).to_dict(best=7), "more": 1}}},
    ],
)
def test_what_another_program_has_written_is_taken_for_nothing(stored: dict[str, Any]) -> None:
    assert Verdict.parse(stored) is None
    assert Opening.parse(stored) is None
    assert opened_trials(stored) == ()


def test_a_model_that_was_pretrained_whole_is_compared_with_what_it_was_before_training() -> None:
    untouched = {"value": 0.5, "beside": {"difference": 0.3, "interval": [0.2, 0.4]}}
    told = Verdict.of(OPENING, {**found(0.01, 0.05), "untouched": untouched}, metric="accuracy", direction="maximize")
    sentence = (
        "Before training the model reaches accuracy 0.5000 on them; a difference of +0.3000, with 95 % probability "
        "+0.2000 to +0.4000."
    )
    assert told.sentences(best=7)[1] == sentence
    assert told.to_dict(best=7)["untouched_interval"] == [0.2, 0.4]
    assert Verdict.parse({**OPENING.to_content(), **told.to_content({})}) == told
    assert "Before training" not in " ".join(verdict(0.01, 0.05).sentences(best=7))

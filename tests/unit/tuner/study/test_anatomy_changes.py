from __future__ import annotations

from dataclasses import replace

import pytest

from tuner.study.anatomy_changes import anatomy_change
from tuner.study.fingerprints import differences
from tuner.trial.anatomy import VERSION, Anatomy, Freezable, Padding, TrunkFacts

BERT = Anatomy(
    layers=(("bert.layer.0",), ("bert.layer.1",)),
    depths={"": None, "bert.embeddings": 0, "bert.layer.0": 1, "bert.layer.1": 2, "bert.pooler": None},
    dropouts=("bert.layer.0.dropout", "dropout"),
    padding=Padding(token_id=0, side="right"),
)


def change(here: Anatomy, stored: Anatomy = BERT) -> str | None:
    return anatomy_change(stored.to_dict(), here.to_dict())


def padded(**changed: object) -> Anatomy:
    assert BERT.padding is not None
    return replace(BERT, padding=replace(BERT.padding, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("here", "words"),
    [
        (replace(BERT, layers=(*BERT.layers, ("bert.layer.2",))), "it has 3 layers (had 2)"),
        (replace(BERT, layers=BERT.layers[:1]), "it has 1 layer (had 2)"),
        (
            replace(BERT, layers=(("bert.layer.0",), ("bert.norm", "bert.layer.1"))),
            "layer 2 is bert.norm, bert.layer.1 (was bert.layer.1)",
        ),
        (
            replace(BERT, depths={**BERT.depths, "bert.pooler": 2, "bert.zoom": 1}),
            "bert.pooler is in layer 2 (was part of the head)",
        ),
        (replace(BERT, depths={**BERT.depths, "bert.layer.0": 0}), "bert.layer.0 is below the layers (was in layer 1)"),
        (
            replace(BERT, freezable=Freezable.WHOLE, reason="its layers share weights"),
            "no layer or all of them may be frozen (was: any number of layers)",
        ),
        (replace(BERT, dropouts=("dropout",)), "bert.layer.0.dropout no longer draws dropout"),
        (
            replace(BERT, straddling=("bert.norm",)),
            "bert.norm drops out both below and above a layer's output (did not)",
        ),
        (padded(side="left"), "texts are padded on the left (were on the right)"),
        (padded(token_id=7, token="[PAD]"), "the padding token is '[PAD]', number 7 (was number 0)"),
        (padded(embeddings=1024), "the table of embeddings has 1,024 rows (had the rows of the checkpoint)"),
        (replace(BERT, padding=None), "texts are not padded (were)"),
    ],
)
def test_a_change_is_one_line_that_says_what_changed_and_what_to_do(here: Anatomy, words: str) -> None:
    assert change(here) == (
        f"the model is put together in another way than when the study was created: {words}; give the study another "
        "name, or finish it with the versions of the libraries that it was created with"
    )


def test_measured_numbers_prose_and_names_that_say_nothing_new_are_no_change() -> None:
    assert change(BERT) is None
    assert change(replace(BERT, padding_difference=1e-7, reason="in other words")) is None
    assert change(replace(BERT, trunk=TrunkFacts(complaint=None, one_token_layer=True))) is None
    assert change(replace(BERT, depths={**BERT.depths, "bert.layer.1.dense": 2})) is None
    assert change(replace(BERT, dropouts=BERT.dropouts[::-1])) is None


def test_an_anatomy_of_other_rules_is_refused_even_where_it_has_keys_of_its_own() -> None:
    stored = {"version": VERSION + 1, "of later": []}
    said = anatomy_change(stored, BERT.to_dict())
    assert said is not None
    assert f"(rules {VERSION + 1}, here {VERSION}); give the study another name, or finish it with that version" in said


def test_another_anatomy_is_told_after_other_libraries_and_no_flag_lets_it_pass() -> None:
    stored = {"versions": {"torch": "1"}, "anatomy": BERT.to_dict()}
    here = {"versions": {"torch": "2"}, "anatomy": padded(side="left").to_dict()}
    assert [key for key, _ in differences(stored, here)] == ["versions", "model"]
    ((key, reason),) = differences(stored, here, any_versions=True)
    assert key == "model"
    assert "padded on the left" in reason
    assert list(differences(stored, {**here, "anatomy": BERT.to_dict()}, any_versions=True)) == []


def test_a_study_of_version_0_1_has_no_anatomy_to_compare() -> None:
    assert list(differences({"layers": 2}, {"anatomy": BERT.to_dict()})) == []

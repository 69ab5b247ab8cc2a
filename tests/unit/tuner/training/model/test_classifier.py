from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tuner.trial.anatomy import Anatomy, TrunkFacts

if TYPE_CHECKING:
    from tuner.trial.run import TrialRun


def anatomy_of(run: TrialRun) -> Anatomy:
    assert run.anatomy is not None
    return run.anatomy


@pytest.mark.parametrize(
    ("name", "layers", "classifier"),
    [
        pytest.param("bert", 4, "classifier", id="above a pooler that is part of the head"),
        pytest.param("vit", 4, "classifier", id="of pictures"),
        pytest.param("resnet", 2, "classifier", id="of pictures whose states have more than two dimensions"),
        pytest.param("roberta", 4, None, id="it takes all tokens of a text"),
    ],
)
def test_the_classifier_is_the_module_whose_output_is_the_logits(
    make_run: Callable[..., TrialRun], name: str, layers: int, classifier: str | None
) -> None:
    assert anatomy_of(make_run(name, layers)).classifier == classifier


def test_a_head_can_be_fitted_on_hidden_states_or_on_the_inputs_of_a_classifier(
    make_run: Callable[..., TrialRun],
) -> None:
    anatomy = anatomy_of(make_run())
    without_states = replace(anatomy, trunk=TrunkFacts(complaint="its layers return no hidden states"))
    assert anatomy.can_fit_head
    assert replace(anatomy, classifier=None).can_fit_head
    assert without_states.can_fit_head
    assert not replace(without_states, classifier=None).can_fit_head


def test_the_classifier_is_kept_with_the_anatomy_and_an_earlier_anatomy_has_none(
    make_run: Callable[..., TrialRun],
) -> None:
    stored = anatomy_of(make_run()).to_dict()
    assert Anatomy.from_dict(stored).classifier == "classifier"
    del stored["classifier"]
    assert Anatomy.from_dict(stored).classifier is None

"""How often the trials of a study are evaluated: as the study says, or as trial 0 can afford."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from search_spaces import load_space, recipe_for
from tuner.study.config import StudyConfig
from tuner.study.looks import looks_of
from tuner.study.prepared import Prepared
from tuner.study.study_file import parse_config
from tuner.trial.looks import LOOKS

#: The published recipe of BERT trains all layers for three epochs.
BERT = recipe_for("bert", "", 768)
RECIPE = dict(BERT.defaults)
SPACE = load_space({}, preset="text-classification", recipe=BERT, folder=Path(), source="s.yaml")


def study(**changes: Any) -> StudyConfig:
    document = {"name": "s", "model": "m/m", "data": {"source": "d/d"}, "search": "plain", **changes}
    return parse_config(document, source="s.yaml", folder=Path())


def data(*, train: int, validation: int) -> Prepared:
    """Return the findings of preparation, of which only the numbers of tokens matter."""
    return cast(Prepared, SimpleNamespace(tokens={"train": train, "validation": validation}))


@pytest.mark.parametrize("count", LOOKS)
def test_a_number_that_the_study_file_gives_is_the_number_whatever_it_costs(count: int) -> None:
    costly = data(train=1, validation=10**6)
    assert looks_of(study(evaluations=count), costly, RECIPE, SPACE) == LOOKS[count]
    assert looks_of(study(evaluations=count, train="own:train", metric="score"), None, RECIPE, SPACE) == LOOKS[count]


def test_training_of_ones_own_decides_itself_and_is_told_of_ten_looks() -> None:
    assert looks_of(study(train="own:train", metric="score"), None, RECIPE, SPACE) == LOOKS[10]


@pytest.mark.parametrize(
    ("epochs", "frozen", "looks"),
    [
        # Evaluating costs 200 tokens, training 1,000 an epoch: four times as much each in a trained layer.
        (3, 0.0, 10),  # 2,000 of 12,000 / 4
        (2, 0.0, 10),  # 2,000 of 8,000 / 4
        (1.5, 0.0, 5),  # 1,000 of 6,000 / 4
        (2, 0.5, 5),  # 1,000 of 5,000 / 4
        (2, 1.0, 2),  # 400 of 2,000 / 4
        (0.5, 1.0, 1),  # of 500 / 4 none, but one there must be
        (2, "gradual", 10),  # in the end all layers are trained
    ],
)
def test_auto_is_as_many_as_trial_0_can_afford(epochs: float, frozen: float | str, looks: int) -> None:
    first = {**RECIPE, "num_train_epochs": epochs, "frozen_layers": frozen}
    assert looks_of(study(), data(train=1000, validation=200), first, SPACE) == LOOKS[looks]

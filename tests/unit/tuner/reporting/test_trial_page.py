from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from storage import CheckpointRef, Checkpoints, TrialRecord, TrialState
from tuner.reporting.effective_lines import effective_lines, effective_settings
from tuner.reporting.trial_page import trial_page

EVALUATION = {
    "step": 50,
    "epoch": 1.5,
    "value": 0.75,
    "train_loss": 0.5,
    "validation_loss": 0.25,
    "learning_rate": 2.5e-5,
    "metrics": {"f1": 0.7},
}
#: What a Trainer of the user's records.
EFFECTIVE = {"precision": "no", "optimiser_steps": 40, "thawing": None}
BEST = CheckpointRef(key="trial-00003/attempt-1/best-00000040", sha256="0" * 64, bytes=2_000_000, optimiser_steps=40)


def page(width: int = 80, **options: Any) -> list[str]:
    return [line.plain for line in trial_page(TRIAL, "s", "accuracy", width, **options)]


TRIAL = TrialRecord(
    number=3,
    state=TrialState.PRUNED,
    value=0.75,
    reason="pruned: 0.75 at 50 % was among the weakest so far",
    hyperparameters={"learning_rate": 0.00015000000000000001, "frozen_layers": "gradual"},
    steps=((50, 0.75),),
    device_s=83.0,
    restarts=1,
    checkpoints=Checkpoints(best=BEST),
    effective=EFFECTIVE,
    evaluations=(EVALUATION,),
    started="2026-01-01T10:00:00Z",
    ended=None,
)


def test_a_trial_is_shown_in_sections_without_markdown_and_internals() -> None:
    assert page() == [
        "Trial 3 of s: pruned, accuracy 0.7500",
        "  0.75 at 50 % was among the weakest so far",
        "  1m23s of device time, began 2026-01-01 10:00:00 UTC, begun again 1 time",
        "",
        "Hyperparameters",
        "  learning_rate  0.00015",
        "  frozen_layers  gradual",
        "",
        "Learning curve",
        "  done  epoch  accuracy  training loss  validation loss    rate",
        "  50 %   1.50    0.7500         0.5000           0.2500  2.5e-5",
        "",
        "What was trained",
        "  precision        fp32",
        "  optimiser_steps  40",
    ]


def test_the_evaluation_that_a_trial_is_worth_is_named_where_it_is_not_the_last_one() -> None:
    later = {**EVALUATION, "step": 100, "value": 0.5}
    hyperparameters = {"frozen_layers": 0.0, "head_learning_rate_factor": 50.0}
    trial = replace(TRIAL, evaluations=(EVALUATION, later), hyperparameters=hyperparameters)
    told = [line.plain for line in trial_page(trial, "s", "accuracy", 80)]
    assert told[0] == "Trial 3 of s: pruned, accuracy 0.7500 at 50 %"
    assert "  head_learning_rate_factor  50 (of no effect, as nothing is frozen)" in told
    begin = told.index("Learning curve")
    assert [line.endswith("  best") for line in told[begin + 2 : begin + 4]] == [True, False]


def test_all_adds_the_other_metrics_and_the_checkpoints() -> None:
    more = page(everything=True)
    assert [line for line in more if line not in page()] == [
        "Other metrics",
        "  done      f1",
        "  50 %  0.7000",
        "Checkpoints",
        "  best weights  trial-00003/attempt-1/best-00000040, 2 MB, optimiser step 40",
    ]


def test_the_page_of_trial_0_says_that_it_is_the_recipe() -> None:
    assert "  This is the published recipe." in page(recipe="the published recipe")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_long_texts_go_on_in_the_next_line(width: int) -> None:
    lines = [line for line in page(width, recipe="of words " * 30) if "|" not in line]
    assert max(len(line) for line in lines if "loss" not in line and "e-5" not in line) <= width


def test_how_things_were_computed_is_internal_and_a_note_has_it_all_the_same() -> None:
    keys = (
        "learning_rates weight_decays dropout trainable_parameters parameters layers frozen_layers thawing batch_size "
        "micro_batch optimiser_steps warmup_steps lr_scheduler_type evaluations max_grad_norm precision device threads "
        "seed"
    )
    numbers: dict[str, Any] = dict.fromkeys(keys.split(), 1)
    mappings = {"learning_rates": {}, "weight_decays": {}, "dropout": {}, "thawing": None, "evaluations": [100]}
    effective = {
        **numbers,
        **mappings,
        "precision": "no",
        "device": "cpu",
        "trunk_cache": {"place": "memory", "reason": "1 of 2 MB"},
        "fitted_head": "heads/0",
    }
    settings = effective_settings(effective)
    assert {each.word for each in settings if each.is_internal} == {
        "gradients",
        "hidden states of the frozen layers",
        "fitted_head",
    }
    assert len(effective_lines(effective)) == len(settings)
    assert "- `fitted_head`: heads/0" in effective_lines(effective)

from __future__ import annotations

import subprocess
import sys

import optuna
import optuna_dashboard
import pytest

from tuner.reporting.trial_note import trial_note
from tuner.search.dashboard_note import note_attributes, note_key

EVALUATION = {
    "step": 50,
    "epoch": 1.5,
    "value": 0.75,
    "train_loss": 0.5,
    "validation_loss": 0.25,
    "learning_rate": 2.5e-5,
}


def test_a_note_tells_the_end_the_curve_and_what_was_trained() -> None:
    note = trial_note(
        state="pruned",
        value=0.123456789,
        reason="pruned: among the weakest",
        effective={"optimiser_steps": 40, "thawing": None},
        curve=[EVALUATION, {**EVALUATION, "step": 100}],
    )
    assert note == (
        "**pruned**, value 0.123457  \n"
        "pruned: among the weakest\n"
        "\n"
        "### Learning curve\n"
        "\n"
        "| % | epoch | value | training loss | validation loss | learning rate |\n"
        "|--|--|--|--|--|--|\n"
        "| 50 | 1.50 | 0.7500 | 0.5000 | 0.2500 | 2.5e-05 |\n"
        "| 100 | 1.50 | 0.7500 | 0.5000 | 0.2500 | 2.5e-05 |\n"
        "\n"
        "### Effective configuration\n"
        "\n"
        "- `optimiser_steps`: 40\n"
    )


def test_a_trial_that_never_began_to_train_has_a_note_of_its_reason_alone() -> None:
    note = trial_note(state="failed", value=None, reason="crashed 3 times", effective=None, curve=[])
    assert note == "**failed**, no value  \ncrashed 3 times\n"


def test_the_note_of_trial_0_says_that_it_is_the_recipe() -> None:
    recipe = "the published recipe, changed by your space: epochs 3 (published 5)"
    note = trial_note(state="complete", value=0.5, reason=None, effective=None, curve=[], recipe=recipe)
    assert note == f"**complete**, value 0.5  \nThis is {recipe}.\n"


@pytest.mark.parametrize("length", [0, 1, 2045, 2046, 5000])
@pytest.mark.parametrize("before", [0, 1, 5000])
def test_a_note_is_what_the_dashboard_itself_would_have_written(length: int, before: int) -> None:
    note = "".join(chr(ord("a") + number % 26) for number in range(length))
    study = optuna.create_study()
    study.ask()
    trial = study.ask()
    if before:
        optuna_dashboard.save_note(trial, "x" * before)
    known = study._storage.get_study_system_attrs(study._study_id)
    written = note_attributes(trial._trial_id, note, known)
    assert not before or note_key(trial._trial_id) in known
    optuna_dashboard.save_note(trial, note)
    assert {**known, **written} == study._storage.get_study_system_attrs(study._study_id)


def test_a_supervisor_loads_nothing_that_the_dashboard_needs() -> None:
    heavy = ("optuna_dashboard", "sklearn", "pandas", "torch")
    program = f"import sys, tuner.supervisor; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

"""What a study's own training function may return, and the libraries that its trainers share."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest

from search_spaces import Hyperparameters
from tuner.processes.own_training import adapted, prepare_libraries
from tuner.trial.run import TrialRun
from tuner.trial.runner import run_trial

RUN = TrialRun(
    number=0,
    hyperparameters=Hyperparameters.from_values({"beta": 0.5}, free=True),
    task="text-classification",
    model=None,
    data=None,
    metric="score",
    direction="maximize",
    seed=3,
)


@pytest.mark.parametrize(("made", "word"), [(None, "None"), ([], "a list"), (5, "a int")])
def test_a_function_that_returns_something_else_is_told_so_in_a_line(made: Any, word: str) -> None:
    result = run_trial(RUN, adapted(lambda _: made), lambda _: True)
    assert result.state == "failed"
    assert result.reason == (
        f"TypeError: the training function returned {word}; it yields evaluations, or returns a transformers Trainer"
    )


def test_generators_and_loops_are_taken_as_they_are() -> None:
    def generator(run: TrialRun) -> Iterator[Any]:
        yield run

    assert next(cast("Iterator[Any]", adapted(generator)(RUN))) is RUN
    assert adapted(lambda _: print)(RUN) is print


def test_the_values_of_a_run_have_the_names_of_its_space() -> None:
    assert RUN.params == {"beta": 0.5}


def test_what_a_function_draws_before_it_seeds_is_the_same_in_each_attempt() -> None:
    drawn = []
    for _ in range(2):
        prepare_libraries(3, None)
        drawn.append(random.random())
    assert drawn[0] == drawn[1]


@pytest.mark.rest
def test_slow_libraries_are_imported_once_for_all_trainers() -> None:
    program = (
        "import sys, transformers.trainer_callback\n"
        "from tuner.processes.own_training import import_libraries, slow_imports\n"
        "names = slow_imports()\n"
        "import_libraries(modules=[*names, 'transformers.no_such_module'])\n"
        "print(sys.modules['torch'].get_num_threads(), *names)"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    threads, *names = said.split()
    assert threads == "1"
    assert {"torch", "transformers", "transformers.trainer_callback"} <= {*names}
    assert not [name for name in names if name.startswith(("torch.", "tuner", "numpy"))]

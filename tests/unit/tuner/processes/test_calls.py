"""A trainer's one job, spoken to over a real pipe, with training that needs no torch."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from search_spaces import Hyperparameters
from tuner.errors import ConfigError
from tuner.processes.calls import check_training, train_trial
from tuner.processes.messages import Answer, Evaluated, Finished, Recorded, Returned, Save, Saved
from tuner.trial.result import Verdict
from tuner.trial.run import TrialRun

pytestmark = pytest.mark.timeout(60)

#: A user's own training: ten evaluations, each after an optimiser step, whose number is saved.
OWN = """
import os
from pathlib import Path
from tuner import Evaluation

PARTS = 100

def evaluation(step, value):
    return Evaluation(
        step=step * PARTS // 10, value=value, epoch=step / 10, optimiser_steps=step, train_loss=1.0,
        validation_loss=1.0, learning_rate=1e-3,
    )

def train(run):
    done = 0 if run.restored is None else int((run.restored / "step").read_text())
    run.record({"began_at": done, "earlier": [each.step for each in run.earlier]})
    for step in range(done + 1, 11):
        found = evaluation(step, step / 10)
        run.saver.keep(found, lambda folder, step=step: (folder / "best").write_text(str(step)))
        yield found
        if step < 10 and run.saver.wanted():
            run.saver.save(step, lambda folder, step=step: (folder / "step").write_text(str(step)))

def count_threads(run):
    run.record({name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")})
    yield evaluation(10, 1.0)

def fail(run):
    yield evaluation(1, 0.5)
    raise LookupError("no such thing")
"""
#: The same as it was written for version 0.1, whose steps were tenths.
EARLIER = OWN.replace("from tuner import", "from tuner.run import").replace("PARTS = 100", "PARTS = 10")
#: The same in other words.
DOTTED = EARLIER.replace("from tuner.run import Evaluation", "import tuner.run").replace(
    "return Evaluation(", "return tuner.run.Evaluation("
)
LOCAL = EARLIER.replace("from tuner.run import Evaluation", "").replace(
    "return Evaluation(", "from tuner.run import Evaluation\n    return Evaluation("
)
SOURCES = {
    "own_training_of_a_user": OWN,
    "earlier_training_of_a_user": EARLIER,
    "dotted_training_of_a_user": DOTTED,
    "local_training_of_a_user": LOCAL,
}
#: The names of the modules.
MODULES = tuple(SOURCES)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[str]:
    """Folder of the user's modules: `SOURCES`."""
    folder = tmp_path / "users"
    folder.mkdir()
    for name, text in SOURCES.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    path = list(sys.path)
    yield str(folder)
    sys.path[:] = path
    for name in MODULES:
        sys.modules.pop(name, None)


def make_run(**changed: Any) -> TrialRun:
    hyperparameters = Hyperparameters(
        learning_rate=1e-3,
        batch_size=8,
        num_train_epochs=1,
        dropout=None,
        weight_decay=0.0,
        lr_scheduler_type="linear",
        frozen_layers=0.0,
    )
    values: dict[str, Any] = {
        "number": 0,
        "hyperparameters": hyperparameters,
        "task": "text-classification",
        "model": None,
        "data": None,
        "metric": "accuracy",
        "direction": "maximize",
        "seed": 0,
        **changed,
    }
    return TrialRun(**values)


def train(
    run: TrialRun,
    folder: str,
    answer: Callable[[Connection, Any], None] = lambda connection, evaluation: connection.send(
        Answer(step=evaluation.step, verdict=Verdict.GO_ON)
    ),
    *,
    function: str = "train",
    module: str = MODULES[0],
    staged: Path | None = None,
) -> list[Any]:
    """Make the call on one end of a pipe; return what the other end heard, each evaluation answered."""
    ours, theirs = Pipe()
    arguments = {"run": run, "function": f"{module}:{function}", "folders": [folder]}
    thread = threading.Thread(target=train_trial, args=(theirs,), kwargs=arguments, daemon=True)
    thread.start()
    heard: list[Any] = []
    while not heard or not isinstance(heard[-1], Finished):
        assert ours.poll(30), f"no word after {heard}"
        heard.append(ours.recv())
        if isinstance(heard[-1], Evaluated):
            answer(ours, heard[-1].evaluation)
        if isinstance(heard[-1], Saved) and heard[-1].optimiser_steps is None:  # its best weights
            rest = Path(f"{heard[-1].folder}-rest")
            rest.mkdir()
            ours.send(Save(folder=str(rest), leave=True))
    if heard[-1].unsaved:
        assert staged is not None
        staged.mkdir()
        ours.send(Save(folder=str(staged)))
        heard.append(ours.recv())
    thread.join(30)
    assert not thread.is_alive()
    return heard


def test_libraries_of_a_training_of_ones_own_take_the_lanes_threads_unless_the_user_says_otherwise(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "")  # so that what is set below is undone
    monkeypatch.delenv("MKL_NUM_THREADS")
    recorded = train(make_run(threads=3), own, function="count_threads")[0]
    assert recorded.effective == {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "3"}


def evaluations(heard: list[Any]) -> list[Any]:
    return [message.evaluation for message in heard if isinstance(message, Evaluated)]


def leaving_at(step: int, folder: Path) -> Callable[[Connection, Any], None]:
    def answer(connection: Connection, evaluation: Any) -> None:
        if evaluation.step == step:
            folder.mkdir()
            connection.send(Save(folder=str(folder), leave=True))
        connection.send(Answer(step=evaluation.step, verdict=Verdict.GO_ON))

    return answer


@pytest.mark.parametrize("module", MODULES)
def test_a_users_own_training_is_found_told_of_and_saved(module: str, own: str, tmp_path: Path) -> None:
    heard = train(make_run(), own, module=module, staged=tmp_path / "end")
    assert heard[0] == Recorded(effective={"began_at": 0, "earlier": []})
    assert [evaluation.step for evaluation in evaluations(heard)] == list(range(10, 101, 10))
    finished, saved = heard[-2:]
    assert (finished.result.state, finished.result.value, finished.result.best_step) == ("complete", 1.0, 100)
    assert (saved.optimiser_steps, saved.best) == (None, evaluations(heard)[-1])
    assert (tmp_path / "end" / "best" / "best").read_text() == "10"


def test_a_trial_that_leaves_goes_on_in_another_job(own: str, tmp_path: Path) -> None:
    first = train(make_run(), own, leaving_at(30, tmp_path / "left"))
    saved = [(message.optimiser_steps, message.best) for message in first if isinstance(message, Saved)]
    left = saved[1][0]
    assert saved == [(None, evaluations(first)[left - 1]), (left, None)]
    assert left in (3, 4), "it hears the word at that step or at the next, since it waits for no answer"
    assert first[-1].result.state == "left"
    assert first[-1].result.reason is None
    again = make_run(restored=tmp_path / "left-rest" / "step", earlier=tuple(evaluations(first)))
    second = train(again, own, staged=tmp_path / "end")
    assert second[0].effective["began_at"] == left
    assert evaluations(first) + evaluations(second) == evaluations(train(make_run(), own, staged=tmp_path / "whole"))


@pytest.mark.parametrize(("module", "parts"), [(MODULES[0], 100), *((module, 10) for module in MODULES[1:])])
def test_a_trial_that_ends_early_is_judged_by_all_of_its_attempts(
    module: str, parts: int, own: str, tmp_path: Path
) -> None:
    first = train(make_run(direction="minimize"), own, leaving_at(30, tmp_path / "left"), module=module)
    again = make_run(direction="minimize", restored=tmp_path / "left-rest" / "step", earlier=tuple(evaluations(first)))
    heard = train(again, own, module=module, staged=tmp_path / "end")
    left = len(evaluations(first))
    # Training of version 0.1 is told of its earlier attempts in the tenths in which it counts.
    assert heard[0].effective["earlier"] == [step * parts // 10 for step in range(1, left + 1)]
    result = heard[-2].result
    assert (result.state, result.value, result.best_step, result.final_value) == ("complete", 0.1, 10, 1.0)


def test_a_no_prunes_the_trial(own: str) -> None:
    heard = train(make_run(), own, lambda pipe, found: pipe.send(Answer(step=found.step, verdict=Verdict.PRUNED)))
    assert [type(message) for message in heard] == [Recorded, Evaluated, Finished]
    assert (heard[-1].result.state, heard[-1].unsaved) == ("pruned", False)


def test_an_error_of_the_training_is_a_failed_trial(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    heard = train(make_run(), own, function="fail")
    assert (heard[-1].result.state, heard[-1].result.reason) == ("failed", "LookupError: no such thing")
    assert "LookupError" in capsys.readouterr().err


def test_a_users_folder_hides_nothing_of_ours(own: str, tmp_path: Path) -> None:
    train(make_run(), own, staged=tmp_path / "end")
    assert sys.path[-1] == own
    again = train(make_run(), own, staged=tmp_path / "end again")
    assert sys.path.count(own) == 1
    assert again[-2].result.state == "complete"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("no_such_module_of_a_user:train", "there is no module 'no_such_module_of_a_user' in {own}, the installed"),
        ("own_training_of_a_user.more:train", "there is no module 'own_training_of_a_user.more' in {own}"),
        ("own_training_of_a_user:trian", "has no function 'trian'; did you mean 'train'?"),
        ("own_training_of_a_user:Path.cwd.no", "has no function"),
        ("broken_training_of_a_user:train", "broken_training_of_a_user cannot be imported: ZeroDivisionError: "),
        ("lacking_training_of_a_user:train", "lacking_training_of_a_user cannot be imported: ModuleNotFoundError: "),
    ],
)
@pytest.mark.parametrize("job", [check_training, train_trial])
def test_training_that_cannot_be_found_is_a_mistake_of_the_study_file(
    job: Callable[..., None], function: str, reason: str, own: str
) -> None:
    Path(own, "broken_training_of_a_user.py").write_text("1 / 0", encoding="utf-8")
    Path(own, "lacking_training_of_a_user.py").write_text("import no_such_library", encoding="utf-8")
    ours, theirs = Pipe()
    arguments: dict[str, Any] = {"function": function, "folders": [own]}
    with pytest.raises(ConfigError) as caught:
        job(theirs, **arguments, **({"run": make_run()} if job is train_trial else {}))
    assert caught.value.key == "train"
    assert reason.format(own=own) in caught.value.reason
    assert not ours.poll()


def test_training_that_can_be_found_is_said_so(own: str) -> None:
    ours, theirs = Pipe()
    check_training(theirs, function="own_training_of_a_user:train", folders=[own])
    assert isinstance(ours.recv(), Returned)


@pytest.mark.parametrize(
    "module",
    ["tuner.processes.calls", "tuner.processes.supervisor_pipe", "tuner.trial.runner", "tuner.processes.messages"],
)
def test_a_call_needs_no_torch(module: str) -> None:
    heavy = ("torch", "transformers", "datasets", "accelerate", "optuna", "sqlalchemy")
    program = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"

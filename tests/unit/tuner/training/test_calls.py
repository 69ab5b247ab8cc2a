"""What trainer processes run, spoken to over a real pipe from another thread."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import transformers

from tuner.processes.calls import train_trial
from tuner.processes.messages import Answer, Evaluated, Finished, Recorded, Save, Saved
from tuner.processes.supervisor_pipe import BEST, STEP
from tuner.processes.trainers import ForkServer
from tuner.training.calls import export_model
from tuner.training.model.weights import WEIGHTS
from tuner.trial.looks import LOOKS
from tuner.trial.result import Verdict

if TYPE_CHECKING:
    from tuner.trial.run import ModelSource, TrialRun


def listen(connection: Any, folder: Path, *, go_on: bool = True, leave_after: int | None = None) -> Iterator[Any]:
    """Yield what a trainer says, and answer it as a supervisor does that wants what it can have.

    Args:
        connection: The pipe to the trainer.
        folder: Takes what it saves.
        go_on: What each evaluation is answered with.
        leave_after: Tell it to leave after this many evaluations.
    """
    message, evaluations = None, 0
    while not isinstance(message, Finished):
        assert connection.poll(60), f"no word after {message}"
        message = connection.recv()
        yield message
        if isinstance(message, Evaluated):
            evaluations += 1
            if evaluations == leave_after:
                connection.send(Save(folder=str(folder), leave=True))
            connection.send(Answer(step=message.evaluation.step, verdict=Verdict.GO_ON if go_on else Verdict.PRUNED))
        if isinstance(message, Saved) and message.optimiser_steps is None and evaluations == leave_after:
            connection.send(Save(folder=str(folder), leave=True))  # the best was saved first, and alone
    if message.unsaved:
        connection.send(Save(folder=str(folder)))
        assert connection.poll(60), "nothing is saved"
        yield connection.recv()


def converse(run: TrialRun, folder: Path, *, go_on: bool = True) -> list[Any]:
    """Train a trial on one end of a pipe; return what the other end heard."""
    ours, theirs = Pipe()
    thread = threading.Thread(target=train_trial, args=(theirs,), kwargs={"run": run}, daemon=True)
    thread.start()
    folder.mkdir(exist_ok=True)
    heard = list(listen(ours, folder, go_on=go_on))
    thread.join(60)
    return heard


def test_a_trial_sends_its_record_its_evaluations_and_its_end_and_saves_its_best(
    make_run: Callable[..., TrialRun], tmp_path: Path
) -> None:
    heard = converse(make_run("bert", 2, looks=LOOKS[2]), tmp_path)
    assert [type(message) for message in heard] == [Recorded, Evaluated, Evaluated, Finished, Saved]
    assert heard[0].effective["layers"] == 2
    evaluations = [message.evaluation for message in heard[1:3]]
    assert [evaluation.step for evaluation in evaluations] == [40, 100]
    result = heard[3].result
    assert result.state == "complete"
    assert result.value == max(evaluation.value for evaluation in evaluations)
    assert heard[-1].best.value == result.value
    assert heard[-1].optimiser_steps is None
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")] == [Path(BEST, WEIGHTS)]


def test_a_trial_ends_where_its_answer_is_no_and_saves_nothing(
    make_run: Callable[..., TrialRun], tmp_path: Path
) -> None:
    heard = converse(make_run("bert", 2, looks=LOOKS[2]), tmp_path, go_on=False)
    assert [type(message) for message in heard] == [Recorded, Evaluated, Finished]
    assert heard[-1].result.state == "pruned"
    assert list(tmp_path.iterdir()) == []


def test_a_trial_that_fails_says_why_and_leaves_its_traceback_in_the_log(
    make_run: Callable[..., TrialRun], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = converse(replace(make_run("bert", 2), data=tmp_path / "gone"), tmp_path)
    assert heard[-1].result.state == "failed"
    assert heard[-1].result.reason.startswith("FileNotFoundError: ")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.rest
def test_a_trial_that_moves_from_process_to_process_is_the_same_trial(
    make_run: Callable[..., TrialRun], tmp_path: Path
) -> None:
    # As a supervisor has it: each attempt in a process forked from one that has imported everything.
    run = make_run("bert", dropout=0.1, frozen_layers="gradual", num_train_epochs=4, looks=LOOKS[5], metric="loss")
    run = replace(run, direction="minimize")

    def train(fork_server: ForkServer, run: TrialRun, folder: Path, leave_after: int | None = None) -> list[Any]:
        folder.mkdir()
        trainer = fork_server.start("tuner.processes.calls:train_trial", {"run": run})
        try:
            return list(listen(trainer.connection, folder, leave_after=leave_after))
        finally:
            trainer.kill()

    def evaluations(heard: list[Any]) -> list[Any]:
        return [message.evaluation for message in heard if isinstance(message, Evaluated)]

    with ForkServer(tmp_path / "log") as fork_server:
        whole = train(fork_server, run, tmp_path / "whole")
        first = train(fork_server, run, tmp_path / "first", leave_after=2)
    assert first[-1].result.state == "left"
    saved = [message for message in first if isinstance(message, Saved)]
    assert [message.best for message in saved] == [evaluations(first)[-1], None]
    assert [message.optimiser_steps is None for message in saved] == [True, False]
    # The files are all that is left of it: neither its processes nor its folder.
    (tmp_path / "first" / STEP).rename(tmp_path / "moved")
    shutil.rmtree(tmp_path / "first")
    earlier = tuple(evaluations(first))
    with ForkServer(tmp_path / "log") as fork_server:
        rest = train(fork_server, replace(run, restored=tmp_path / "moved", earlier=earlier), tmp_path / "rest")
    assert [message for message in rest if isinstance(message, Recorded)] == whole[:1]
    assert evaluations(first) + evaluations(rest) == evaluations(whole)
    ends = [[message for message in heard if isinstance(message, Finished)] for heard in (rest, whole)]
    assert ends[0] == ends[1]
    for name in ("whole", "rest"):
        assert (tmp_path / name / BEST / WEIGHTS).is_file()
    assert (tmp_path / "rest" / BEST / WEIGHTS).read_bytes() == (tmp_path / "whole" / BEST / WEIGHTS).read_bytes()


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "electra", "deberta-v2", "vit"])
def test_an_export_is_plain_transformers_and_scores_as_recorded(
    name: str, make_run: Callable[..., TrialRun], tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    run = make_run(name, metric="loss", direction="minimize", num_train_epochs=2, looks=LOOKS[2], dropout=0.1)
    finished, _ = converse(run, tmp_path / "kept")[-2:]
    ours, theirs = Pipe()
    export_model(theirs, run=run, weights=tmp_path / "kept" / BEST, folder=folder, verify=True, adapter=False)
    found = ours.recv().value
    assert found["value"] == pytest.approx(finished.result.value, abs=1e-6)
    assert 0 < found["latency"]["ms"] < 60_000
    if name == "vit":
        model: Any = transformers.AutoModelForImageClassification.from_pretrained(folder)
        assert model.config.id2label == {0: "one", 1: "zero"}
        transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    else:
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
        assert model.config.id2label == {0: "0", 1: "1"}
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        inputs = tokenizer("the film was good", return_tensors="pt")
        assert model(**{key: inputs[key] for key in ("input_ids", "attention_mask")}).logits.shape == (1, 2)


#: Builds a model in a process that has imported the jobs, and prints which of the libraries' modules that imported.
WHAT_A_TRIAL_IMPORTS = """
import sys
import tuner.training.calls
from tuner.trial.run import ModelSource
from tuner.training.model.loading import build_model
from tuner.training.tasks import get_task

before = set(sys.modules)
source, task = ModelSource(location=sys.argv[1]), get_task("text-classification")
build_model(task.blueprint(source, ("a", "b"), 0), dropout=0.1)
import tuner.processes.calls, tuner.training.loop
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.rest
def test_the_parent_of_the_trainers_has_imported_what_a_trial_needs(checkpoint: Callable[..., ModelSource]) -> None:
    command = [sys.executable, "-c", WHAT_A_TRIAL_IMPORTS, checkpoint("bert", 2).location]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    imported = done.stdout.split()
    # The architecture's own modules are left: which they are, only a study says.
    assert 0 < len(imported) < 50, imported
    assert not [name for name in imported if name.startswith("tuner.")]
    assert not [name for name in imported if name.split(".")[0] in ("torch", "accelerate", "sympy", "sklearn")]

"""What trainer processes run, spoken to over a real pipe from another thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import transformers

from tuner.messages import Evaluated, Finished, Recorded, Returned
from tuner.training.jobs import export_job, train_job

if TYPE_CHECKING:
    from tuner.run import ModelSource, TrialRun


def converse(job: Callable[..., None], answer: Callable[[Any], bool], **arguments: Any) -> list[Any]:
    """Run a job on one end of a pipe; return what the other end heard, each evaluation answered."""
    ours, theirs = Pipe()
    thread = threading.Thread(target=job, args=(theirs,), kwargs=arguments, daemon=True)
    thread.start()
    heard: list[Any] = []
    while not heard or not isinstance(heard[-1], Finished | Returned):
        assert ours.poll(60), f"no word after {heard}"
        heard.append(ours.recv())
        if isinstance(heard[-1], Evaluated):
            ours.send(answer(heard[-1].evaluation))
    thread.join(60)
    return heard


def test_a_trial_sends_its_record_its_evaluations_and_its_end(make_run: Callable[..., TrialRun]) -> None:
    heard = converse(train_job, lambda _: True, run=make_run("bert", 2, evaluations=2))
    assert [type(message) for message in heard] == [Recorded, Evaluated, Evaluated, Finished]
    assert heard[0].effective["layers"] == 2
    assert [message.evaluation.step for message in heard[1:3]] == [4, 10]
    assert heard[-1].result.state == "complete"
    assert heard[-1].result.value == max(message.evaluation.value for message in heard[1:3])


def test_a_trial_waits_for_the_word_and_ends_where_it_is_no(make_run: Callable[..., TrialRun]) -> None:
    heard = converse(train_job, lambda _: False, run=make_run("bert", 2, evaluations=2))
    assert [type(message) for message in heard] == [Recorded, Evaluated, Finished]
    assert heard[-1].result.state == "pruned"


def test_a_trial_that_fails_says_why_and_leaves_its_traceback_in_the_log(
    make_run: Callable[..., TrialRun], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = converse(train_job, lambda _: True, run=replace(make_run("bert", 2), data=tmp_path / "gone"))
    assert heard[-1].result.state == "failed"
    assert heard[-1].result.reason.startswith("FileNotFoundError: ")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "electra", "deberta-v2", "vit"])
def test_an_export_is_plain_transformers_and_scores_as_recorded(
    name: str, make_run: Callable[..., TrialRun], tmp_path: Path
) -> None:
    output, folder = tmp_path / "kept", tmp_path / "export"
    output.mkdir()
    run = make_run(
        name, metric="loss", direction="minimize", num_train_epochs=2, evaluations=2, dropout=0.1, output=output
    )
    result = converse(train_job, lambda _: True, run=run)[-1].result
    arguments = {"run": replace(run, output=None), "weights": output, "folder": folder, "verify": True}
    (returned,) = converse(export_job, lambda _: True, **arguments)
    assert returned.value == pytest.approx(result.value, abs=1e-6)
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
import tuner.training.jobs
from tuner.run import ModelSource
from tuner.training.model import build_model
from tuner.training.tasks import get_task

before = set(sys.modules)
source, task = ModelSource(location=sys.argv[1]), get_task("text-classification")
build_model(task, source, labels=("a", "b"), dropout=0.1, seed=0)
task.collate(task.processor(source))
print(*sorted(set(sys.modules) - before))
"""


def test_the_parent_of_the_trainers_has_imported_what_a_trial_needs(checkpoint: Callable[..., ModelSource]) -> None:
    command = [sys.executable, "-c", WHAT_A_TRIAL_IMPORTS, checkpoint("bert", 2).location]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    imported = done.stdout.split()
    # The architecture's own modules are left: which they are, only a study says.
    assert 0 < len(imported) < 50, imported
    assert not [name for name in imported if name.split(".")[0] in ("torch", "accelerate", "sympy", "sklearn")]

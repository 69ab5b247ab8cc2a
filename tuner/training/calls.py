"""The calls that a trainer process serves. Importing this module imports every module that training needs."""

from __future__ import annotations

import contextlib
import os
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import sklearn.metrics
import torch
import transformers

# transformers imports a module when one of its names is used. Named here, the modules are imported once for all trials,
# of which each would otherwise spend more than a second on them. AutoModel stands for all Auto classes of models.
from transformers import (  # noqa: F401
    AutoModel,
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedModel,
    get_scheduler,
)

import tuner.processes.calls
import tuner.training.loop  # noqa: F401 (both: a trial is started by their names)
from tuner.errors import ModelError
from tuner.processes.messages import Returned
from tuner.processes.progress_sender import ProgressSender
from tuner.study.tasks import task_names
from tuner.training import held_out, predictions, soup
from tuner.training.data.encoded import EncodedData
from tuner.training.data.files.places import ROW
from tuner.training.evaluation import evaluate
from tuner.training.head import fitting
from tuner.training.latency import measure_latency
from tuner.training.model import gguf
from tuner.training.model.adapter_files import read_adapter, write_adapter
from tuner.training.model.freezing import possible_depths
from tuner.training.model.loading import keep_template
from tuner.training.model.template import Unusable
from tuner.training.model.trial_model import base_model, merged_model, trained_model
from tuner.training.model.weights import save_weights
from tuner.training.preparation import prepare
from tuner.training.script import writing
from tuner.training.split_rows import split_rows
from tuner.training.survey import survey
from tuner.training.tasks import get_task
from tuner.training.trunk.forward import ForwardPasses
from tuner.training.trunk.placement import available_memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from tuner.study.exported import PredictionRequest
    from tuner.study.prepared import PreparationRequest
    from tuner.study.script import ScriptRequest
    from tuner.trial.anatomy import Padding
    from tuner.trial.run import ModelSource, TrialRun

#: Share of the available memory that a template may take: a trial that changes all of its weights takes as much again.
TEMPLATE_SHARE = 0.1
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
datasets.disable_progress_bars()
# The fork server computes nothing. A library that computes in it must not start threads, which a fork would lack.
torch.set_num_threads(1)
# The tasks are looked up once, here, and not in each trial.
task_names()
# scikit-learn's first score searches all installed packages for plug-ins. It is called here, so that no trial waits.
sklearn.metrics.accuracy_score([0], [0])


def prepare_data(connection: Connection, **arguments: Any) -> None:
    """Prepare model and data, and report the progress; see `tuner.training.preparation.prepare`."""
    connection.send(Returned(value=prepare(**arguments, progress=ProgressSender(connection))))


def survey_trials(connection: Connection, *, runs: Sequence[TrialRun]) -> None:
    """Find out how much work trials would be; see `tuner.training.survey.survey`."""
    connection.send(Returned(value=survey(runs)))


def keep_model_template(
    *, task: str, model: ModelSource, labels: Sequence[str], seed: int, padding: Padding | None
) -> None:
    """Keep a template of a model in this process, where there is room for one; see `tuner.training.model.loading`."""
    available = available_memory()
    room = None if available is None else int(TEMPLATE_SHARE * available)
    with contextlib.suppress(ModelError, Unusable):  # each trial then builds the model, and reports the error
        keep_template(get_task(task).blueprint(model, labels, seed, padding), room=room)


def fit_head(connection: Connection, *, run: TrialRun, folder: Path | None, shares: tuple[float, ...]) -> None:
    """Fit a study's head, and write its weights into a folder, if one is given; see `tuner.training.head.fitting`."""
    head = fitting.fit_head(run, shares=shares, progress=ProgressSender(connection))
    if folder is not None:
        save_weights(head.weights, folder)
    connection.send(Returned(value=head.facts()))


def judge(connection: Connection, *, candidates: Sequence[tuple[TrialRun, Path]], split: str) -> None:
    """Judge trained models on a split; see `tuner.training.held_out`.

    Args:
        connection: Receives the progress, and JSON values.
        candidates: Of each model, its trial and the folder of its weights.
        split: `test` or `validation`.
    """
    found = [held_out.Candidate(run=run, weights=weights) for run, weights in candidates]
    with warnings.catch_warnings():
        # scikit-learn warns of classes that a bad model never predicts, or that a draw of rows lacks.
        warnings.filterwarnings("ignore", module="sklearn")
        connection.send(Returned(value=held_out.judge(found, split, ProgressSender(connection))))


def make_soup(connection: Connection, *, candidates: Sequence[tuple[TrialRun, Path]], folder: Path) -> None:
    """Average the weights of trials, and write them into a folder; see `tuner.training.soup`."""
    connection.send(Returned(value=soup.make_soup(candidates, folder, ProgressSender(connection))))


def describe_rows(connection: Connection, *, request: PreparationRequest, split: str, numbers: Sequence[int]) -> None:
    """Report some rows of a split as people know them: their place, the input as text, and the label.

    Args:
        connection: Receives one mapping a row, with `place`, `text` and `label`.
        request: The data.
        split: Name of the split.
        numbers: Numbers of rows of the split, in its order.
    """
    datasets.disable_caching()
    task = get_task(request.task)
    found = split_rows(task, request, ProgressSender(connection))
    rows = found.splits[split]
    told = [
        {
            "place": found.places.of(int(rows[number][ROW])),
            "text": task.shown(rows[number], request.data),
            "label": found.labels[int(rows[number]["labels"])] if found.labels else str(rows[number]["labels"]),
        }
        for number in numbers
    ]
    connection.send(Returned(value=told))


def write_script(connection: Connection, *, run: TrialRun, data: PreparationRequest, request: ScriptRequest) -> None:
    """Report a script that repeats a trial; see `tuner.training.script.writing`."""
    datasets.disable_caching()
    connection.send(Returned(value=writing.write_script(run, data, request)))


def dequantise(connection: Connection, *, file: Path, folder: Path) -> None:
    """Write the model of a GGUF file into a folder; see `tuner.training.model.gguf`."""
    gguf.dequantise(file, folder)
    connection.send(Returned(value=None))


def predict_rows(connection: Connection, *, request: PredictionRequest) -> None:
    """Report what a model says of rows; see `tuner.training.predictions`."""
    connection.send(Returned(value=predictions.predict_rows(request, ProgressSender(connection))))


def has_cuda(connection: Connection) -> None:
    """Report whether a process with this environment can use its GPU."""
    connection.send(Returned(value=torch.cuda.is_available()))


def export_model(
    connection: Connection, *, run: TrialRun, weights: Path, folder: Path, verify: bool, adapter: bool
) -> None:
    """Write a trial's model and tokenizer as transformers reads them, and evaluate the written model.

    Adapters are merged into the weights.

    Args:
        connection: Receives the metric's value on the validation split as `value`, and the fields of
            `tuner.training.latency.Latency` as `latency`; None without `verify`.
        run: The trial.
        weights: Folder of the trained weights.
        folder: The folder to write to.
        verify: Whether to evaluate the written model.
        adapter: Whether to write the adapters alone, as peft reads them.
    """
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    task = get_task(run.task)
    padding = run.anatomy.padding
    data = EncodedData.open(run.data, task.examples, padding)
    blueprint = task.blueprint(run.model, data.labels, run.seed, padding)
    processor = task.processor(run.model)
    if padding is not None:
        processor.padding_side = padding.side
    if adapter:
        write_adapter(run, trained_model(run, blueprint, weights), folder)
    else:
        model: Any = merged_model(run, blueprint, weights)
        model.save_pretrained(folder)
    processor.save_pretrained(folder)
    value, latency = None, None
    if verify:
        torch.set_num_threads(run.threads or len(os.sched_getaffinity(0)))
        if adapter:
            written: Any = read_adapter(base_model(run, blueprint), folder)
        else:
            arguments = {**run.model.arguments, "revision": None}  # it names a commit, and the folder has none
            written = task.auto_model.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **arguments)
        depths = possible_depths([run.hyperparameters.frozen_layers], layers=run.anatomy.count)
        passes = ForwardPasses(written, run.anatomy, data, torch.device("cpu"), depths=depths, speed=run.speed)
        scores = evaluate(task, written, passes, run)
        value = None if scores is None else scores.value
        latency = asdict(measure_latency(written, data.validation))
    connection.send(Returned(value={"value": value, "latency": latency}))

"""What an exported model says of new rows: classes and their probabilities, or completions."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tuner.errors import ConfigError, DataError, ModelError
from tuner.machine.memory import is_out_of_memory
from tuner.study.loading_problems import loading_problem
from tuner.training.data.chat_template import ChatTemplate, Unclear
from tuner.training.data.chats import check_chats, messages_of
from tuner.training.data.encoded import FULL_LENGTH
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.places import ROW, RowProblem
from tuner.training.data.labels import row_numbers
from tuner.training.data.loading import load_rows
from tuner.training.data.split_plan import SplitPlan
from tuner.training.data.word_columns import column_of
from tuner.training.evaluation import EVALUATION_BATCH
from tuner.training.model.generation import completions, ends_of
from tuner.training.out_of_memory import free_memory
from tuner.training.precision import device_kind, forbid_tf32
from tuner.training.progress import Progress, silent
from tuner.training.tasks import Task, get_task
from tuner.training.tasks.causal_lm import CausalLM
from tuner.training.tasks.classification import Classification
from tuner.training.tasks.texts import ReadsTexts
from tuner.trial.run import ModelSource

if TYPE_CHECKING:
    from datasets import Dataset

    from tuner.study.data_config import DataConfig
    from tuner.study.exported import PredictionRequest
    from tuner.training.data.examples import Examples

#: Prompts that are completed at once, at most.
_COMPLETED = 16
#: What is said of one row, as JSON values by name.
Said = dict[str, Any]


def predict_rows(request: PredictionRequest, progress: Progress = silent) -> dict[str, Any]:
    """Return what a model says of the rows of a file.

    Args:
        request: The model and the rows.
        progress: Shows how far it is.

    Returns:
        JSON values: `labels` (names of the classes; none of a language model), `reading` (a line a file), `left_out`
        (rows by reason), and `rows`, in the order of the file: `place`, `input`, and `label` with `probabilities` by
        label, or `completion`, and `untouched` where the model before training is asked as well.

    Raises:
        ConfigError: The task predicts neither classes nor tokens.
        DataError: The rows cannot be read, a column is missing, or a row has no value there.
        ModelError: The folder has no usable model.
    """
    import datasets

    datasets.disable_caching()
    datasets.disable_progress_bars()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    forbid_tf32()
    task, exported = get_task(request.exported.task), request.exported
    if not isinstance(task, Classification | CausalLM):
        raise ConfigError("", "task", f"{exported.task} predicts neither classes nor texts")
    data = exported.config(request.source)
    columns = _columns(task, data)
    wanted = Wanted({key: tuple(names) for key, names in columns.items()})
    loaded, _ = load_rows(request.source, data, wanted, _all_splits, request.cache, progress)
    rows: Dataset = datasets.concatenate_datasets(list(loaded.splits.values()))
    try:
        _check_values(rows, columns)
        if data.messages is not None and isinstance(task, CausalLM):
            check_chats([rows], data.messages, is_learnt=False)
    except RowProblem as problem:
        raise DataError("", problem.key, f"{loaded.places.of_all(problem.rows)}: {problem.reason}") from problem
    source = ModelSource(location=str(request.model))
    processor, model = task.processor(source), _model(task, source)
    labels: list[str] = []
    shown = [loaded.places.of(number) for number in rows[ROW]]
    if isinstance(task, Classification):
        labels = [model.config.id2label[number] for number in range(model.config.num_labels)]
        encoded = _encoded(task.begin(loaded.places.of), rows, data, processor, exported.max_length)
        said = _classes(model, task.examples(encoded, task.padding(processor)), labels, progress)
        inputs = [task.shown(row, data) for row in rows] if isinstance(task, ReadsTexts) else [""] * len(rows)
    else:
        (column,) = (name for names in columns.values() for name in names)
        inputs = [task.shown(row, data) for row in rows] if data.messages else list(rows[column])
        template = None if data.messages is None else ChatTemplate(processor)
        ids = list(_prompts(processor, rows[column], shown, template))
        stops = ends_of(model, processor) | (set() if template is None else template.ends())
        said = _completions(model, processor, ids, shown, stops, request.max_new_tokens, progress)
        if request.untouched is not None:
            del model
            free_memory()
            model = _model(task, request.untouched)
            before = _completions(model, processor, ids, shown, stops, request.max_new_tokens, progress)
            said = [{**after, "untouched": each["completion"]} for after, each in zip(said, before, strict=True)]
    return {
        "labels": labels,
        "reading": list(loaded.reading),
        "left_out": {each.reason: each.count for each in loaded.left_out},
        "rows": [
            {"place": place, "input": text, **each} for place, text, each in zip(shown, inputs, said, strict=True)
        ],
    }


def _columns(task: Task, data: DataConfig) -> Mapping[str, Sequence[str]]:
    """Return the columns that a prediction reads: the inputs, of a language model without the completion."""
    if not isinstance(task, CausalLM) or data.completion is None:
        return task.columns(data)
    if data.prompt is None:
        raise DataError("", "data.prompt", "the study has completions without prompts, so there is nothing to complete")
    return {"prompt": [data.prompt]}


def _all_splits(present: Iterable[str]) -> SplitPlan:
    names = tuple(present)
    return SplitPlan(named={name: name for name in names}, carved={}, base=None, order=names)


def _check_values(rows: Dataset, columns: Mapping[str, Sequence[str]]) -> None:
    for key, column in ((key, name) for key, names in columns.items() for name in names):
        missing = column_of(rows, column).is_null().to_numpy().nonzero()[0]
        if missing.size:
            reason = f"there is nothing in column {column!r}; write something, or remove the row"
            raise RowProblem(f"data.{key}", reason, row_numbers(rows, missing))


def _model(task: Task, source: ModelSource) -> Any:
    try:
        model = task.auto_model.from_pretrained(
            source.location, dtype=torch.float32, use_safetensors=True, **source.arguments
        )
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{source.location} has no usable model: {loading_problem(error)}"
        raise ModelError("", "", reason) from error
    return model.to(device_kind()).eval()


def _encoded(task: Task, rows: Dataset, data: DataConfig, processor: Any, max_length: int) -> Dataset:
    """Return the model's inputs, encoded as those of training are."""
    for name in (name for names in task.columns(data).values() for name in names):
        for _ in task.contents(rows, name):  # a task that converts pictures looks at all of them first
            pass
    task.conversion()
    encoded = task.encode(rows.add_column("labels", [0] * len(rows)), data, processor, max_length)
    return encoded.remove_columns(FULL_LENGTH) if FULL_LENGTH in encoded.column_names else encoded


@torch.no_grad()
def _classes(model: Any, examples: Examples, labels: Sequence[str], progress: Progress) -> list[Said]:
    """Return label and probabilities of each example."""
    logits = np.empty((len(examples), len(labels)), dtype=np.float32)

    def compute(part: Sequence[int]) -> None:
        inputs = {name: values.to(model.device) for name, values in examples.inputs(np.asarray(part)).items()}
        logits[part] = model(**inputs).logits.float().cpu().numpy()

    # Texts of similar length share a pass, as padding costs time.
    _in_parts(np.argsort(examples.lengths, kind="stable").tolist(), EVALUATION_BATCH, compute, progress)
    probabilities = torch.from_numpy(logits).double().softmax(dim=1).numpy()
    return [
        {"label": labels[int(each.argmax())], "probabilities": dict(zip(labels, each.tolist(), strict=True))}
        for each in probabilities
    ]


@torch.no_grad()
def _completions(
    model: Any,
    processor: Any,
    ids: Sequence[list[int]],
    places: Sequence[str],
    stops: Collection[int],
    max_new_tokens: int,
    progress: Progress,
) -> list[Said]:
    """Return the most probable completion of each prompt, token by token."""
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for place, each in zip(places, ids, strict=True):
        if not each:
            raise DataError("", "", f"{place}: the tokenizer makes no token of it, so there is nothing to complete")
        if most is not None and len(each) + max_new_tokens > most:
            reason = (
                f"its {len(each)} tokens and {max_new_tokens} new ones are more than the {most} that the model takes"
            )
            raise DataError("", "", f"{place}: {reason}; shorten it, or give fewer --max-new-tokens")
    said: list[Said] = [{} for _ in ids]
    padding = processor.eos_token_id if processor.pad_token_id is None else processor.pad_token_id

    def complete(part: Sequence[int]) -> None:
        made = completions(
            model,
            [ids[number] for number in part],
            most=max_new_tokens,
            stops=stops,
            padding=padding,
            size=len(part),
            leaving=lambda: False,
        )
        assert made is not None
        for number, tokens in zip(part, made, strict=True):
            said[number] = {"completion": processor.decode(tokens, skip_special_tokens=True)}

    # Prompts of one length share a pass: without padding, a completion is what the prompt alone would have.
    by_length: dict[int, list[int]] = {}
    for number, each in enumerate(ids):
        by_length.setdefault(len(each), []).append(number)
    done = 0

    def so_far(stage: str, at: int, total: int) -> None:
        progress(stage, done + at, len(ids))

    for part in by_length.values():
        _in_parts(part, _COMPLETED, complete, so_far)
        done += len(part)
    return said


def _prompts(
    processor: Any, inputs: Sequence[str], places: Sequence[str], template: ChatTemplate | None
) -> Iterator[list[int]]:
    """Yield the tokens of each prompt, or those that ask for the next turn of each chat."""
    for place, written in zip(places, inputs, strict=True):
        try:
            yield _prompt_ids(processor, written) if template is None else template.prompt(messages_of(written))
        except Unclear as error:
            raise DataError("", "", f"{place}: {error}") from error


def _prompt_ids(processor: Any, prompt: str) -> list[int]:
    """Return the tokens of a prompt, without the end of a text that some tokenizers add."""
    found = list(processor(prompt, verbose=False)["input_ids"])
    end = processor.eos_token_id
    while found and found[-1] == end and not prompt.endswith(processor.eos_token):
        found.pop()
    return found


def _in_parts(numbers: Sequence[int], size: int, compute: Callable[[Sequence[int]], None], progress: Progress) -> None:
    """Compute some rows at a time, half as many wherever memory runs out."""
    done = 0
    while done < len(numbers):
        progress("predicting", done, len(numbers))
        part = numbers[done : done + size]
        try:
            compute(part)
        except Exception as error:
            if not is_out_of_memory(error) or len(part) == 1:
                raise
        else:
            done += len(part)
            continue
        # Outside of the except block: there the error still refers to the tensors that did not fit.
        size = len(part) // 2
        free_memory()

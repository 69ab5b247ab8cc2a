"""What the trainers of these tests do. The fork server, which forks one for each call, imports this and torch."""

from __future__ import annotations

import csv
import hashlib
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import accelerate
import torch
import transformers
from gpu_support import Size, Study, opened_devices
from tiny_models import BAD, GOOD, PLAIN, FolderSaver, wordpiece
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from tuner.processes.messages import Returned
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest
from tuner.training.data.batches import training_batches
from tuner.training.data.encoded import EncodedData
from tuner.training.loop import train as train_loop
from tuner.training.model.loading import build_model
from tuner.training.precision import device_kind, mixed_precision
from tuner.training.preparation import prepare
from tuner.training.tasks import get_task
from tuner.trial.run import ModelSource, TrialRun
from tuner.trial.runner import run_trial

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from tuner.trial.evaluation import Evaluation

_CUDA_TOO_SMALL = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB"


# ---- model and data


def make_study(connection: Connection, *, folder: Path, size: Size, mixed: bool) -> None:
    """Write a BERT with random weights and texts of two classes, and prepare them.

    Args:
        connection: Takes the `Study`.
        folder: Where to write.
        size: How large.
        mixed: Whether texts are of unlike lengths, most of them short; else all have the most tokens.
    """
    torch.manual_seed(11)
    config = transformers.BertConfig(
        vocab_size=64,
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=max(1, size.hidden // 32),
        intermediate_size=4 * size.hidden,
        max_position_embeddings=size.length,
        pad_token_id=0,
        # Wider than usual: with random weights something is learnt within some dozens of steps.
        initializer_range=0.6 / size.hidden**0.5,
    )
    model = folder / "model"
    transformers.BertModel(config).save_pretrained(model)
    names = ["input_ids", "token_type_ids", "attention_mask"]
    wordpiece(model_max_length=size.length, model_input_names=names).save_pretrained(model)
    source = folder / "texts"
    source.mkdir()
    rng = random.Random(0)
    for split, rows in (("train", size.rows), ("validation", size.validation), ("test", 8)):
        with (source / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(
                [("text", "label"), *(_text(rng, number % 2, size, mixed) for number in range(rows))]
            )
    request = PreparationRequest(
        task="text-classification",
        model=ModelSource(location=str(model)),
        data=DataConfig(source=str(source), splits={"train": "train", "validation": "validation", "test": "test"}),
        source=str(source),
        max_length=size.length,
        seed=0,
        metric="loss",
        cache=folder / "cache",
    )
    prepared = prepare(request)
    found = Study(model=model, source=source, data=prepared.folder, anatomy=prepared.anatomy, size=size)
    connection.send(Returned(value=found))


def _text(rng: random.Random, label: int, size: Size, mixed: bool) -> tuple[str, str]:
    most = size.length - 2  # [CLS] and [SEP]
    # A cube: half of the texts have an eighth of the tokens or less.
    count = max(3, round(most * rng.random() ** 3)) if mixed else most
    telling = GOOD if label else BAD
    words = [rng.choice(telling if number % 3 == 0 else PLAIN) for number in range(count)]
    return " ".join(words), ("negative", "positive")[label]


# ---- devices


def describe_device(connection: Connection) -> None:
    """Say what this trainer sees, after it has computed something there."""
    found: dict[str, Any] = {
        "kind": device_kind(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    if torch.cuda.is_available():
        torch.ones(8, device="cuda").sum().item()
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "count": torch.cuda.device_count(),
            "name": properties.name,
            "uuid": str(properties.uuid),
            "memory_bytes": properties.total_memory,
            "capability": torch.cuda.get_device_capability(0),
            "cuda": torch.version.cuda,
            "visible": os.environ["CUDA_VISIBLE_DEVICES"],
        }
    found |= {"opened": opened_devices(os.getpid()), "opened_by_parent": opened_devices(os.getppid())}
    connection.send(Returned(value=found))


def precisions(connection: Connection) -> None:
    """Say what `auto` is here, whether the device computes bf16 itself, and how far fp32 is from a product in fp64."""
    found: dict[str, Any] = {"auto": mixed_precision("auto"), "bf16": False}
    device = torch.device(device_kind())
    if device.type == "cuda":
        found["bf16"] = torch.cuda.is_bf16_supported(including_emulation=False)
    torch.manual_seed(0)
    one, other = torch.randn(64, 512), torch.randn(512, 64)
    images, kernels = torch.randn(8, 64, 16, 16), torch.randn(64, 64, 3, 3)
    for name, compute, operands in (
        ("product", torch.matmul, (one, other)),
        ("convolution", torch.nn.functional.conv2d, (images, kernels)),
    ):
        exact = compute(*(each.double() for each in operands))
        here = compute(*(each.to(device) for each in operands)).cpu().double()
        found[name] = float((here - exact).abs().max() / exact.abs().max())
    connection.send(Returned(value=found))


# ---- training


def train(
    connection: Connection,
    *,
    run: TrialRun,
    folder: Path | None = None,
    at: Sequence[int] = (),
    leave: bool = False,
    deterministic: bool = False,
    limit: int | None = None,
    most: int | None = None,
    fill: bool = False,
    scale: float | None = None,
) -> None:
    """Train a trial to its end and send what came of it.

    Args:
        connection: Takes a dictionary.
        run: The trial.
        folder: Takes what the trial saves; None saves nothing.
        at: Optimiser steps after which it saves.
        leave: Whether it leaves with the first of them.
        deterministic: Whether torch computes the same bits each time, at a price.
        limit: Bytes of the GPU that this process may take.
        most: On a processor, which has no such limit: examples at a time for which there is room in training.
        fill: Take all memory at the first forward pass of training, so that not one example fits.
        scale: What the gradient scaler begins with, so large that gradients overflow; a processor has a stand-in.
    """
    torch.use_deterministic_algorithms(deterministic)
    if limit is not None:
        torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.get_device_properties(0).total_memory)
    saver = None if folder is None else FolderSaver(folder, at=at, leave=leave)
    recorded: list[dict[str, Any]] = []
    evaluations: list[Evaluation] = []
    told = replace(run, record=lambda effective: recorded.append(dict(effective)))
    if saver is not None:
        told = replace(told, saver=saver)

    def go_on(evaluation: Evaluation) -> bool:
        evaluations.append(evaluation)
        return True

    become_scarce(most=most, fill=fill)
    with _watching() as watch, _scaled(scale):
        result = run_trial(told, train_loop, go_on)
    if saver is not None and result.state == "complete":
        saver.write_best()
    found = {
        "state": result.state,
        "reason": result.reason,
        "avoid": result.avoid,
        "evaluations": evaluations,
        "losses": [each.train_loss for each in evaluations],
        "validation": [each.validation_loss for each in evaluations],
        "effective": recorded[-1] if recorded else {},
        "micro_batches": [each["micro_batch"] for each in recorded],
        "weights": watch.digest(),
        "rates": watch.rates,
        "skipped": watch.skipped,
        "allocated": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0,
        "reserved": torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0,
    }
    connection.send(Returned(value=found))


class _Watch:
    """Sees the model and the steps of the optimiser, through torch's own hooks."""

    def __init__(self) -> None:
        self.model: Any = None
        #: The largest learning rate of each step, and whether the gradient scaler skipped the step.
        self.rates: list[float] = []
        self.skipped: list[bool] = []

    def see_forward(self, module: Any, _: Any) -> None:
        if _is_whole(module):
            self.model = module

    def see_step(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self.rates.append(max(group["lr"] for group in optimizer.param_groups))
        # GradScaler tells a fused optimiser so, which then changes no weight.
        self.skipped.append(bool(getattr(optimizer, "found_inf", 0.0)))

    def digest(self) -> str | None:
        """Return a hash of every bit of every weight."""
        if self.model is None:
            return None
        found = hashlib.sha256()
        for name, value in sorted(self.model.state_dict().items()):
            found.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()


@contextmanager
def _watching() -> Iterator[_Watch]:
    watch = _Watch()
    hooks = [register_module_forward_pre_hook(watch.see_forward), register_optimizer_step_pre_hook(watch.see_step)]
    try:
        yield watch
    finally:
        for hook in hooks:
            hook.remove()


def _is_whole(module: Any) -> bool:
    return isinstance(module, transformers.PreTrainedModel) and hasattr(module, "classifier")


def become_scarce(*, most: int | None = None, fill: bool = False) -> list[Any]:
    """Have memory run out in training, from now on; asks for no device before. Return the hooks that do so.

    Args:
        most: Examples at a time for which there is room, as a torch says it that finds no more.
        fill: Take all memory of the GPU at the first forward pass of training, so that not one example fits. On a
            processor, say so of any example.
    """
    taken: list[torch.Tensor] = []

    def fill_up(module: Any, _: Any) -> None:
        if taken or not (_is_whole(module) and module.training and torch.cuda.is_available()):
            return
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
        for chunk in (1 << 20, 1 << 16, 1 << 9):  # what the allocator holds free between tensors
            while True:
                try:
                    taken.append(torch.empty(chunk, dtype=torch.uint8, device="cuda"))
                except torch.OutOfMemoryError:
                    break

    def refuse(module: Any, _: Any, output: Any) -> None:
        if not (_is_whole(module) and module.training):
            return
        room = 0 if fill and not torch.cuda.is_available() else most
        if room is not None and len(output.logits) > room:
            raise torch.OutOfMemoryError(_CUDA_TOO_SMALL)

    return [register_module_forward_hook(refuse), *([register_module_forward_pre_hook(fill_up)] if fill else [])]


@contextmanager
def _scaled(scale: float | None) -> Iterator[None]:
    """Have the gradient scaler begin with a scale."""
    if scale is None:
        yield
        return
    plain = accelerate.Accelerator.prepare

    def prepare_scaled(self: Any, model: Any, *others: Any) -> Any:
        scaler = self.scaler = torch.amp.GradScaler(device_kind(), init_scale=scale)
        if device_kind() == "cpu":  # gradients of fp32 do not overflow
            head = next(parameter for name, parameter in model.named_parameters() if name == "classifier.bias")
            head.register_hook(lambda gradient: gradient * (math.inf if scaler.get_scale() > scale / 8 else 1.0))
        return plain(self, model, *others)

    accelerate.Accelerator.prepare = prepare_scaled  # type: ignore[method-assign]
    try:
        yield
    finally:
        accelerate.Accelerator.prepare = plain  # type: ignore[method-assign]


# ---- time


def time_training(
    connection: Connection, *, run: TrialRun, size: Size, system: str, folder: Path, deterministic: bool = False
) -> None:
    """Send how many useful tokens a second a training takes, from its first warm step to the last that is timed.

    Args:
        connection: Takes a dictionary.
        run: What is trained.
        size: Says which steps are timed.
        system: `ours`, or `trainer` for `transformers.Trainer` with the same model, batches and precision.
        folder: Where Trainer may write.
        deterministic: Whether torch computes the same bits each time.
    """
    torch.use_deterministic_algorithms(deterministic)
    times: list[float] = []
    done = [0]

    def see(*_: Any) -> None:
        done[0] += 1
        if done[0] in (size.warm, size.timed):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times.append(time.perf_counter())

    hook = register_optimizer_step_post_hook(see)
    try:
        losses = {"ours": _train_ours, "trainer": _train_theirs}[system](run, size, folder)
    finally:
        hook.remove()
    data = EncodedData.open(run.data, get_task(run.task).examples)  # type: ignore[arg-type]
    order = training_batches(len(data.train), run.hyperparameters.batch_size, run.seed, first=size.warm)
    tokens = sum(int(data.train.lengths[batch].sum()) for batch in islice(order, size.timed - size.warm))
    seconds = times[1] - times[0]
    connection.send(Returned(value={"tokens_s": tokens / seconds, "seconds": seconds, "loss": losses}))


def _train_ours(run: TrialRun, size: Size, _: Path) -> float:
    evaluations: list[Evaluation] = []
    result = run_trial(run, train_loop, lambda evaluation: not evaluations.append(evaluation))  # type: ignore[func-returns-value]
    assert result.state == "complete", result.reason
    assert evaluations[-1].optimiser_steps == size.timed
    return evaluations[-1].train_loss


def _train_theirs(run: TrialRun, size: Size, folder: Path) -> float:
    from datasets import load_from_disk

    assert run.model is not None
    hp = run.hyperparameters
    task = get_task(run.task)
    data = EncodedData.open(run.data, task.examples)  # type: ignore[arg-type]
    batches = [
        batch.tolist() for batch in islice(training_batches(len(data.train), hp.batch_size, run.seed), size.timed)
    ]

    class InOurOrder(transformers.Trainer):
        """Trainer, given our batches in our order."""

        def get_train_dataloader(self) -> Any:
            rows: Any = self.train_dataset
            return torch.utils.data.DataLoader(rows, batch_sampler=batches, collate_fn=self.data_collator)

    model: Any = build_model(task.blueprint(run.model, data.labels, run.seed), dropout=hp.dropout)
    chosen = mixed_precision(run.precision)
    trainer = InOurOrder(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=str(folder),
            max_steps=size.timed,
            learning_rate=hp.learning_rate,
            weight_decay=hp.weight_decay,
            lr_scheduler_type=hp.lr_scheduler_type,
            seed=run.seed,
            bf16=chosen == "bf16",
            fp16=chosen == "fp16",
            use_cpu=not torch.cuda.is_available(),
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=load_from_disk(str(run.data / "train")).remove_columns("length"),  # type: ignore[operator]
        data_collator=transformers.DataCollatorWithPadding(task.processor(run.model)),
    )
    return float(trainer.train().training_loss)

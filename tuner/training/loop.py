"""The training loop of one trial: a generator of evaluations. To prune a trial, stop iterating."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from accelerate import Accelerator
from torch.nn.functional import cross_entropy

from tuner.errors import Diverged
from tuner.machine.memory import is_out_of_memory
from tuner.training.data import batches
from tuner.training.data.encoded import EncodedData
from tuner.training.effective import effective_configuration
from tuner.training.evaluation import evaluate
from tuner.training.model.freezing import Freezing, possible_depths, thaw_plan
from tuner.training.model.layers import map_layers
from tuner.training.model.loading import build_model
from tuner.training.model.weights import save_weights, trained_state
from tuner.training.optimisation.clipping import MAX_GRAD_NORM
from tuner.training.optimisation.parameter_groups import parameter_groups
from tuner.training.optimisation.schedules import make_schedule, warmup_steps
from tuner.training.out_of_memory import free_memory, rewinder
from tuner.training.precision import device_kind, mixed_precision
from tuner.training.tasks import get_task
from tuner.training.training_state import Progress, TrainingState, random_state
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.evaluation import TENTHS, Evaluation, is_better
from tuner.trial.run import TrialRun

if TYPE_CHECKING:
    pass

#: Examples per forward pass of training, at most.
MICRO_BATCH = 64
EVALUATION_FACTOR = 8
#: In what states of frozen layers are kept, by precision.
_KEPT = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def train(run: TrialRun) -> Iterator[Evaluation]:  # noqa: C901 (one story, told in order)
    """Train one trial, from its beginning or from where an earlier attempt has saved it.

    Args:
        run: What to train with. `run.record` is called with the effective configuration, again where a smaller
            micro-batch has to do, and `run.saver` is asked after each step whether to save.

    Yields:
        The evaluations, in order of their steps; after `run.restored`, those that were not made yet.

    Where memory runs out, the step is done again with half of its examples at a time: the same examples, the same
    optimiser steps, and random numbers from where they were. An error that says so is raised where one example at a
    time does not fit, or where it was not the examples that took the memory.

    Raises:
        Diverged: Loss or gradient is no finite number.
        ModelError: The model cannot be built as asked, or what was saved is not of this trial.
    """
    saved = None if run.restored is None else TrainingState.read(run.restored)
    if saved is not None and saved.device == device_kind():
        run = replace(run, threads=run.threads or saved.threads, micro_batch=run.micro_batch or saved.micro_batch)
    assert run.model is not None
    assert run.data is not None
    hp = run.hyperparameters
    if run.threads is not None:
        torch.set_num_threads(run.threads)

    # ---- data
    task = get_task(run.task)
    data = EncodedData.open(run.data, task.examples)
    rows = len(data.train) if run.max_rows is None else min(run.max_rows, len(data.train))

    # ---- model: the seed decides the head's initial weights, then dropout
    random.seed(run.seed)
    np.random.seed(run.seed)  # some architectures draw from these two while they train
    model = build_model(task, run.model, labels=data.labels, dropout=hp.dropout, seed=run.seed)
    layer_map = map_layers(model)

    # ---- plan: everything that happens at a step is known before the first one
    per_epoch = batches.steps_per_epoch(rows, hp.batch_size)
    total = batches.total_steps(rows, hp.batch_size, hp.num_train_epochs)
    plan = thaw_plan(
        hp.frozen_layers, layers=len(layer_map.layers), epochs=hp.num_train_epochs, steps_per_epoch=per_epoch
    )
    freezing = Freezing(model, layer_map, plan)
    count = run.evaluations
    if not isinstance(count, int):
        count = batches.choose_evaluations(
            train_tokens=data.train_tokens,
            validation_tokens=data.validation_tokens,
            epochs=hp.num_train_epochs,
            trained_share=1 - freezing.least_frozen / len(layer_map.layers),
        )
    evaluate_after = batches.evaluation_steps(total, count)
    last = total
    if run.max_steps is not None:
        last = min(total, run.max_steps)
        evaluate_after = {last: TENTHS}

    # ---- optimiser and schedule
    groups = parameter_groups(model, layer_map, hp, frozen_layers=freezing.least_frozen)
    # The rate is given again as the default: schedules with a floor (polynomial, cosine_with_min_lr) divide by it.
    optimizer = torch.optim.AdamW(groups, lr=hp.learning_rate, fused=True)
    warmup = 0 if hp.lr_scheduler_type == "constant" else warmup_steps(hp.warmup_ratio, total)
    schedule = make_schedule(
        optimizer, hp.lr_scheduler_type, warmup=warmup, total=total, arguments=run.lr_scheduler_kwargs
    )
    accelerator = Accelerator(mixed_precision=mixed_precision(run.precision), cpu=not torch.cuda.is_available())
    model, optimizer = accelerator.prepare(model, optimizer)
    freezing.begin_step(0)
    passes = ForwardPasses(
        model,
        layer_map,
        data,
        accelerator.device,
        depths=plan.values(),
        speed=run.speed,
        kept=_KEPT[mixed_precision(run.precision)],
    )
    passes.take_states(
        run.trunk if run.speed.trunk_cache and run.max_steps is None else None,
        {"data": run.data.name},
        possible_depths(run.trunk.shares if run.trunk else (), layers=len(layer_map.layers)),
        cached=None if saved is None else saved.cached,
    )
    micro_batch = MICRO_BATCH if run.micro_batch is None else run.micro_batch
    effective = effective_configuration(
        run,
        model,
        freezing,
        passes,
        optimizer.param_groups,
        plan=plan,
        total=total,
        warmup=warmup,
        evaluate_after=evaluate_after,
        micro_batch=micro_batch,
    )
    run.record(effective)

    # ---- go on from where an earlier attempt was
    trial = {"seed": run.seed, "rows": rows, "batch_size": hp.batch_size, "optimiser_steps": total}
    at = Progress()
    if saved is not None:
        at = saved.restore(
            trial=trial,
            model=accelerator.unwrap_model(model),
            layer_map=layer_map,
            frozen_layers=freezing.least_frozen,
            optimizer=optimizer,
            schedule=schedule,
            scaler=accelerator.scaler,
        )
        saved = None  # or its weights would be held for as long as the trial runs

    def weights() -> dict[str, torch.Tensor]:
        return trained_state(accelerator.unwrap_model(model), layer_map, frozen_layers=freezing.least_frozen)

    def write(folder: Path) -> None:
        TrainingState(
            weights=weights(),
            optimizer=optimizer.state_dict(),
            schedule=schedule.state_dict(),
            scaler=None if accelerator.scaler is None else accelerator.scaler.state_dict(),
            progress=at,
            trial=trial,
            device=device_kind(),
            threads=torch.get_num_threads(),
            micro_batch=micro_batch,
            cached=passes.cached,
            random=random_state(),
        ).write(folder)

    # ---- train
    trained = [parameter for group in groups for parameter in group["params"]]
    order = batches.training_batches(rows, hp.batch_size, run.seed, first=at.step)
    while at.step < last or at.evaluation_due:
        # ---- step
        if not at.evaluation_due:
            freezing.begin_step(at.step)
            passes.depth = freezing.frozen_layers
            batch = next(order)
            rewind = rewinder()
            while True:
                parts = passes.parts("train", batch, micro_batch)
                largest = max(map(len, parts))
                try:
                    loss = _accumulate(accelerator, passes, parts, examples=len(batch))
                    break
                except Exception as error:
                    if not is_out_of_memory(error) or largest == 1:
                        raise
                # ---- again with half, once the error is gone, which holds what did not fit
                micro_batch = largest // 2
                optimizer.zero_grad()
                free_memory()
                rewind()
                effective = {**effective, "micro_batch": micro_batch}
                run.record(effective)
            norm = accelerator.clip_grad_norm_(trained, MAX_GRAD_NORM)
            # With fp16 a norm that is not finite is the scaler's to handle: it skips the step and lowers its scale.
            if not (math.isfinite(loss) and (accelerator.scaler is not None or torch.isfinite(norm))):
                raise Diverged(
                    f"loss {loss:g}, gradient norm {float(norm):g} at optimiser step {at.step + 1} of {total}"
                )
            # The fastest group: with layerwise_lr_decay near 0 the rate of the lowest is 0.
            fastest = max(optimizer.param_groups, key=lambda group: group["initial_lr"])
            at.learning_rate = hp.learning_rate * (fastest["lr"] / fastest["initial_lr"])
            optimizer.step()
            if not accelerator.optimizer_step_was_skipped:
                schedule.step()
            optimizer.zero_grad()
            at.step += 1
            at.losses += loss * len(batch)
            at.examples += len(batch)
            at.evaluation_due = at.step in evaluate_after

        # ---- evaluate, unless the trial is about to be moved: the evaluation is then made where it goes on
        found = None
        while at.evaluation_due:
            size = min(at.evaluation_batch, EVALUATION_FACTOR * micro_batch)
            try:
                found = evaluate(model, passes, run, size=size)
                break
            except Exception as error:
                if not is_out_of_memory(error) or size == 1:
                    raise
            at.evaluation_batch = size // 2
            free_memory()
        if found is not None:
            value, validation_loss = found
            if not math.isfinite(value) and run.max_steps is None:
                raise Diverged(f"{run.metric} is {value:g} at optimiser step {at.step} of {total}")
            evaluation = Evaluation(
                step=evaluate_after[at.step],
                value=value,
                epoch=at.step / per_epoch,
                optimiser_steps=at.step,
                train_loss=at.losses / at.examples,
                validation_loss=validation_loss,
                learning_rate=at.learning_rate,
            )
            at.evaluation_due, at.losses, at.examples = False, 0.0, 0
            at.since_best += 1
            if is_better(value, at.best, run.direction):
                at.best, at.since_best = value, 0
                run.saver.keep(evaluation, partial(save_weights, weights()))
            yield evaluation
            freezing.set_training_mode()
            if run.patience is not None and at.since_best >= run.patience:
                break

        # ---- save, where there is anything left to go on with
        if (at.step < last or at.evaluation_due) and run.saver.wanted():
            run.saver.save(at.step, write)


def _accumulate(
    accelerator: Accelerator, passes: ForwardPasses, parts: Iterable[batches.Indices], *, examples: int
) -> float:
    """Sum the gradients of a batch, part by part; return its mean loss over so many examples."""
    shares = []
    for part in parts:
        logits, labels = passes.logits("train", part), passes.labels("train", part)
        share = cross_entropy(logits.float(), labels, reduction="sum") / examples
        accelerator.backward(share)
        shares.append(share.detach())
    # Asked for at the end: a GPU would have to be waited for at each part.
    return sum(share.item() for share in shares)

"""The training loop of one trial: a generator of evaluations. To prune a trial, stop iterating."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import Accelerator

from search_spaces import FITTED
from tuner.errors import Diverged, ModelError
from tuner.training.accumulation import Accumulation
from tuner.training.data.batches import training_batches
from tuner.training.data.encoded import EncodedData
from tuner.training.effective import effective_configuration
from tuner.training.evaluation import evaluate_within_memory
from tuner.training.model.checkpointing import Checkpointing
from tuner.training.model.freezing import Freezing, possible_depths
from tuner.training.model.trial_model import begin_model
from tuner.training.model.weights import restore_weights, save_weights
from tuner.training.optimisation.clipping import MAX_GRAD_NORM
from tuner.training.optimisation.parameter_groups import parameter_groups
from tuner.training.optimisation.schedules import make_schedule
from tuner.training.plan import make_plan
from tuner.training.precision import device_kind, forbid_tf32, mixed_precision
from tuner.training.tasks import get_task
from tuner.training.training_state import LiveTraining, Progress, TrainingState
from tuner.training.trunk.forward import ForwardPasses
from tuner.trial.evaluation import Evaluation, is_better
from tuner.trial.run import TrialRun

if TYPE_CHECKING:
    from tuner.training.evaluation import Scores
    from tuner.training.plan import Plan

#: Examples per forward pass of training, at most.
MICRO_BATCH = 64
#: Type in which the hidden states of frozen layers are kept, by precision.
_STATE_TYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def train(run: TrialRun) -> Iterator[Evaluation]:  # noqa: C901 (one story, told in order)
    """Train one trial, from its beginning or from the optimiser step after which an earlier attempt was saved.

    Args:
        run: The trial. `run.record` is called with the effective configuration, and again each time that a smaller
            micro-batch is needed. `run.saver` is asked after each optimiser step whether to save.

    Yields:
        The evaluations, in order of their steps; after `run.restored`, those that were not made yet.

    Where memory runs out, the optimiser step is repeated with half of the examples per forward pass, and at last with
    gradient checkpointing: the same examples, the same optimiser steps, and random numbers from the same point. An
    error that says that memory ran out is raised where a single example does not fit, or where something else than the
    examples took the memory.

    Raises:
        Diverged: Loss or gradient is no finite number.
        ModelError: The model cannot be built as asked, or the checkpoint is not of this trial.
    """
    saved = None if run.restored is None else TrainingState.read(run.restored)
    if saved is not None and saved.device == device_kind():
        run = replace(run, threads=run.threads or saved.threads, micro_batch=run.micro_batch or saved.micro_batch)
    assert run.model is not None
    assert run.data is not None
    assert run.anatomy is not None
    anatomy = run.anatomy
    hp = run.hyperparameters
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    forbid_tf32()

    # ---- data
    task = get_task(run.task)
    data = EncodedData.open(run.data, task.examples, anatomy.padding, joined=run.joins_validation)

    # ---- model: the seed decides the initial weights of head and adapters, then dropout
    random.seed(run.seed)
    np.random.seed(run.seed)  # some architectures draw from these two while they train
    model = begin_model(run, task.blueprint(run.model, data.labels, run.seed, anatomy.padding))
    head = run.head if hp.head_init == FITTED else None
    if head is not None:
        restore_weights(model, head.folder)
    elif hp.head_init == FITTED and run.max_steps is None:
        raise ModelError("", "search_space.head_init", "there is no fitted head to begin with")

    # ---- plan
    plan = make_plan(run, data, layers=anatomy.count)
    freezing = Freezing(model, anatomy, plan.thawing)

    # ---- optimiser and schedule
    groups = parameter_groups(model, anatomy, hp, frozen_layers=freezing.least_frozen)
    # The rate is given again as the default: schedules with a floor (polynomial, cosine_with_min_lr) divide by it.
    optimizer = torch.optim.AdamW(groups, lr=hp.learning_rate, fused=True)
    schedule = make_schedule(
        optimizer, hp.lr_scheduler_type, warmup=plan.warmup, total=plan.total, arguments=run.lr_scheduler_kwargs
    )
    accelerator = Accelerator(mixed_precision=mixed_precision(run.precision), cpu=not torch.cuda.is_available())
    model, optimizer = accelerator.prepare(model, optimizer)

    # ---- forward passes, with hidden states of frozen layers from the cheapest place
    freezing.begin_optimiser_step(0)
    passes = ForwardPasses(
        model,
        anatomy,
        data,
        accelerator.device,
        depths=plan.thawing.values(),
        speed=run.speed,
        kept=_STATE_TYPES[mixed_precision(run.precision)],
    )
    passes.take_states(
        run.trunk if run.speed.trunk_cache and run.max_steps is None else None,
        {"data": run.data.name, **({"joined": True} if run.joins_validation else {})},
        possible_depths(run.trunk.shares if run.trunk else (), layers=anatomy.count),
        cached=None if saved is None else saved.cached,
    )
    micro_batch = MICRO_BATCH if run.micro_batch is None else run.micro_batch
    checkpointing = Checkpointing(accelerator.unwrap_model(model), passes.contexts)
    if run.gradient_checkpointing and checkpointing.is_possible:
        checkpointing.begin()
    effective = effective_configuration(
        run, plan, model, freezing, optimizer.param_groups, passes, micro_batch=micro_batch
    )
    run.record({**effective, **checkpointing.recorded()})
    accumulation = Accumulation(
        task=task,
        passes=passes,
        accelerator=accelerator,
        optimizer=optimizer,
        micro_batch=micro_batch,
        checkpointing=checkpointing,
        halved=lambda smaller: run.record({**effective, "micro_batch": smaller, **checkpointing.recorded()}),
    )

    # ---- go on from the checkpoint of an earlier attempt
    facts = {"seed": run.seed, "rows": plan.rows, "batch_size": hp.batch_size, "optimiser_steps": plan.total}
    live = LiveTraining(
        trial=facts if head is None else {**facts, "head": head.key},
        model=accelerator.unwrap_model(model),
        anatomy=anatomy,
        frozen_layers=freezing.least_frozen,
        optimizer=optimizer,
        schedule=schedule,
        scaler=accelerator.scaler,
    )
    progress = Progress()
    if saved is not None:
        progress = saved.restore(live)
        saved = None  # its weights would stay in memory for as long as the trial runs

    def write_checkpoint(folder: Path) -> None:
        live.state(
            progress,
            device=device_kind(),
            threads=torch.get_num_threads(),
            micro_batch=accumulation.micro_batch,
            cached=passes.cached,
        ).write(folder)

    trained = [parameter for group in groups for parameter in group["params"]]
    order = training_batches(plan.rows, hp.batch_size, run.seed, first=progress.optimiser_steps)
    while progress.optimiser_steps < plan.last or progress.evaluation_due:
        # ---- train: one optimiser step
        if not progress.evaluation_due:
            freezing.begin_optimiser_step(progress.optimiser_steps)
            passes.depth = freezing.frozen_layers
            batch = next(order)
            loss = accumulation.mean_loss(batch)
            norm = accelerator.clip_grad_norm_(trained, MAX_GRAD_NORM)
            # With fp16 the scaler handles a norm that is not finite: it skips the step and lowers its scale.
            if not (math.isfinite(loss) and (accelerator.scaler is not None or torch.isfinite(norm))):
                raise Diverged(
                    f"loss {loss:g}, gradient norm {float(norm):g} at optimiser step {progress.optimiser_steps + 1} "
                    f"of {plan.total}"
                )
            progress.learning_rate = _encoder_rate(hp.learning_rate, optimizer)
            # A fused optimiser skips by itself a step whose gradients have overflowed, and accelerate does not notice.
            is_skipped = accelerator.scaler is not None and not bool(torch.isfinite(norm))
            optimizer.step()
            if not is_skipped:
                schedule.step()
            optimizer.zero_grad()
            terms = passes.loss_terms("train", batch)
            progress.optimiser_steps += 1
            progress.losses += loss * terms
            progress.loss_terms += terms
            progress.evaluation_due = progress.optimiser_steps in plan.evaluate_after

        # ---- evaluate; where the trial is about to be moved, the evaluation is made on the machine that it moves to
        scores = None
        if progress.evaluation_due:
            scores = evaluate_within_memory(
                task, model, passes, run, progress=progress, micro_batch=accumulation.micro_batch
            )
        if scores is not None:
            evaluation = _evaluation(run, plan, progress, scores)
            if is_better(evaluation.value, progress.best, run.direction):
                progress.best, progress.since_best = evaluation.value, 0
                run.saver.keep(evaluation, partial(save_weights, live.weights()))
            yield evaluation
            freezing.set_training_mode()
            if run.patience is not None and progress.since_best >= run.patience:
                break

        # ---- save, if the trial goes on
        if (progress.optimiser_steps < plan.last or progress.evaluation_due) and run.saver.wanted():
            run.saver.save(progress.optimiser_steps, write_checkpoint)


def _encoder_rate(learning_rate: float, optimizer: Any) -> float:
    """Return the learning rate that the encoder's last layer has now."""
    # The schedule's factor is read from the fastest group: with layerwise_lr_decay near 0 the lowest group's rate is 0.
    fastest = max(optimizer.param_groups, key=lambda group: group["initial_lr"])
    return learning_rate * (fastest["lr"] / fastest["initial_lr"])


def _evaluation(run: TrialRun, plan: Plan, progress: Progress, scores: Scores) -> Evaluation:
    """Return the evaluation of metric and mean loss, and start the next one's counters.

    Raises:
        Diverged: The metric is no finite number.
    """
    if not math.isfinite(scores.value) and run.max_steps is None:
        raise Diverged(f"{run.metric} is {scores.value:g} at optimiser step {progress.optimiser_steps} of {plan.total}")
    evaluation = Evaluation(
        step=plan.evaluate_after[progress.optimiser_steps],
        value=scores.value,
        epoch=progress.optimiser_steps / plan.per_epoch,
        optimiser_steps=progress.optimiser_steps,
        train_loss=progress.losses / progress.loss_terms,
        validation_loss=scores.loss,
        learning_rate=progress.learning_rate,
        rows=scores.rows,
        metrics=scores.metrics,
    )
    progress.evaluation_due, progress.losses, progress.loss_terms = False, 0.0, 0
    progress.since_best += 1
    return evaluation

"""The product, driven through its own functions: preparation and trials of one checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiny_models import BAD, GOOD, PLAIN

from architectures.watching import Training, watch
from search_spaces import Hyperparameters
from tuner.study.data_config import DataConfig
from tuner.study.prepared import PreparationRequest, Prepared
from tuner.training.loop import train
from tuner.training.preparation import prepare
from tuner.trial.evaluation import Evaluation
from tuner.trial.looks import LOOKS
from tuner.trial.run import ModelSource, Speed, TrialRun, TrunkHome

if TYPE_CHECKING:
    from architectures.catalogue import Architecture

#: Two optimiser steps, and an evaluation.
_SIZES: dict[str, int | float | str] = {"train": 16, "validation": 8}
_BATCH = 8
#: Names of the classes.
_LABELS = ("bad", "good")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial that was trained."""

    evaluations: list[Evaluation]
    effective: Mapping[str, Any]
    training: Training

    @property
    def losses(self) -> list[tuple[float, float]]:
        """The mean losses of training and validation at each evaluation."""
        return [(each.train_loss, each.validation_loss) for each in self.evaluations]


def write_texts(path: Path) -> Path:
    """Write a csv of texts of 3 to 24 words in two classes."""
    words = [*PLAIN, *GOOD, *BAD]
    rows = ["text,label"]
    for number in range(24):
        length = 3 + (number * 7) % 22
        text = [words[(number * 5 + place * 3) % len(words)] for place in range(length)]
        rows.append(f"{' '.join(text)},{_LABELS[number % 2]}")
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def write_pictures(folder: Path) -> Path:
    """Write pictures in two classes, a folder for each."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(5)
    for number in range(24):
        home = folder / "train" / _LABELS[number % 2]
        home.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 256, size=(16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / f"{number}.png")
    return folder


def prepared(architecture: Architecture, checkpoint: Path, source: Path, cache: Path) -> Prepared:
    """Prepare a study of one checkpoint.

    Args:
        architecture: The checkpoint's architecture.
        checkpoint: Its folder.
        source: The data.
        cache: Takes encoded data.

    Raises:
        ModelError: The study is refused.
    """
    return prepare(
        PreparationRequest(
            task=architecture.task,
            model=ModelSource(location=str(checkpoint)),
            data=DataConfig(source=str(source), splits=_SIZES),
            source=str(source),
            max_length=32,
            seed=0,
            metric="accuracy",
            cache=cache,
        )
    )


def trial_run(
    architecture: Architecture, checkpoint: Path, found: Prepared, *, frozen: float, dropout: float | None
) -> TrialRun:
    """Return a trial of two optimiser steps that caches no hidden states."""
    return TrialRun(
        number=0,
        hyperparameters=Hyperparameters(
            learning_rate=1e-3,
            batch_size=_BATCH,
            num_train_epochs=1.0,
            dropout=dropout,
            weight_decay=0.01,
            lr_scheduler_type="linear",
            frozen_layers=frozen,
        ),
        task=architecture.task,
        model=ModelSource(location=str(checkpoint)),
        data=found.folder,
        anatomy=found.anatomy,
        metric="accuracy",
        direction="maximize",
        seed=3,
        looks=LOOKS[1],
        threads=1,
        micro_batch=64,
        speed=Speed(trunk_cache=False),
    )


def with_trunk_cache(run: TrialRun, found: Prepared, cache: Path) -> TrialRun:
    """Return the same trial, which takes the frozen layers' hidden states from a cache."""
    shares = (run.hyperparameters.frozen_layers,)
    return replace(run, speed=Speed(), trunk=TrunkHome(folder=cache, weights=found.weights, shares=shares))


def carry_out(run: TrialRun) -> Trial:
    """Train a trial under watch."""
    recorded: list[Mapping[str, Any]] = []
    with watch() as training:
        evaluations = [*train(replace(run, record=recorded.append))]
    return Trial(evaluations=evaluations, effective=recorded[0], training=training)

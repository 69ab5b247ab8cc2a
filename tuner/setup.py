"""Setting up: from a study file to everything that its trials need, with every mistake found on the way."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from search_spaces import Float, Recipe, SearchSpace, build_space, load_space, recipe_for
from storage import CheckpointStore, checkpoints_folder
from tuner.errors import ConfigError, StudyChanged
from tuner.run import ModelSource, TrialRun
from tuner.sources import find_data, find_model, read_model_config
from tuner.training.schedules import complaint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from search_spaces import Hyperparameters
    from tuner.config import StudyConfig
    from tuner.trainers import WarmParent
    from tuner.training.preparation import Prepared

#: What `check` trains each corner with.
SMOKE_ROWS = 16
SMOKE_STEPS = 2


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A study as this machine can run it."""

    config: StudyConfig
    model: ModelSource
    recipe: Recipe
    space: SearchSpace
    #: What preparation found; it needed torch.
    prepared: Prepared

    def facts(self) -> dict[str, Any]:
        """Return what every later run of the study must share, as JSON values."""
        return {
            "family": self.recipe.family,
            "recipe": dict(self.recipe.defaults),
            "space": self.space.to_dict(),
            "data": self.prepared.fingerprint,
            "sizes": dict(self.prepared.sizes),
            "labels": list(self.prepared.labels),
            "layers": self.prepared.layers,
        }

    def first_point(self) -> dict[str, Any]:
        """Return the published recipe, clipped into the space: the values of trial 0."""
        return self.space.clip(self.recipe.defaults)

    def run(self, number: int, hyperparameters: Hyperparameters, **more: Any) -> TrialRun:
        """Return what a trial trains with."""
        config = self.config
        return TrialRun(
            number=number,
            hyperparameters=hyperparameters,
            task=config.task,
            model=self.model,
            data=self.prepared.folder,
            metric=config.metric.name,
            direction=config.metric.direction,
            seed=config.seed,
            lr_scheduler_kwargs=config.lr_scheduler_kwargs.get(hyperparameters.lr_scheduler_type, {}),
            patience=config.early_stopping.patience if config.early_stopping else None,
            evaluations=config.evaluations,
            **{"precision": config.precision, **more},
        )


def cache_folder() -> Path:
    """Return the folder for encoded data: `TUNER_CACHE`, or the platform's own for caches."""
    return Path(os.environ.get("TUNER_CACHE") or platformdirs.user_cache_dir("shichimi")).absolute()


def checkpoint_store(config: StudyConfig, database: Path) -> CheckpointStore:
    """Return the store of a study's kept weights; without a word from the user, beside the database."""
    if config.checkpoints is not None:
        return CheckpointStore(checkpoints_folder(config.checkpoints) / config.name)
    return CheckpointStore(database.with_name(f"{database.stem}-checkpoints") / config.name)


def resolve(
    config: StudyConfig, *, source: str, stored: Mapping[str, Any] | None = None
) -> tuple[ModelSource, Recipe, SearchSpace]:
    """Find model, recipe and space: the mistakes that can be found before torch is loaded.

    Args:
        config: The study.
        source: What to call it in errors.
        stored: The space of a study that exists, which a newer table of recipes must not change.

    Raises:
        ConfigError: The model is not there, or a schedule lacks its arguments.
        InvalidSpace: The space cannot be used.
    """
    try:
        find_data(config.data.source)
        model = find_model(config.model, config.revision)
        described = read_model_config(model)
    except ConfigError as error:
        raise type(error)(source, error.key, error.reason) from error
    recipe = recipe_for(str(described["model_type"]), config.model, described.get("hidden_size"))
    where = f"{source}: search_space"
    if stored is not None:
        space = build_space(stored, recipe=recipe, source=where)
    else:
        written = config.search_space if config.search_space is not None else {}
        space = load_space(written, preset=config.task, recipe=recipe, folder=Path(), source=where)
    _check_schedules(config, space, source)
    _check_effects(space, source)
    return model, recipe, space


def set_up(config: StudyConfig, warm: WarmParent, *, source: str, stored: Mapping[str, Any] | None = None) -> Setup:
    """Prepare everything that a study's trials need on this machine.

    Args:
        config: The study.
        warm: Runs what needs torch.
        source: What to call the study in errors.
        stored: The facts of a study that exists.

    Raises:
        ConfigError: Something is not as the study file says.
        StudyChanged: The data are not those that the study was created with.
    """
    model, recipe, space = resolve(config, source=source, stored=stored["space"] if stored else None)
    try:
        prepared: Prepared = warm.call(
            "tuner.training.jobs:prepare_job",
            {
                "task": config.task,
                "model": model,
                "data": config.data,
                "source": find_data(config.data.source),
                "max_length": config.max_length,
                "seed": config.seed,
                "searches_dropout": any(value != 0 for value in space.parameters["dropout"].extremes()),
                "metric": config.metric.name,
                "cache": cache_folder(),
            },
            {"CUDA_VISIBLE_DEVICES": ""},
        )
    except ConfigError as error:
        raise type(error)(source, error.key, error.reason) from error
    if stored and stored["data"] != prepared.fingerprint:
        raise StudyChanged(
            source, "data", "these are not the data, or not the tokenizer, that the study was created with"
        )
    return Setup(config=config, model=model, recipe=recipe, space=space, prepared=prepared)


def _check_schedules(config: StudyConfig, space: SearchSpace, source: str) -> None:
    parameter = space.parameters["lr_scheduler_type"]
    if isinstance(parameter, Float):  # unreachable: the space refuses numbers here
        return
    for name in parameter.extremes():
        if reason := complaint(str(name), config.lr_scheduler_kwargs.get(str(name), {})):
            raise ConfigError(source, "search_space.lr_scheduler_type", reason)
    for name in config.lr_scheduler_kwargs:
        if name not in parameter.extremes():
            raise ConfigError(source, f"lr_scheduler_kwargs.{name}", "is no schedule of the search space")


def _check_effects(space: SearchSpace, source: str) -> None:
    """Refuse what would be drawn and reported where it changes nothing."""
    for name, parent, idle, why in (
        ("warmup_ratio", "lr_scheduler_type", "constant", "has no warm-up"),
        ("layerwise_lr_decay", "frozen_layers", 1.0, "trains no layer"),
    ):
        if name not in space.parameters or len(space.parameters[name].extremes()) < 2:
            continue
        choices = space.parameters[parent].extremes()
        if idle in choices and idle in space.conditions.get(name, {}).get(parent, choices):
            others = [choice for choice in choices if choice != idle]
            raise ConfigError(
                source,
                f"search_space.{name}",
                f"changes nothing where {parent} is {idle!r}, which {why}; add when: {{{parent}: {others}}}",
            )

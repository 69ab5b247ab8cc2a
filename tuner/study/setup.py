"""Setting up: from a study file to everything that its trials need, with every mistake found on the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import Float, Recipe, SearchSpace, build_space, load_space, recipe_for
from search_spaces.schedules import complaint
from tuner.errors import ConfigError, StudyChanged, TunerError
from tuner.study.fingerprints import content_of, differences
from tuner.study.local import LocalStudy
from tuner.study.locations import cache_folder, trunk_limit
from tuner.study.prepared import PreparationRequest
from tuner.study.sources import find_data, find_model, read_model_config
from tuner.study.tasks import declaration_of
from tuner.trial.run import ModelSource

if TYPE_CHECKING:
    from tuner.processes.trainers import ForkServer
    from tuner.study.config import StudyConfig
    from tuner.study.prepared import Prepared

#: What `check` trains each corner with.
SMOKE_ROWS = 16
SMOKE_STEPS = 2
#: Bytes below which a disk on which data cannot be written counts as full.
_ROOM = 1 << 20


def resolve(
    config: StudyConfig, *, source: str, stored: Mapping[str, Any] | None = None
) -> tuple[ModelSource | None, Recipe, SearchSpace]:
    """Find model, recipe and space: the mistakes that can be found before torch is loaded.

    Args:
        config: The study.
        source: What to call it in errors.
        stored: The space of a study that exists, which a newer table of recipes must not change.

    Raises:
        ConfigError: The model is not there, or a schedule lacks its arguments.
        InvalidSpace: The space cannot be used.
    """
    described: Mapping[str, Any] = {}
    try:
        if config.data is not None:
            find_data(config.data.source)
        model = (
            None
            if config.model is None
            else find_model(config.model, config.revision, trust_remote_code=config.trust_remote_code)
        )
        if model is not None and config.train is None:
            described = read_model_config(model)
    except ConfigError as error:
        raise type(error)(source, error.key, error.reason) from error
    recipe = recipe_for(str(described.get("model_type", "")), config.model or "", described.get("hidden_size"))
    where = f"{source}: search_space"
    if stored is not None:
        space = build_space(stored, recipe=recipe, source=where)
    else:
        written = config.search_space if config.search_space is not None else {}
        space = load_space(
            written, preset=declaration_of(config.task).preset, recipe=recipe, folder=Path(), source=where
        )
    _check_schedules(config, space, source)
    _check_effects(space, source)
    return model, recipe, space


def set_up(
    config: StudyConfig,
    fork_server: ForkServer,
    *,
    source: str,
    stored: Mapping[str, Any] | None = None,
    folders: tuple[str, ...] = (),
    any_versions: bool = False,
) -> LocalStudy:
    """Prepare everything that a study's trials need on this machine.

    Args:
        config: The study.
        fork_server: Runs what needs torch.
        source: What to call the study in errors.
        stored: The facts of a study that exists.
        folders: Where modules of the user's may be.
        any_versions: Whether libraries may differ from those that the study was created with.

    Raises:
        ConfigError: Something is not as the study file says.
        StudyChanged: Data, weights, tokenizer or libraries are not those that the study was created with.
    """
    trunk_limit(os.environ)  # before anything costs time
    model, recipe, space = resolve(config, source=source, stored=stored["space"] if stored else None)
    if config.train is not None:
        _find_training(config.train, fork_server, source, folders)
    prepared = None if config.train is not None else _prepare(config, model, space, fork_server, source)
    data = None
    if prepared is not None:
        fingerprints = {
            "data": prepared.fingerprint,
            "tokenizer": prepared.tokenizer,
            "weights": prepared.weights,
            "versions": dict(prepared.versions),
        }
    else:
        data = Path(find_data(config.data.source)) if config.data is not None else None
        fingerprints = {
            name: found
            for name, found in (
                ("data", content_of(data)),
                ("weights", content_of(Path(model.location) if model else None)),
            )
            if found is not None
        }
    if stored:
        for key, reason in differences(stored, fingerprints, any_versions=any_versions):
            raise StudyChanged(source, key, reason)
    return LocalStudy(
        config=config,
        model=model,
        recipe=recipe,
        space=space,
        prepared=prepared,
        data=data,
        fingerprints=fingerprints,
        folders=folders,
    )


def _find_training(function: str, fork_server: ForkServer, source: str, folders: tuple[str, ...]) -> None:
    try:
        fork_server.call("tuner.processes.calls:check_training", {"function": function, "folders": folders})
    except ConfigError as error:
        raise type(error)(source, error.key, error.reason) from error


def _prepare(
    config: StudyConfig, model: ModelSource | None, space: SearchSpace, fork_server: ForkServer, source: str
) -> Prepared:
    assert config.data is not None
    assert model is not None
    try:
        prepared: Prepared = fork_server.call(
            "tuner.training.calls:prepare_data",
            {
                "request": PreparationRequest(
                    task=config.task,
                    model=model,
                    data=config.data,
                    source=find_data(config.data.source),
                    max_length=config.max_length,
                    seed=config.seed,
                    searches_dropout=any(value != 0 for value in space.parameters["dropout"].extremes()),
                    metric=config.metric.name,
                    cache=cache_folder(),
                )
            },
            {"CUDA_VISIBLE_DEVICES": ""},
        )
    except TunerError as error:
        if why := _closed(cache_folder(), error):
            raise TunerError(f"{why}, or have TUNER_CACHE name another folder") from error
        if isinstance(error, ConfigError):
            raise type(error)(source, error.key, error.reason) from error
        raise
    return prepared


def _closed(folder: Path, error: TunerError) -> str | None:
    """Return what keeps the cache from taking files, where that may be why a library has failed."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"the cache {folder} takes no files: let this user write there"
    said = str(error).lower()
    if any(word in said for word in ("no space left", "disk space", "os error 28")):
        return f"the disk of {folder} is full; make room there" if shutil.disk_usage(existing).free < _ROOM else None
    return None


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

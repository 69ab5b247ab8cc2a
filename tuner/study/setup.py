"""Setting a study up on this machine: finds model and data, builds the space, prepares the data, checks all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces import Recipe, SearchSpace, adapters_alone, build_space, load_space, recipe_for
from tuner.errors import ConfigError, StudyChanged, TunerError
from tuner.machine import disk
from tuner.processes.messages import Progressed
from tuner.study.arms import ArmKey, arms_of, with_both_heads
from tuner.study.config_mistakes import raise_mistakes
from tuner.study.confirmation import Plan
from tuner.study.fingerprints import content_of, differences
from tuner.study.fitted_space import FittedSpace, fit_space
from tuner.study.generate_config import is_function
from tuner.study.local import LocalStudy
from tuner.study.locations import cache_folder, trunk_limit
from tuner.study.looks import looks_of
from tuner.study.prepared import PreparationRequest
from tuner.study.recipe_changes import first_point_of
from tuner.study.refit import Refit
from tuner.study.search_over import check_bounds
from tuner.study.sources import find_data, find_model, read_model_config
from tuner.study.space_checks import (
    check_effects,
    check_four_bits,
    check_packages,
    check_ranked_alike,
    check_schedules,
)
from tuner.study.space_versions import earlier_spaces
from tuner.study.tasks import declaration_of
from tuner.trial.anatomy import Anatomy
from tuner.trial.run import ModelSource

if TYPE_CHECKING:
    from tuner.processes.trainers import ForkServer
    from tuner.study.config import StudyConfig
    from tuner.study.prepared import Prepared

#: Rows and optimiser steps with which `check` trains each corner of the space.
SMOKE_ROWS = 16
SMOKE_STEPS = 2
#: The first stage of setting up: the fork server imports torch and transformers, which takes seconds.
LOADING = Progressed(stage="loading libraries")


def resolve(
    config: StudyConfig,
    *,
    source: str,
    stored: Mapping[str, Any] | None = None,
    progress: Callable[[Progressed], None] = lambda _: None,
) -> tuple[ModelSource | None, Recipe, SearchSpace]:
    """Find the model, choose the recipe and build the space. This is cheap, and finds most errors in a study file.

    Args:
        config: The study.
        source: The study's name in errors.
        stored: The facts of a study that exists. Its space is taken from them, as a newer table of recipes could change
            it.
        progress: Receives the progress where a model is first to be made readable.

    Raises:
        ConfigError: The model is missing, or a schedule lacks its arguments.
        InvalidSpace: The space cannot be used.
    """
    model: ModelSource | None = None
    mistakes: list[ConfigError] = []
    try:
        if config.data is not None:
            find_data(config.data.source)
    except ConfigError as error:
        mistakes.append(type(error)(source, error.key, error.reason))
    described: Mapping[str, Any] = {}
    try:
        if config.model is not None:
            model = find_model(
                config.model, config.revision, trust_remote_code=config.trust_remote_code, progress=progress
            )
        if model is not None and config.train is None:
            described = read_model_config(model)
    except ConfigError as error:
        mistakes.append(type(error)(source, error.key, error.reason))
    raise_mistakes(mistakes, source)
    recipe = recipe_for(
        str(described.get("model_type", "")),
        config.model or "",
        described.get("hidden_size"),
        document=declaration_of(config.task).recipes,
    )
    where, is_own = f"{source}: search_space", config.train is not None
    if stored is not None:
        space = build_space(stored["space"], recipe=recipe, source=where, free=is_own)
    else:
        written = config.search_space if config.search_space is not None else {}
        preset = declaration_of(config.task).preset
        fixed = None if config.adapter is None else {"adapter": config.adapter}
        of_space = written.get("adapter") if isinstance(written, Mapping) else None
        if adapters_alone(config.adapter or of_space):
            recipe = recipe.with_adapters()
        space = load_space(written, preset=preset, recipe=recipe, folder=Path(), source=where, fixed=fixed, free=is_own)
    check_schedules(config, (*earlier_spaces(stored or {}), space), source)
    check_effects(space, source)
    if not is_own:
        check_packages(space, source)
    if config.load_in_4bit:
        check_four_bits(space, source)
        model = None if model is None else replace(model, load_in_4bit=True)
    return model, recipe, space


def set_up(
    config: StudyConfig,
    fork_server: ForkServer,
    *,
    source: str,
    stored: Mapping[str, Any] | None = None,
    folders: tuple[str, ...] = (),
    any_versions: bool = False,
    progress: Callable[[Progressed], None] = lambda _: None,
) -> LocalStudy:
    """Set a study up on this machine.

    Args:
        config: The study.
        fork_server: Starts the process that prepares the data.
        source: The study's name in errors.
        stored: The facts of a study that exists; they are compared with this machine.
        folders: Folders from which the user's modules can be imported.
        any_versions: Whether versions of libraries may differ from those that the study was created with.
        progress: Receives the progress of the slow parts.

    Raises:
        ConfigError: The model, the data or the space does not fit the study file.
        StudyChanged: Data, weights, tokenizer or libraries are not those that the study was created with.
    """
    progress(LOADING)
    trunk_limit(os.environ)  # an invalid limit is refused here, before the slow work
    model, recipe, space = resolve(config, source=source, stored=stored, progress=progress)
    imports: tuple[str, ...] = ()
    if config.train is not None:
        imports = _find_function("train", config.train, fork_server, source, folders)
    if config.generate is not None and is_function(config.metric.name):
        _find_function("metric", config.metric.name, fork_server, source, folders)
    prepared = None if config.train is not None else _prepare(config, model, fork_server, source, progress)
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
        found = fingerprints if prepared is None else {**fingerprints, **_rows(prepared)}
        for key, reason in differences(stored, found, any_versions=any_versions):
            raise StudyChanged(source, key, reason)
        prepared = None if prepared is None else _with_stored_anatomy(prepared, stored)
        fitted = FittedSpace(space=space)
        arms = tuple(ArmKey.from_list(each) for each in stored.get("arms", ()))
    else:
        fitted = _fitted(config, model, space, prepared, source)
        fitted, arms = _with_arms(config, fitted, prepared)
        if not arms:
            check_bounds({}, config, source=source)
            check_ranked_alike(config, fitted.space, source)
    # Studies of version 0.1 have stored no looks.
    first_point = first_point_of(recipe.defaults, fitted.space)
    looks = stored["looks"] if stored and "looks" in stored else None
    return LocalStudy(
        config=config,
        model=model,
        recipe=recipe,
        space=fitted.space,
        earlier_spaces=earlier_spaces(stored or {}),
        arms=arms,
        looks=tuple(looks) if looks else looks_of(config, prepared, first_point, fitted.space, over_depths=bool(arms)),
        prepared=prepared,
        data=data,
        fingerprints=fingerprints,
        folders=folders,
        imports=imports,
        remarks=fitted.remarks,
        confirmation=Plan.parse(stored) if stored else None,
        refit=Refit.parse(stored) if stored else None,
    )


def _rows(prepared: Prepared) -> dict[str, Any]:
    return {"sizes": prepared.sizes, "labels": list(prepared.labels), "anatomy": prepared.anatomy.to_dict()}


def _with_stored_anatomy(prepared: Prepared, stored: Mapping[str, Any]) -> Prepared:
    """Return the findings with the anatomy that the study was created with, as all machines of a study train with it.

    The parts that `differences` compares are the same. Others, such as the trunk's, depend on rounding.
    """
    return replace(prepared, anatomy=Anatomy.from_dict(stored["anatomy"])) if "anatomy" in stored else prepared


def _fitted(
    config: StudyConfig, model: ModelSource | None, space: SearchSpace, prepared: Prepared | None, source: str
) -> FittedSpace:
    if prepared is None:
        return FittedSpace(space=space)
    assert model is not None
    return fit_space(
        space,
        prepared.anatomy,
        # A file that the study names has become a mapping when the study was read. A word is the name of a preset.
        written=config.search_space if isinstance(config.search_space, Mapping) else (),
        model=str(read_model_config(model).get("model_type", model.location)),
        source=source,
    )


def _with_arms(
    config: StudyConfig, fitted: FittedSpace, prepared: Prepared | None
) -> tuple[FittedSpace, tuple[ArmKey, ...]]:
    """Return the space and its arms, where the study searches over depths; otherwise no arms.

    Then trials begin with both kinds of head, where the model can have a fitted one and the space does not say.
    """
    if prepared is None or not config.has_rungs or config.search.promotion != "auto":
        return fitted, ()
    space = with_both_heads(fitted.space) if prepared.anatomy.can_fit_head else fitted.space
    arms = arms_of(space)
    return (replace(fitted, space=space), arms) if arms else (fitted, ())


def _find_function(
    key: str, function: str, fork_server: ForkServer, source: str, folders: tuple[str, ...]
) -> tuple[str, ...]:
    """Check that a function of the user's can be imported, and return the slow modules that its module imports."""
    arguments = {"key": key, "function": function, "folders": folders}
    try:
        return tuple(fork_server.call("tuner.processes.calls:check_training", arguments))
    except ConfigError as error:
        raise type(error)(source, error.key, error.reason) from error


def _prepare(
    config: StudyConfig,
    model: ModelSource | None,
    fork_server: ForkServer,
    source: str,
    progress: Callable[[Progressed], None],
) -> Prepared:
    try:
        prepared: Prepared = fork_server.call(
            "tuner.training.calls:prepare_data",
            {"request": preparation_request(config, model)},
            {"CUDA_VISIBLE_DEVICES": ""},
            progress=progress,
        )
    except TunerError as error:
        if why := _cache_problem(cache_folder(), error):
            raise TunerError(f"{why}, or have TUNER_CACHE name another folder") from error
        if isinstance(error, ConfigError):
            raise type(error)(source, error.key, error.reason) from error
        raise
    return prepared


def preparation_request(config: StudyConfig, model: ModelSource | None) -> PreparationRequest:
    """Return what decides how the data of a study with a built-in task are read, split and encoded on this machine."""
    assert config.data is not None
    assert model is not None
    return PreparationRequest(
        task=config.task,
        model=model,
        data=config.data,
        source=find_data(config.data.source),
        max_length=config.max_length,
        seed=config.seed,
        metric=config.metric.name,
        packing=config.packing,
        cache=cache_folder(),
    )


def _cache_problem(folder: Path, error: TunerError) -> str | None:
    """Return why the cache folder cannot be written to, where this may be the cause of a library's error."""
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"the cache {folder} takes no files: give this user the right to write there"
    if disk.says_full(str(error)) and disk.has_no_room(existing):
        return disk.full_message(folder)
    return None

"""Setting up: from a study file to everything that its trials need, with every mistake found on the way."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from search_spaces import Float, Recipe, SearchSpace, build_space, load_space, recipe_for
from storage import CheckpointStore, Footprint, store_url
from tuner.errors import ConfigError, StudyChanged, TunerError
from tuner.fingerprints import content_of, differences
from tuner.run import ModelSource, Speed, TrialRun, TrunkHome
from tuner.sources import find_data, find_model, read_model_config
from tuner.training.schedules import complaint

if TYPE_CHECKING:
    from search_spaces import Hyperparameters
    from tuner.config import StudyConfig
    from tuner.devices import Device
    from tuner.trainers import WarmParent
    from tuner.training.preparation import Prepared

#: What `check` trains each corner with.
SMOKE_ROWS = 16
SMOKE_STEPS = 2
#: Bytes below which a disk on which data cannot be written counts as full.
_ROOM = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A study as this machine can run it."""

    config: StudyConfig
    #: None where a study trains with a function of its own and names no model.
    model: ModelSource | None
    recipe: Recipe
    space: SearchSpace
    #: What preparation found; it needed torch. None where a study trains with a function of its own.
    prepared: Prepared | None
    #: Where the data of a study with a function of its own are.
    data: Path | None
    #: Hashes of what decides the trials' results, wherever it lies, and versions of libraries.
    fingerprints: Mapping[str, Any]
    #: Where modules of the user's may be.
    folders: tuple[str, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the libraries that train."""
        return dict(self.fingerprints.get("versions", {}))

    def facts(self) -> dict[str, Any]:
        """Return what every later run of the study must share, as JSON values."""
        facts = {
            "family": self.recipe.family,
            "recipe": dict(self.recipe.defaults),
            "space": self.space.to_dict(),
            **self.fingerprints,
        }
        if self.prepared is not None:
            facts |= {
                "sizes": dict(self.prepared.sizes),
                "labels": list(self.prepared.labels),
                "layers": self.prepared.layers,
            }
        return facts

    def first_point(self) -> dict[str, Any]:
        """Return the published recipe, clipped into the space: the values of trial 0."""
        return self.space.clip(self.recipe.defaults)

    def footprint(self, hyperparameters: Hyperparameters, device: Device) -> Footprint:
        """Return what decides how much memory an example of a trial takes on a device, and how much there is."""
        config, frozen = self.config, hyperparameters.frozen_layers
        own = config.train is not None
        return Footprint(
            # What a function of the study's own takes is known of no other, nor whether frozen layers take less of it.
            model=f"{config.name}/{config.train}"[:128] if own else str(self.fingerprints.get("weights", "")),
            # In the end, layers that thaw are all trained.
            frozen=0.0 if own or isinstance(frozen, str) else frozen,
            max_length=config.max_length,
            precision=config.precision,
            device=device.memory_class,
        )

    def share(self, warm: WarmParent) -> None:
        """Have trainers on the processor begin with the model, as each of their trials would build it."""
        if self.prepared is not None:
            arguments = {
                "task": self.config.task,
                "model": self.model,
                "labels": self.prepared.labels,
                "seed": self.config.seed,
            }
            warm.share("tuner.training.jobs:template_job", arguments)

    def _trunk(self) -> TrunkHome | None:
        """Return where what frozen layers make is kept; None where nothing says which weights they have."""
        if self.prepared is None:
            return None
        shares = self.space.parameters["frozen_layers"].extremes()
        return TrunkHome(
            folder=cache_folder() / "trunk",
            weights=self.prepared.weights,
            shares=tuple(shares),
            limit=trunk_limit(os.environ),
        )

    def run(self, number: int, hyperparameters: Hyperparameters, **more: Any) -> TrialRun:
        """Return what a trial trains with."""
        config = self.config
        return TrialRun(
            number=number,
            hyperparameters=hyperparameters,
            task=config.task,
            model=self.model,
            data=self.prepared.folder if self.prepared else self.data,
            metric=config.metric.name,
            direction=config.metric.direction,
            seed=config.seed,
            lr_scheduler_kwargs=config.lr_scheduler_kwargs.get(hyperparameters.lr_scheduler_type, {}),
            patience=config.early_stopping.patience if config.early_stopping else None,
            evaluations=config.evaluations,
            speed=Speed(**config.speed.model_dump()),
            trunk=self._trunk(),
            **{"precision": config.precision, **more},
        )


def cache_folder() -> Path:
    """Return the folder for encoded data: `TUNER_CACHE`, or the platform's own for caches."""
    return Path(os.environ.get("TUNER_CACHE") or platformdirs.user_cache_dir("shichimi")).absolute()


def trunk_limit(environ: Mapping[str, str]) -> int | None:
    """Return the bytes that `TUNER_TRUNK_LIMIT` leaves to the trunk cache; None where it is not set.

    Raises:
        ConfigError: It is no size.
    """
    written = environ.get("TUNER_TRUNK_LIMIT", "").strip()
    if not written:
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", written, re.IGNORECASE)
    if match is None:
        raise ConfigError("TUNER_TRUNK_LIMIT", "", f"{written!r} is no size; write 500MB or 20GB, or 0 to keep nothing")
    return int(float(match[1]) * 1024 ** "_kmgt".index(match[2].lower() or "_"))


def checkpoint_store(config: StudyConfig, database: Path | None) -> CheckpointStore:
    """Return the store of a study's checkpoints; without a word from the user, beside the database's file.

    Raises:
        ConfigError: The database is on a server, and the study file names no place.
        CheckpointError: The place cannot be used.
    """
    scratch = cache_folder() / "checkpoints"
    if config.checkpoints is not None:
        return CheckpointStore(store_url(config.checkpoints), config.name, scratch=scratch)
    if database is None:
        raise ConfigError(
            "",
            "checkpoints",
            "is missing: a database on a server needs a place that every machine reaches, such as s3://bucket/tuner "
            "or a shared folder; give --checkpoints URL",
        )
    return CheckpointStore(
        store_url(str(database.with_name(f"{database.stem}-checkpoints"))), config.name, scratch=scratch
    )


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
        space = load_space(written, preset=config.task, recipe=recipe, folder=Path(), source=where)
    _check_schedules(config, space, source)
    _check_effects(space, source)
    return model, recipe, space


def set_up(
    config: StudyConfig,
    warm: WarmParent,
    *,
    source: str,
    stored: Mapping[str, Any] | None = None,
    folders: tuple[str, ...] = (),
    any_versions: bool = False,
) -> Setup:
    """Prepare everything that a study's trials need on this machine.

    Args:
        config: The study.
        warm: Runs what needs torch.
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
        _find_training(config.train, warm, source, folders)
    prepared = None if config.train is not None else _prepare(config, model, space, warm, source)
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
    return Setup(
        config=config,
        model=model,
        recipe=recipe,
        space=space,
        prepared=prepared,
        data=data,
        fingerprints=fingerprints,
        folders=folders,
    )


def _find_training(function: str, warm: WarmParent, source: str, folders: tuple[str, ...]) -> None:
    try:
        warm.call("tuner.job:find_job", {"function": function, "folders": folders})
    except ConfigError as error:
        raise type(error)(source, error.key, error.reason) from error


def _prepare(
    config: StudyConfig, model: ModelSource | None, space: SearchSpace, warm: WarmParent, source: str
) -> Prepared:
    assert config.data is not None
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

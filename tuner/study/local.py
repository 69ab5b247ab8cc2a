"""A study as this machine can run it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters, Recipe, SearchSpace
from storage import Footprint
from tuner.machine.devices import Device
from tuner.processes.trainers import ForkServer
from tuner.study.config import StudyConfig
from tuner.study.locations import cache_folder, trunk_limit
from tuner.study.prepared import Prepared
from tuner.trial.run import ModelSource, Speed, TrialRun, TrunkHome


@dataclass(frozen=True, kw_only=True)
class LocalStudy:
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

    def share(self, fork_server: ForkServer) -> None:
        """Have trainers on the processor begin with the model, as each of their trials would build it."""
        if self.prepared is not None:
            arguments = {
                "task": self.config.task,
                "model": self.model,
                "labels": self.prepared.labels,
                "seed": self.config.seed,
            }
            fork_server.share("tuner.training.calls:keep_model_template", arguments)

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

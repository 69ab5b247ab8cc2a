"""A study that is set up on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search_spaces import FITTED, Hyperparameters, Recipe, SearchSpace
from storage import Footprint
from tuner.machine.devices import Device
from tuner.processes.trainers import ForkServer
from tuner.study.arms import ArmKey
from tuner.study.config import StudyConfig
from tuner.study.confirmation import Plan
from tuner.study.fingerprints import READER
from tuner.study.generate_config import is_function
from tuner.study.locations import cache_folder, trunk_limit
from tuner.study.looks import first_rung, put_aside_at
from tuner.study.prepared import Prepared
from tuner.study.recipe_changes import RecipeChange, first_point_of, recipe_changes
from tuner.study.refit import Refit
from tuner.study.space_versions import SpaceVersions
from tuner.trial.evaluation import LAST_STEP
from tuner.trial.run import Generation, HeadHome, ModelSource, Speed, TrialRun, TrunkHome


@dataclass(frozen=True, kw_only=True)
class LocalStudy:
    """A study that is set up on this machine: all paths are local, the data are encoded, the space is built."""

    config: StudyConfig
    #: None where a study has its own training function and names no model.
    model: ModelSource | None
    recipe: Recipe
    space: SearchSpace
    #: The encoded data and facts about the model; None where a study has its own training function.
    prepared: Prepared | None
    #: Path of the data, where a study has its own training function and names data; else None.
    data: Path | None
    #: Percents of its schedule after which each trial is evaluated.
    looks: tuple[int, ...]
    #: Hashes of data, tokenizer and weights, whose location does not matter, and versions of libraries.
    fingerprints: Mapping[str, Any]
    #: Spaces that the study had before it was edited, the oldest first; their trials stay.
    earlier_spaces: tuple[SearchSpace, ...] = ()
    #: The arms of a search over depths, the cheapest first; empty where the study is none.
    arms: tuple[ArmKey, ...] = ()
    #: Folders from which trainers can import the user's modules.
    folders: tuple[str, ...] = ()
    #: Modules that take long to import, and that the study's own training function imports.
    imports: tuple[str, ...] = ()
    #: Sentences on how the space was fitted to the model.
    remarks: tuple[str, ...] = ()
    #: The fitted head; None where no trial begins with one, or none is fitted yet.
    head: HeadHome | None = None
    #: Of a study that confirms another one, which seed each trial is trained with; None where it is the study's.
    confirmation: Plan | None = None
    #: Of a study that trains a trial of another one on more rows, which one; None where it does not.
    refit: Refit | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences that the user should read before a search is paid for."""
        return (*(self.prepared.warnings if self.prepared else ()), *self.remarks)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the libraries that decide the result of training, by name."""
        return dict(self.fingerprints.get("versions", {}))

    def facts(self) -> dict[str, Any]:
        """Return the facts that are stored with a new study, as JSON values; later runs are compared with them."""
        facts = {
            "family": self.recipe.family,
            "recipe": dict(self.recipe.defaults),
            "space": self.space.to_dict(),
            "looks": list(self.looks),
            **self.fingerprints,
        }
        if self.arms:
            facts["arms"] = [arm.to_list() for arm in self.arms]
        if self.prepared is not None:
            facts |= {
                "sizes": dict(self.prepared.sizes),
                "labels": list(self.prepared.labels),
                "anatomy": self.prepared.anatomy.to_dict(),
                "reader": READER,
                "guess": self.prepared.report.guess,
            }
        return facts

    @property
    def has_fitted_heads(self) -> bool:
        """Whether trials may begin with a fitted head."""
        found = [space.parameters["head_init"] for space in self.spaces.spaces if "head_init" in space.parameters]
        return self.prepared is not None and any(parameter.contains(FITTED) for parameter in found)

    @property
    def spaces(self) -> SpaceVersions:
        """The spaces from which its trials are and have been drawn."""
        return SpaceVersions(spaces=(*self.earlier_spaces, self.space))

    @property
    def frozen_shares(self) -> tuple[float, ...]:
        """Shares of the layers that trials freeze, as far as the space names them."""
        return tuple(share for share in self.space.parameters["frozen_layers"].extremes() if not isinstance(share, str))

    def first_point(self) -> dict[str, Any]:
        """Return the values of trial 0: the published recipe, clipped into the first space of the study."""
        return first_point_of(self.recipe.defaults, self.spaces.spaces[0])

    def recipe_changes(self) -> tuple[RecipeChange, ...]:
        """Return where the space has changed the published recipe."""
        is_own = self.config.train is not None
        return recipe_changes(self.recipe.defaults, self.first_point(), free=is_own)

    def first_rung(self, hyperparameters: Hyperparameters) -> int:
        """Return the percent of its schedule at which a trial may first be put aside; 100 where it never is."""
        if not self.config.has_rungs:
            return LAST_STEP
        if self.prepared is None:  # of a study's own training, the length is unknown
            return self.looks[0]
        looks = put_aside_at(self.looks) if self.arms else self.looks
        return first_rung(hyperparameters, self.prepared.sizes["train"], looks)

    def footprint(self, hyperparameters: Hyperparameters, device: Device) -> Footprint:
        """Return the properties that decide how many examples of a trial fit into a device's memory."""
        config, frozen = self.config, hyperparameters.frozen_layers
        own = config.train is not None
        return Footprint(
            # The memory use of a study's own training function says nothing about other studies, and `frozen_layers`
            # may mean nothing to it.
            model=f"{config.name}/{config.train}"[:128] if own else str(self.fingerprints.get("weights", "")),
            # Gradual unfreezing ends with all layers trained, which takes the most memory.
            frozen=0.0 if own or isinstance(frozen, str) else frozen,
            max_length=config.max_length,
            precision=config.precision,
            device=device.memory_class,
        )

    def share(self, fork_server: ForkServer) -> None:
        """Have the fork server build the model once, so that trainers on the CPU start with a copy of it.

        For a study's own training it imports the libraries that this training imports.
        """
        if self.imports:
            fork_server.share("tuner.processes.own_training:import_libraries", {"modules": self.imports})
        if self.prepared is not None:
            arguments = {
                "task": self.config.task,
                "model": self.model,
                "labels": self.prepared.labels,
                "seed": self.config.seed,
                "padding": self.prepared.anatomy.padding,
            }
            fork_server.share("tuner.training.calls:keep_model_template", arguments)

    def _trunk(self) -> TrunkHome | None:
        """Return the place of the trunk cache; None for a study's own training function, whose weights are unknown."""
        if self.prepared is None:
            return None
        shares = [share for space in self.spaces.spaces for share in space.parameters["frozen_layers"].extremes()]
        return TrunkHome(
            folder=cache_folder() / "trunk",
            weights=self.prepared.weights,
            shares=tuple(dict.fromkeys(shares)),
            limit=trunk_limit(os.environ),
        )

    @property
    def _generation(self) -> Generation | None:
        asked, metric = self.config.generate, self.config.metric.name
        if asked is None:
            return None
        score = metric if is_function(metric) else None
        return Generation(rows=asked.rows, max_new_tokens=asked.max_new_tokens, score=score, folders=self.folders)

    @property
    def _looks_of_a_run(self) -> tuple[int, ...]:
        return self.looks if self.refit is None else (self.refit.step,)

    def run(self, number: int, hyperparameters: Hyperparameters, **more: Any) -> TrialRun:
        """Return a trial's run. Keyword arguments in `more` set or replace fields of `TrialRun`.

        Trial 0 is not stopped early: it is the unit in which the cost of all trials is counted; see
        `tuner.study.full_runs`.
        """
        config = self.config
        run = TrialRun(
            number=number,
            hyperparameters=hyperparameters,
            task=config.task,
            model=self.model,
            data=self.prepared.folder if self.prepared else self.data,
            anatomy=self.prepared.anatomy if self.prepared else None,
            metric=config.metric.name,
            direction=config.metric.direction,
            lr_scheduler_kwargs=config.lr_scheduler_kwargs.get(hyperparameters.lr_scheduler_type, {}),
            patience=config.early_stopping.patience if config.early_stopping else None,
            speed=Speed(**config.speed.model_dump(), packing=config.max_length if config.packing else None),
            trunk=self._trunk(),
            head=self.head,
            generate=self._generation,
            joins_validation=self.refit is not None,
            **{
                "precision": config.precision,
                "looks": self._looks_of_a_run,
                "seed": config.seed if self.confirmation is None else self.confirmation.seed_of(number, config.seed),
                **more,
            },
        )
        is_smoke_run = run.max_steps is not None
        return run if number > 0 or is_smoke_run else replace(run, patience=None)

"""The Optuna study of a StudyConfig."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna

from tuner.search.pruners import make_pruner
from tuner.search.samplers import make_sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from optuna.study import Study

    from storage import Database
    from tuner.search.thaw.first_asks import ArmDraws
    from tuner.study.config import StudyConfig
    from tuner.study.space_versions import SpaceVersions


def load_optuna_study(
    database: Database,
    config: StudyConfig,
    *,
    conditional: bool,
    shelved: Callable[[], Collection[int]] = tuple,
    draws: ArmDraws | None = None,
    versions: SpaceVersions | None = None,
) -> Study:
    """Load the Optuna study of a configuration, with its sampler and its pruner.

    Args:
        database: The database that holds the study.
        config: The study.
        conditional: Whether its space has conditions, so that some trials lack a parameter.
        shelved: Returns Optuna's ids of the trials that are put aside.
        draws: What the draws of a search over depths rest on; None where the study is none.
        versions: The search spaces that the study has had.
    """
    return optuna.load_study(
        study_name=config.name,
        storage=database.optuna_storage,
        sampler=make_sampler(config, conditional=conditional, shelved=shelved, draws=draws, versions=versions),
        pruner=make_pruner(config.pruner),
    )

"""The keys of a study file by its parts, and repairs of a file whose keys are slips of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces import nearest
from tuner.study.budget_config import BudgetConfig
from tuner.study.config import ConfirmConfig, EarlyStoppingConfig, SpeedConfig, StudyConfig
from tuner.study.config_part import ConfigPart
from tuner.study.data_config import DataConfig, FormatConfig
from tuner.study.generate_config import GenerateConfig
from tuner.study.metric_config import MetricConfig
from tuner.study.search_config import PrunerConfig, SamplerConfig, SearchConfig
from tuner.study.synonyms import meant_key

_PARTS: Mapping[str, type[ConfigPart]] = {
    "": StudyConfig,
    "data": DataConfig,
    "data.format": FormatConfig,
    "metric": MetricConfig,
    "generate": GenerateConfig,
    "budget": BudgetConfig,
    "confirm": ConfirmConfig,
    "early_stopping": EarlyStoppingConfig,
    "pruner": PrunerConfig,
    "search": SearchConfig,
    "sampler": SamplerConfig,
    "speed": SpeedConfig,
}


def known_keys(part: str) -> list[str]:
    """Return the keys that a part of a study file may have.

    Args:
        part: The dotted path of the part; empty for the file as a whole.
    """
    return sorted(_PARTS.get(part, StudyConfig).model_fields)


def misplaced(path: str) -> str | None:
    """Return the path of a known key that stands in the wrong part of a file; None where no single part has it."""
    part, _, key = path.rpartition(".")
    homes = [home for home, config in _PARTS.items() if home != part and key in config.model_fields]
    return ".".join(each for each in (homes[0], key) if each) if len(homes) == 1 else None


def repaired(document: Mapping[str, Any], unknown: Sequence[tuple[str, ...]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a document without unknown keys. The value of one that is likely to be a known key is moved there.

    So a file with a slip such as `modle` is not said to lack a model, and its further mistakes can be found.

    Returns:
        The document, and the written path of each value that was moved, by its new path.
    """
    moved: dict[str, str] = {}
    mended: dict[str, Any] = copy.deepcopy(dict(document))
    for path in unknown:
        part = _at(mended, path[:-1])
        if not isinstance(part, dict) or path[-1] not in part:
            continue
        value = part.pop(path[-1])
        key = ".".join(path)
        meant = meant_key(key) or misplaced(key) or _slip(path)
        if meant is None or " " in meant:
            continue
        *above, name = meant.split(".")
        if above:
            mended.setdefault(above[0], {})
        home = _at(mended, above)
        if isinstance(home, dict) and name not in home:
            home[name] = value
            moved[meant] = key
    return mended, moved


def _slip(path: tuple[str, ...]) -> str | None:
    part = ".".join(path[:-1])
    found = nearest(path[-1], known_keys(part))
    return None if found is None else ".".join((*path[:-1], found))


def _at(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document

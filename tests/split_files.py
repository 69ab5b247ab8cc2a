"""The way from a file to the splits of a study, for tests that need no model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuner.training.split_rows import SplitRows


def split_file(source: Path, *, task: str = "text-classification", seed: int = 0, **said: Any) -> SplitRows:
    """Read a source and split its rows; `said` is the rest of the study file's `data`."""
    from tuner.study.data_config import DataConfig
    from tuner.study.prepared import PreparationRequest
    from tuner.training.progress import silent
    from tuner.training.split_rows import split_rows
    from tuner.training.tasks import get_task
    from tuner.trial.run import ModelSource

    request = PreparationRequest(
        task=task,
        model=ModelSource(location="nowhere"),
        data=DataConfig(source=str(source), **said),
        source=str(source),
        max_length=16,
        seed=seed,
        metric="accuracy",
        cache=source.parent / "cache",
    )
    return split_rows(get_task(task), request, silent)

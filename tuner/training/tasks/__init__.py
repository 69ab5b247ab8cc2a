"""Tasks: how examples become batches and a checkpoint becomes a model."""

from __future__ import annotations

from tuner.errors import ConfigError
from tuner.training.tasks.base import Task
from tuner.training.tasks.image_classification import ImageClassification
from tuner.training.tasks.text_classification import TextClassification

__all__ = ["ImageClassification", "Task", "TextClassification", "get_task"]

_TASKS: dict[str, Task] = {
    "text-classification": TextClassification(),
    "image-classification": ImageClassification(),
}


def get_task(name: str) -> Task:
    """Return a task by its name in the study file.

    Raises:
        ConfigError: There is no such task.
    """
    if name not in _TASKS:
        raise ConfigError("", "task", f"{name!r} is unknown; known: {', '.join(_TASKS)}")
    return _TASKS[name]

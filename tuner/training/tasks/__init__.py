"""Tasks, one a module. `tuner.study.tasks` finds a module here by its `TASK`; no list names it."""

from __future__ import annotations

from typing import cast

from tuner.errors import ConfigError
from tuner.study.tasks import load_task
from tuner.training.tasks.base import Task

__all__ = ["Task", "get_task"]


def get_task(name: str) -> Task:
    """Return a task by its name in the study file.

    Raises:
        ConfigError: No task has this name.
    """
    try:
        return cast(Task, load_task(name))
    except ValueError as error:
        raise ConfigError("", "task", str(error)) from error

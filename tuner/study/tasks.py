"""Finds the tasks and their declarations: the name, the metrics and the search space that a study file may use.

A task is one module that holds its task as `TASK`. A task of this package is a module of `tuner.training.tasks`: the
module's existence is its registration. A package of another author registers a task as an entry point:

    [project.entry-points."shichimi.tasks"]
    text-length = "their_package.text_length:TASK"

The supervisor process reads tasks here to check a study file, and it never loads torch. So a task's module imports
torch, transformers and datasets inside its functions only.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, get_args

from search_spaces import CLASSIFIERS, suggestion
from tuner.study.synonyms import meant_value

Direction: TypeAlias = Literal["maximize", "minimize"]

#: The task of a study file that names none.
DEFAULT_TASK = "text-classification"
#: Package whose modules are the tasks of this package. Named, not imported: `tuner.study` lies below `tuner.training`.
BUILT_IN_TASKS = "tuner.training.tasks"
#: Entry points of this group are the tasks of other packages, by the name of the task.
ENTRY_POINTS = "shichimi.tasks"
#: Name of the task in its module.
ATTRIBUTE = "TASK"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that a trial may be judged by."""

    #: Direction in which the metric improves.
    direction: Direction
    #: Takes the outputs and the targets of all validation rows as arrays whose first axis counts rows, and returns the
    #: metric. None for the mean loss, which every evaluation computes.
    compute: Callable[[Any, Any], float] | None
    #: Takes the targets of the validation rows and the names of the classes. Returns why the metric has no value on
    #: these rows, as the end of a sentence that begins with its name, or None.
    complaint: Callable[[Sequence[Any], Sequence[str]], str | None] = lambda targets, labels: None
    #: Whether each evaluation records it beside the metric that decides: it needs a value on any rows, in little time.
    is_recorded: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskDeclaration:
    """The part of a task that is needed before torch is loaded."""

    #: Name in the study file.
    name: str
    #: Metrics by their names in the study file. The first one is the default.
    metrics: Mapping[str, Metric]
    #: Ready search space over which the study's own one is laid (`search_spaces.preset_names`).
    preset: str
    #: Metrics that judge what a model writes, which a study has to ask for by `generate`.
    of_generations: frozenset[str] = frozenset()
    #: What a study's own function judges by, which gives each row a number; None where the task takes none.
    own: Metric | None = None
    #: The packaged document with the published recipes of its models.
    recipes: str = CLASSIFIERS

    @property
    def default_metric(self) -> str:
        """The metric of a study file that names none."""
        return next(iter(self.metrics))

    def metric(self, name: str) -> Metric:
        """Return a metric by its name in the study file, which may be that of a function of the user's own."""
        return self.own if self.own is not None and name not in self.metrics else self.metrics[name]


class DeclaredTask(Protocol):
    """A task, as far as this package knows it; `tuner.training.tasks.base.Task` is the whole of it."""

    declaration: TaskDeclaration


def task_names() -> tuple[str, ...]:
    """Return the names of all tasks: the default one, the other built-in ones, then those of other packages."""
    built_in = sorted(_built_in(), key=lambda name: (name != DEFAULT_TASK, name))
    return (*built_in, *sorted(set(_entry_points()) - set(built_in)))


def load_task(name: str) -> DeclaredTask:
    """Return a task by its name in the study file.

    A built-in task cannot be replaced by an entry point of the same name: a stored study keeps its meaning.

    Raises:
        ValueError: No task has this name, or the package that registers it is broken. The message is for the user.
    """
    if name in _built_in():
        return _built_in()[name]
    if name not in _entry_points():
        raise ValueError(unknown(name, task_names(), "task"))
    return _loaded(_entry_points()[name])


def declaration_of(name: str) -> TaskDeclaration:
    """Return the declaration of a task.

    Raises:
        ValueError: As `load_task`.
    """
    return load_task(name).declaration


def unknown(name: str, known: Sequence[str], key: str) -> str:
    """Return the sentence about a name that is not among the known ones.

    Args:
        name: The name.
        known: The names that there are.
        key: The dotted key of the study file, by which names of other tools are known.
    """
    meant = meant_value(key, name, known)
    if meant is None or " " in meant:
        hint = suggestion(name, known) if meant is None else f": {meant}"
    else:
        hint = f"; did you mean {meant!r}?"
    return f"{name!r} is unknown{hint}; known: {', '.join(known)}"


@cache
def _built_in() -> Mapping[str, DeclaredTask]:
    package = importlib.import_module(BUILT_IN_TASKS)
    modules = [
        importlib.import_module(f"{BUILT_IN_TASKS}.{each.name}") for each in pkgutil.iter_modules(package.__path__)
    ]
    # Modules without a task hold code that several tasks share.
    tasks: list[DeclaredTask] = [getattr(module, ATTRIBUTE) for module in modules if hasattr(module, ATTRIBUTE)]
    return {task.declaration.name: task for task in tasks}


@cache
def _entry_points() -> Mapping[str, importlib.metadata.EntryPoint]:
    return {each.name: each for each in importlib.metadata.entry_points(group=ENTRY_POINTS)}


@cache
def _loaded(entry_point: importlib.metadata.EntryPoint) -> DeclaredTask:
    """Import a task of another package, and check the declaration that it makes."""
    origin = f"{entry_point.name!r} ({entry_point.value})"
    try:
        task: DeclaredTask = entry_point.load()
    except Exception as error:  # the package's own code runs here and may raise anything
        raise ValueError(f"{origin} cannot be imported: {type(error).__name__}: {error}") from error
    declaration = getattr(task, "declaration", None)
    if not isinstance(declaration, TaskDeclaration):
        raise ValueError(f"{origin} has no declaration")
    if declaration.name != entry_point.name:
        raise ValueError(f"{origin} declares the name {declaration.name!r}; entry point and declaration must agree")
    if not declaration.metrics:
        raise ValueError(f"{origin} declares no metric")
    for name, metric in declaration.metrics.items():
        if metric.direction not in get_args(Direction):
            raise ValueError(f"{origin} declares the direction {metric.direction!r} for {name}")
    return task

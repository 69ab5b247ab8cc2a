"""Checks of a search space that need the study around it: its schedules, its pruning, and what has an effect."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from search_spaces import LORA, SearchSpace
from search_spaces.schedules import complaint
from tuner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuner.study.config import StudyConfig

#: What is said where a study has adapters and peft is not installed.
NEEDS_PEFT = f"`{LORA}` needs the package peft; pip install 'shichimi[llm]'"
#: What is said where a study holds weights in four bits and bitsandbytes is not installed.
NEEDS_BITSANDBYTES = "needs the package bitsandbytes; pip install 'shichimi[bitsandbytes]'"


def check_packages(space: SearchSpace, source: str) -> None:
    """Check that the packages that a space's values need are installed.

    Raises:
        ConfigError: One is not.
    """
    adapter = space.parameters.get("adapter")
    if adapter is not None and adapter.contains(LORA) and find_spec("peft") is None:
        raise ConfigError(source, "search_space.adapter", NEEDS_PEFT)


def check_four_bits(space: SearchSpace, source: str) -> None:
    """Check that a space is one for weights in four bits, which cannot be trained themselves.

    Raises:
        ConfigError: It is not, or the package that holds them is not installed.
    """
    adapter = space.parameters.get("adapter")
    if adapter is None or adapter.extremes() != (LORA,):
        raise ConfigError(source, "load_in_4bit", "weights in four bits cannot be trained; write `adapter: lora`")
    if find_spec("bitsandbytes") is None:
        raise ConfigError(source, "load_in_4bit", NEEDS_BITSANDBYTES)


def check_ranked_alike(config: StudyConfig, space: SearchSpace, source: str) -> None:
    """Check that no early value would be held against that of a trial with another kind of head.

    Raises:
        ConfigError: It would.
    """
    parameter = space.parameters.get("head_init")
    is_judged = config.has_rungs or config.pruner.name != "none"
    if is_judged and parameter is not None and len(parameter.extremes()) > 1:
        reason = (
            "a trial that begins with a fitted head is ahead at early rungs, whatever becomes of it; give one of the "
            "two, or write `search: plain` and `pruner: none`"
        )
        raise ConfigError(source, "search_space.head_init", reason)


def check_schedules(config: StudyConfig, spaces: Sequence[SearchSpace], source: str) -> None:
    """Check that each schedule has its arguments, and that arguments are those of a schedule.

    Args:
        config: The study.
        spaces: The spaces that it has had, the current one last.
        source: The study's name in errors.

    Raises:
        ConfigError: An argument is missing, or belongs to no schedule that the study has ever searched.
    """
    for name in _schedules(spaces[-1]):
        if reason := complaint(name, config.lr_scheduler_kwargs.get(name, {})):
            raise ConfigError(source, "search_space.lr_scheduler_type", reason)
    known = {name for space in spaces for name in _schedules(space)}
    for name in config.lr_scheduler_kwargs:
        if name not in known:
            raise ConfigError(source, f"lr_scheduler_kwargs.{name}", "is no schedule of the search space")


def _schedules(space: SearchSpace) -> list[str]:
    parameter = space.parameters.get("lr_scheduler_type")  # a study's own training may do without
    return [] if parameter is None else [str(name) for name in parameter.extremes()]


def check_effects(space: SearchSpace, source: str) -> None:
    """Refuse a space that searches a hyperparameter without effect, such as warm-up for a schedule without warm-up."""
    for name, parent, idle, why in (
        ("warmup_ratio", "lr_scheduler_type", "constant", "has no warm-up"),
        ("layerwise_lr_decay", "frozen_layers", 1.0, "trains no layer"),
    ):
        if name not in space.parameters or len(space.parameters[name].extremes()) < 2:
            continue
        if parent not in space.parameters:
            continue
        choices = space.parameters[parent].extremes()
        if idle in choices and idle in space.conditions.get(name, {}).get(parent, choices):
            others = [choice for choice in choices if choice != idle]
            raise ConfigError(
                source,
                f"search_space.{name}",
                f"changes nothing where {parent} is {idle!r}, which {why}; add when: {{{parent}: {others}}}",
            )

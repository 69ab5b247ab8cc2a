"""The learning-rate schedules and their arguments, by the names that transformers gives them."""

from __future__ import annotations

from collections.abc import Mapping

from search_spaces.errors import suggestion

#: Required arguments of each schedule: at least one of each group.
REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "linear": (),
    "cosine": (),
    "cosine_with_restarts": (),
    "polynomial": (),
    "constant": (),
    "constant_with_warmup": (),
    "inverse_sqrt": (),
    "cosine_with_min_lr": (("min_lr", "min_lr_rate"),),
    "cosine_warmup_with_min_lr": (("min_lr", "min_lr_rate"),),
    "warmup_stable_decay": (("num_decay_steps",),),
}


#: Optional arguments of each schedule.
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "cosine": ("num_cycles",),
    "cosine_with_restarts": ("num_cycles",),
    "polynomial": ("lr_end", "power"),
    "inverse_sqrt": ("timescale",),
    "cosine_with_min_lr": ("num_cycles",),
    "cosine_warmup_with_min_lr": ("num_cycles", "warmup_lr_rate"),
    "warmup_stable_decay": ("num_stable_steps", "min_lr_ratio", "num_cycles"),
}


#: Schedules that follow the metric instead of the optimiser step, so that two runs of one trial could differ.
UNPLANNED = ("reduce_lr_on_plateau", "greedy")


def complaint(name: str, arguments: Mapping[str, float]) -> str | None:
    """Return why a schedule cannot be used with these arguments; None where it can."""
    if name in UNPLANNED:
        return f"{name!r} follows the metric, not the step, and is not supported; use linear or cosine"
    if name not in REQUIRED:
        return f"{name!r} is no schedule{suggestion(name, REQUIRED)}; known: {', '.join(REQUIRED)}"
    for group in REQUIRED[name]:
        if not any(argument in arguments for argument in group):
            return f"{name!r} needs {' or '.join(group)}; write lr_scheduler_kwargs: {{{name}: {{{group[-1]}: 0.1}}}}"
    taken = {argument for group in REQUIRED[name] for argument in group} | set(OPTIONAL.get(name, ()))
    for argument in arguments:
        if argument not in taken:
            known = ", ".join(sorted(taken)) or "none"
            return f"{name!r} takes no {argument!r}{suggestion(argument, taken)}; it takes {known}"
    return None

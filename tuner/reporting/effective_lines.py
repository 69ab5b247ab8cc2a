"""The effective configuration of a trial in words: the source of the dashboard's note and of `tuner show`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.reporting.text import count

#: Keys that every trial of a built-in task has recorded since version 0.1. A training function of the user's own may
#: record any others, which are shown as they are.
_KEYS = frozenset(
    {
        "learning_rates",
        "weight_decays",
        "dropout",
        "trainable_parameters",
        "parameters",
        "layers",
        "frozen_layers",
        "thawing",
        "batch_size",
        "micro_batch",
        "optimiser_steps",
        "warmup_steps",
        "lr_scheduler_type",
        "evaluations",
        "max_grad_norm",
        "precision",
        "device",
        "threads",
        "seed",
    }
)
#: Keys that came later.
_LATER = frozenset(
    {
        "frozen",
        "below",
        "head",
        "trunk_cache",
        "one_token",
        "length_grouping",
        "device_name",
        "adapter",
        "gradient_checkpointing",
    }
)
#: Words that say how something was computed, not what was trained.
_INTERNAL = frozenset({"hidden states of the frozen layers", "last layer", "gradients"})
#: Most names that are listed; then `and 7 more`.
_NAMES = 8
_PLACES = {
    "device": "kept in the memory of the device",
    "memory": "kept in memory",
    "disk": "read from the disk",
    "recompute": "computed for each batch",
}
_FIRST_ALONE = "computed for the first token alone, as the head reads no other"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One part of an effective configuration, in words."""

    #: What it is about, such as `dropout`.
    word: str
    text: str
    #: Whether the word is a name that the training has recorded, and no word of ours.
    is_name: bool = False
    #: Whether it says how something was computed, which only who looks for a fault wants to know.
    is_internal: bool = False


def effective_lines(effective: Mapping[str, Any]) -> list[str]:
    """Return a trial's effective configuration as lines of Markdown; see `effective_settings`."""
    return [
        f"- `{each.word}`: {each.text}" if each.is_name else f"- {each.word}: {each.text}"
        for each in effective_settings(effective)
    ]


def effective_settings(effective: Mapping[str, Any]) -> list[Setting]:
    """Return a trial's effective configuration in words.

    Args:
        effective: The effective configuration. That of a trial of version 0.1 lacks the names of the layers.
    """
    if not effective.keys() >= _KEYS:
        return [_named(name, setting) for name, setting in effective.items() if setting is not None]
    described = {
        "frozen": _frozen(effective),
        "thawing": _thawing(effective["thawing"]),
        # Where no layers are told apart, the whole model counts as the head.
        "head": condensed(effective.get("head", ())) if effective["layers"] else "",
        "adapters": _adapters(effective.get("adapter")),
        "parameters": _parameters(effective["trainable_parameters"], effective["parameters"]),
        "learning rate": _rates(effective["learning_rates"]),
        "weight decay": _decay(effective["weight_decays"]),
        "dropout": _dropout(effective["dropout"]),
        "schedule": _schedule(effective),
        "batch": _batch(effective),
        "gradients": f"clipped to a norm of {effective['max_grad_norm']:g}",
        "hidden states of the frozen layers": _hidden_states(effective.get("trunk_cache")),
        "last layer": _FIRST_ALONE if effective.get("one_token") else "",
        "machine": _machine(effective),
        "seed": str(effective["seed"]),
    }
    settings = [
        Setting(word=word, text=text, is_internal=word in _INTERNAL) for word, text in described.items() if text
    ]
    others = effective.keys() - _KEYS - _LATER
    return settings + [_named(name, effective[name], is_internal=True) for name in effective if name in others]


def _named(name: str, setting: Any, *, is_internal: bool = False) -> Setting:
    text = _precision(setting) if name == "precision" else _plain(setting)
    return Setting(word=name, text=text, is_name=True, is_internal=is_internal)


def _precision(written: Any) -> str:
    """Return a precision by its name; accelerate calls the full one `no`, as in no mixed precision."""
    return "fp32" if written == "no" else str(written)


def _adapters(adapter: Mapping[str, Any] | None) -> str:
    if adapter is None:
        return ""
    where = f"in {adapter['linear_layers']:,} linear layers ({', '.join(adapter['names'][:_NAMES])})"
    dropout = f", dropout {adapter['dropout']:g}" if adapter["dropout"] else ""
    numbers = f"{adapter['parameters']:,} parameters"
    beside = ", beside weights in four bits" if "base_weights" in adapter else ""
    return f"LoRA of rank {adapter['rank']}, times {adapter['scaling']:g}{dropout}, {where}, {numbers}{beside}"


def condensed(names: Sequence[str]) -> str:
    """Return names of modules in a line. Those that differ in one number, such as `layer.0` and `layer.1`, are a range.

    Args:
        names: Names of modules, such as `bert.encoder.layer.0`.
    """
    ranges: list[str] = []
    for (before, after), numbers in _numbered(names).items():
        for first, last in _runs(numbers):
            if first is None or first == last:
                ranges.append(f"{before}{'' if first is None else first}{after}")
            elif after:
                ranges.append(f"{before}{first}{after} to {before}{last}{after}")
            else:
                ranges.append(f"{before}{first} to {last}")
    more = f" and {len(ranges) - _NAMES:,} more" if len(ranges) > _NAMES else ""
    return ", ".join(ranges[:_NAMES]) + more


def _numbered(names: Sequence[str]) -> dict[tuple[str, str], list[int | None]]:
    """Return the last number in each name, by the text before and after it; None for names without one."""
    found: dict[tuple[str, str], list[int | None]] = {}
    for name in names:
        match = re.fullmatch(r"(.*\.)(\d+)((?:\.[^.]*\D[^.]*)*)", name)
        key, number = ((match[1], match[3]), int(match[2])) if match else ((name, ""), None)
        found.setdefault(key, []).append(number)
    return found


def _runs(numbers: Sequence[int | None]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the first and the last of each run of numbers that follow each other."""
    start = end = numbers[0]
    for number in numbers[1:]:
        if number is not None and end is not None and number == end + 1:
            end = number
            continue
        yield start, end
        start = end = number
    yield start, end


def _frozen(effective: Mapping[str, Any]) -> str:
    frozen, layers = effective["frozen_layers"], effective["layers"]
    if frozen == 0:
        return f"nothing, all {layers} layers are trained" if layers else "nothing"
    shown = f"all {layers} layers" if frozen == layers else f"{frozen} of {layers} layers"
    names, below = condensed(effective.get("frozen", ())), condensed(effective.get("below", ()))
    return (
        f"{f'{names} ({shown})' if names else f'{shown}, from the input up'}, and everything below them"
        f"{f' ({below})' if below else ''}"
    )


def _thawing(thawing: Mapping[str, int] | None) -> str:
    if not thawing:
        return ""
    (_, first), *later = sorted((int(step), frozen) for step, frozen in thawing.items())
    shown = [f"{frozen or 'none'} from optimiser step {step:,}" for step, frozen in later]
    return ", ".join([f"{first or 'no'} layer{'' if first == 1 else 's'} frozen at first", *shown])


def _parameters(trained: int, whole: int) -> str:
    if trained == whole:
        return f"all {count(whole)} are trained"
    shown, whole_shown = count(trained), count(whole)
    unit = whole_shown.partition(" ")[2]
    return f"{shown.removesuffix(f' {unit}') if unit else shown} of {whole_shown} are trained"


def _rates(rates: Mapping[str, float]) -> str:
    parts = {group.partition("/")[0]: rate for group, rate in rates.items()}
    layers = {int(part.removeprefix("layer-")): rate for part, rate in parts.items() if part.startswith("layer-")}
    shown = [_by_layer(layers)] if layers else []
    others = {part: parts[part] for part in sorted(parts) if not part.startswith("layer-")}
    if not layers and len(others) > 1 and len(set(others.values())) == 1:
        return f"{_rate(next(iter(others.values())))} for {' and '.join(others)} alike"
    return ", ".join([*shown, *(f"{part} {_rate(rate)}" for part, rate in others.items())])


def _by_layer(layers: Mapping[int, float]) -> str:
    depths = sorted(layers, reverse=True)
    highest, lowest = layers[depths[0]], layers[depths[-1]]
    if len(depths) == 1 or highest == 0:
        return f"layer {depths[0]} {_rate(highest)}"
    factor = layers[depths[1]] / highest
    end = "below the layers" if depths[-1] == 0 else f"in layer {depths[-1]}"
    down = f"down to {_rate(lowest)} {end}"
    return f"layer {depths[0]} {_rate(highest)}, each one below {factor:.3g} times as much, {down}"


def _decay(decays: Mapping[str, float]) -> str:
    decaying = {group: decay for group, decay in decays.items() if not group.endswith("/no_decay")}
    values = set(decaying.values())
    if values <= {0}:
        return "none"
    shown = f"{values.pop():g}" if len(values) == 1 else _pairs(decaying)
    return f"{shown}; biases and norms do not decay" if len(decaying) < len(decays) else shown


def _dropout(dropout: Mapping[str, float]) -> str:
    if not dropout:
        return "none"
    (usual, modules), *others = Counter(dropout.values()).most_common()
    shown = [f"{usual:g} in {modules} module{'' if modules == 1 else 's'}"]
    shown += [f"{value:g} in {condensed([name for name in dropout if dropout[name] == value])}" for value, _ in others]
    return "; ".join(shown)


def _schedule(effective: Mapping[str, Any]) -> str:
    steps, warmup = effective["optimiser_steps"], effective["warmup_steps"]
    rises = f", the first {warmup:,} warm up" if warmup else ""
    evaluated = _evaluated(effective["evaluations"])
    return f"{effective['lr_scheduler_type']} over {steps:,} optimiser steps{rises}; evaluated after {evaluated}"


def _evaluated(looks: Sequence[int]) -> str:
    if len(looks) == 10:
        return "each 10 %"
    *first, last = map(str, looks)
    return f"{', '.join(first)} and {last} %" if first else f"{last} %"


def _batch(effective: Mapping[str, Any]) -> str:
    size, at_once = effective["batch_size"], effective["micro_batch"]
    if effective.get("length_grouping"):
        passes = f"forward passes of at most {at_once} of similar length"
    else:
        passes = "one forward pass" if at_once >= size else f"forward passes of {at_once}"
    again = ", whose layers are computed again for the gradient" if effective.get("gradient_checkpointing") else ""
    return f"{size} examples an optimiser step, in {passes}{again}"


def _hidden_states(decision: Mapping[str, Any] | None) -> str:
    if decision is None:
        return ""
    place = _PLACES.get(decision["place"], decision["place"])
    shown = f"{place} ({decision['reason']})" if decision.get("reason") else str(place)
    difference = decision.get("difference") or 0
    kept = decision["place"] != "recompute"
    return f"{shown}; up to {difference:.1g} off those computed anew" if kept and difference > 0 else shown


def _machine(effective: Mapping[str, Any]) -> str:
    precision = _precision(effective["precision"])
    threads, device = effective["threads"], effective["device"]
    name = effective.get("device_name", device)
    where = device if name == device else f"{device} ({name})"
    return f"{precision} on {where}, {threads} thread{'' if threads == 1 else 's'}"


def _rate(value: float) -> str:
    """Return a learning rate, such as `2e-05`."""
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return "0" if value == 0 else f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"


def _plain(setting: Any) -> str:
    if not isinstance(setting, Mapping):
        return str(setting)
    values = {str(value) for value in setting.values()}
    if len(setting) > 4 and len(values) == 1:
        return f"{values.pop()} in {len(setting)} modules"
    return _pairs(setting)


def _pairs(setting: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in setting.items())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)

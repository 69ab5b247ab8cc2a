"""Depths: the lowest layer whose output each module, parameter and buffer of a model has a part in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.training.model.forward_record import walk_back

if TYPE_CHECKING:
    from torch import nn

    from tuner.training.model.forward_record import Call, ForwardRecord, Node
    from tuner.training.model.layer_search import Row

Depths = Mapping[str, int | None]


@dataclass(frozen=True, kw_only=True)
class LayerRun:
    """One run of one layer."""

    row: Row
    #: Places in the order in which all modules begin and end.
    begin: int
    end: int
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]


def layer_runs(record: ForwardRecord, rows: Sequence[Row]) -> list[LayerRun]:
    """Return the runs of layers in order; a shared layer has several."""
    runs = []
    for row in rows:
        for first, last in zip(record.by_module[row[0]], record.by_module[row[-1]], strict=True):
            runs.append(LayerRun(row=row, begin=first.begin, end=last.end, inputs=first.inputs, outputs=last.outputs))
    return sorted(runs, key=lambda run: run.begin)


def parameter_depths(model: nn.Module, runs: Sequence[LayerRun]) -> dict[str, int | None]:
    """Return the depth of every parameter that some layer's input or output depends on.

    Args:
        model: The model.
        runs: Its layers' runs.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found: dict[str, int | None] = {}
    seen: set[Node] = set()
    # A module that runs between two layers is part of the lower one: it is frozen where that layer is.
    frontiers = [(0, runs[0].inputs)]
    for depth, run in enumerate(runs, start=1):
        frontiers += [(depth, run.outputs), (depth, runs[depth].inputs if depth < len(runs) else ())]
    for depth, nodes in frontiers:
        for parameter in walk_back(nodes, seen=seen):
            if id(parameter) in names:
                found[names[id(parameter)]] = depth
    return found


def module_depth(calls: Sequence[Call], begins: Sequence[int], last_end: int) -> int | None:
    """Return the depth of a module that runs: the number of layers that have begun when it last ends.

    Args:
        calls: The module's runs.
        begins: Where each layer begins, in order.
        last_end: Where the last layer ends.
    """
    end = max(call.end for call in calls)
    return None if end > last_end else bisect_right(begins, end)


def all_depths(model: nn.Module, record: ForwardRecord, runs: Sequence[LayerRun]) -> Depths:
    """Return the depth of everything in a model, by as few names as tell it (`tuner.trial.anatomy.Anatomy.depths`).

    Args:
        model: The model.
        record: A forward pass of it.
        runs: Its layers' runs.
    """
    begins, last_end = [run.begin for run in runs], runs[-1].end
    known = {name: module_depth(calls, begins, last_end) for name, calls in record.by_module.items()}
    of_parameters = parameter_depths(model, runs)
    reached = {id(each) for each in walk_back([record.logits.grad_fn], seen=set())}
    for name, parameter in model.named_parameters():
        if name in of_parameters or id(parameter) in reached:
            known[name] = of_parameters.get(name)
    return compressed(_complete(model, known, runs[0].row[0]))


def _complete(model: nn.Module, known: Depths, first_layer: str) -> dict[str, int | None]:
    """Return the depth of every module and parameter, in the order of their names' first parts.

    A parameter that no computation used has no gradient. It belongs to its module. A module that did not run belongs
    to its parameters where another module read them, otherwise to the module around it. In a module that contains
    layers, unused parts that were made before the layers count as embeddings and those made after them as parts of the
    head, such as a pooler that another task would use.
    """
    found: dict[str, int | None] = {"": None}
    held = {name: _held(name, known) for name, _ in model.named_modules() if name not in known}
    containers = {first_layer[:place] for place, letter in enumerate(first_layer) if letter == "."} | {""}
    names = [name for name, _ in model.named_modules() if name]
    for name in [*names, *(name for name, _ in model.named_parameters())]:
        parent = name.rpartition(".")[0]
        if name in known:
            found[name] = known[name]
        elif len(held.get(name, ())) == 1 and name not in containers:
            found[name] = next(iter(held[name]))
        elif parent not in containers or name in containers:
            found[name] = found[parent]
        elif parent == "":
            found[name] = None
        else:
            siblings = [child for child, _ in model.get_submodule(parent).named_children()]
            own, layers = name[len(parent) + 1 :], first_layer[len(parent) + 1 :].split(".")[0]
            is_after = own in siblings and siblings.index(own) > siblings.index(layers)
            found[name] = None if is_after else 0
    return found


def _held(name: str, known: Depths) -> set[int | None]:
    """Return the depths of the modules and parameters in a module."""
    return {depth for each, depth in known.items() if each.startswith(f"{name}.")}


def compressed(depths: Depths) -> Depths:
    """Return the same depths by fewer names: those that differ from the depth of the module around them."""
    found: dict[str, int | None] = {"": None}
    for name in sorted(depths, key=lambda name: name.count(".") + bool(name)):
        around = name
        while around not in found:
            around = around.rpartition(".")[0]
        if depths[name] != found[around]:
            found[name] = depths[name]
    return found

"""Search for a model's layers: the blocks that its hidden states pass one after the other.

A candidate is an element of a list of modules that runs on the way to the logits. Lists whose elements run in turns
(attention, norm, feed-forward) form layers together. A stage is replaced by its blocks. The computation decides this:
a block's input reaches the logits only through the block's output, where an inner part of a block is bypassed by a
residual connection. The configuration's numbers of layers break ties.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import nn

from tuner.training.model.forward_record import walk_back

if TYPE_CHECKING:
    from tuner.training.model.forward_record import Call, ForwardRecord, Node

#: Modules of one layer, in the order in which they run.
Row: TypeAlias = tuple[str, ...]

#: Keys of configurations that count layers, and those that count the blocks of each stage.
_COUNTS = ("num_hidden_layers", "encoder_layers", "decoder_layers", "num_layers")
_DEPTHS = ("depths", "depth")
#: Share of a stage's parameters that its blocks have at least.
_STAGE_SHARE = 0.5


def find_layers(model: nn.Module, record: ForwardRecord) -> list[Row]:
    """Return the layers of a model in the order in which they first run; none where they cannot be told apart.

    Args:
        model: A transformers model.
        record: A forward pass of it.
    """
    return _Search(model, record).layers()


class _Search:
    def __init__(self, model: nn.Module, record: ForwardRecord) -> None:
        self._modules = dict(model.named_modules())
        self._base = str(getattr(model, "base_model_prefix", ""))
        self._logits: Node = record.logits.grad_fn
        self._runs = record.by_module
        self._on_the_way: set[Node] = set()
        walk_back([self._logits], seen=self._on_the_way)
        self._counts, self._depths = _numbers(model.config)

    def layers(self) -> list[Row]:
        found: list[Row] = []
        for rows in self._groups(self._outer_lists("")):
            if self._is_chain(rows):
                found += self._blocks(rows)
        found.sort(key=self._begin)
        return [*found, *self._last_convolutions(found[-1])] if found else []

    def _last_convolutions(self, last: Row) -> list[Row]:
        """Return the convolutions of the base that run above the blocks, as one more layer.

        They are as much a part of the pretrained features as the blocks are: MobileNetV2 has a third of its weights
        there.
        """
        end = self._calls(last)[-1].end
        above: list[str] = []
        for name, calls in self._runs.items():
            if not name.startswith(f"{self._base}.") or calls[0].begin < end or not self._has_convolutions(name):
                continue
            if not any(name.startswith(f"{outer}.") for outer in above):
                above.append(name)
        return [tuple(above)] if above else []

    def _has_convolutions(self, name: str) -> bool:
        return any(isinstance(module, nn.Conv2d) for module in self._modules[name].modules())

    # ---- lists

    def _outer_lists(self, inside: str) -> list[str]:
        """Return the outermost lists in a module that have elements on the way to the logits."""
        found: list[str] = []
        for name, module in self._modules.items():
            if not name.startswith(f"{inside}." if inside else "") or name == inside or not _is_list(module):
                continue
            if not any(name.startswith(f"{outer}.") for outer in found) and self._elements(name):
                found.append(name)
        return found

    def _elements(self, name: str) -> list[str]:
        children = (f"{name}.{child}" for child, _ in self._modules[name].named_children())
        return [child for child in children if self._is_on_the_way(child) and self._size(child) > 0]

    def _groups(self, lists: Sequence[str]) -> list[list[Row]]:
        """Return the elements of each list, those of lists whose elements run in turns together."""
        groups: list[list[str]] = []
        for name in lists:
            partner = next((group for group in groups if self._run_in_turns(group[0], name)), None)
            if partner is None:
                groups.append([name])
            else:
                partner.append(name)
        return [
            [
                tuple(sorted(row, key=lambda each: self._begin((each,))))
                for row in zip(*map(self._elements, group), strict=True)
            ]
            for group in groups
        ]

    def _run_in_turns(self, one: str, other: str) -> bool:
        ours, theirs = self._elements(one), self._elements(other)
        if one.rpartition(".")[0] != other.rpartition(".")[0] or len(ours) != len(theirs) or len(ours) < 2:
            return False
        first, begun, second = self._begin((ours[0],)), self._begin((theirs[0],)), self._begin((ours[1],))
        return first < begun < second or begun < first < self._begin((theirs[1],))

    # ---- blocks

    def _blocks(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows, each stage among them replaced by its blocks."""
        # A list as long as the configuration says is one of layers, even if each has a list of parts that are alike.
        if len(rows) in self._counts and not self._depths:
            return list(rows)
        expected = self._depths if len(self._depths) == len(rows) else (None,) * len(rows)
        inner = [self._inner_blocks(row, count) for row, count in zip(rows, expected, strict=True)]
        if not any(inner):
            return list(rows)
        # Among stages, an element without blocks only leads from one stage to the next.
        stages = sum(map(len, inner)) == sum(self._depths) or all(inner)
        return [
            block for row, blocks in zip(rows, inner, strict=True) for block in (blocks or ([] if stages else [row]))
        ]

    def _inner_blocks(self, row: Row, expected: int | None) -> list[Row]:
        """Return the blocks of a stage; none where the row is a block itself.

        Args:
            row: The stage, or a block.
            expected: Number of the stage's blocks in the configuration: those are not searched for blocks of their own.
        """
        lists = [name for each in row for name in ([each] if each not in self._runs else self._outer_lists(each))]
        found: list[Row] = []
        for group in self._groups(lists):
            if all(self._is_cut(inner) for inner in group) and (self._are_alike(group) or self._depths):
                found += group if len(group) == expected else self._blocks(group)
        share = sum(self._size(name) for block in found for name in block) / sum(map(self._size, row))
        # An element that does not run itself is a list of blocks.
        return found if share > _STAGE_SHARE or any(each not in self._runs for each in row) else []

    def _are_alike(self, rows: Sequence[Row]) -> bool:
        return len({type(self._modules[row[-1]]) for row in rows}) == 1

    def _is_chain(self, rows: Sequence[Row]) -> bool:
        """Return whether each element of a list works on the output of the one before."""
        if all(self._is_leaf(name) for row in rows for name in row):
            return False
        ends = [(self._calls(row)[0], self._calls(row)[-1]) for row in rows]
        if not all(first.inputs and last.outputs for first, last in ends):
            return False
        for (_, before), (after, _) in itertools.pairwise(ends):
            seen: set[Node] = set()
            walk_back(after.inputs, seen=seen)
            if not seen.intersection(before.outputs):
                return False
        return True

    def _is_cut(self, row: Row) -> bool:
        """Return whether the input of an element reaches the logits only through the element's output."""
        if all(self._is_leaf(name) for name in row):
            return False
        calls = self._calls(row)
        first, last = calls[0], calls[-1]
        if not first.inputs or not last.outputs:
            return False
        seen: set[Node] = set()
        walk_back([self._logits], seen=seen, stop=last.outputs[0])
        return first.inputs[0] not in seen

    # ---- facts about modules

    def _calls(self, row: Row) -> list[Call]:
        """Return the runs of an element, or of the modules in it, in order."""
        inside = tuple(f"{name}." for name in row)
        own = [call for name in row for call in self._runs.get(name, ())]
        found = own or [call for name, calls in self._runs.items() if name.startswith(inside) for call in calls]
        return sorted(found, key=lambda call: call.begin)

    def _begin(self, row: Row) -> int:
        return self._calls(row)[0].begin

    def _is_on_the_way(self, name: str) -> bool:
        return any(node in self._on_the_way for call in self._calls((name,)) for node in call.outputs)

    def _is_leaf(self, name: str) -> bool:
        return not any(True for _ in self._modules[name].children())

    def _size(self, name: str) -> int:
        return sum(parameter.numel() for parameter in self._modules[name].parameters())


def _is_list(module: nn.Module) -> bool:
    return isinstance(module, nn.ModuleList | nn.Sequential)


def _numbers(config: Any) -> tuple[frozenset[int], tuple[int, ...]]:
    """Return the numbers of layers that a configuration names, and the numbers of blocks of its stages."""
    counts: set[int] = set()
    for each in (config, *_parts(config)):
        counts |= {value for name in _COUNTS if isinstance(value := getattr(each, name, None), int)}
    depths = next((value for name in _DEPTHS if isinstance(value := getattr(config, name, None), list | tuple)), ())
    return frozenset(counts), tuple(depths)


def _parts(config: Any) -> Iterator[Any]:
    """Yield the configurations of a model's parts."""
    names: Mapping[str, Any] = getattr(config, "sub_configs", None) or {}
    for name in names:
        if getattr(config, name, None) is not None:
            yield getattr(config, name)

"""Forward passes of a trial: through the whole model, or only through the part above its frozen layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tuner.errors import first_line
from tuner.machine.memory import is_out_of_memory
from tuner.training.data import batches
from tuner.training.data.examples import select
from tuner.training.data.packing import packed_parts, sequences
from tuner.training.data.token_examples import IGNORED, TokenExamples
from tuner.training.model.token_head import TokenHead
from tuner.training.trunk.cache import NotKept, TrunkCache
from tuner.training.trunk.hidden_states import Cached, Held, Recomputed, StateLayout
from tuner.training.trunk.placement import Place, Placement, available_memory, choose_place
from tuner.training.trunk.trunk import Trunk, first_tokens, width_multiple

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import nn

    from tuner.training.data.encoded import EncodedData
    from tuner.training.data.examples import Examples, Indices
    from tuner.training.trunk.cache_entry import CacheEntry
    from tuner.training.trunk.hidden_states import HiddenStates
    from tuner.trial.anatomy import Anatomy
    from tuner.trial.run import Speed, TrunkHome

#: When an entry is opened, a few states are computed again. They may differ from the stored ones by this multiple of
#: the difference that was measured when the entry was made. An entry that differs more is not of this model.
_SLACK = 4.0


class ForwardPasses:
    """The forward passes of one trial.

    Args:
        model: The model, on its device.
        anatomy: Its parts.
        data: The examples.
        device: The model's device.
        depths: Numbers of layers that are frozen at some optimiser step; 0 is ignored.
        speed: The techniques in use.
        kept: Type in which hidden states of frozen layers are kept.
    """

    def __init__(
        self,
        model: nn.Module,
        anatomy: Anatomy,
        data: EncodedData,
        device: torch.device,
        *,
        depths: Collection[int],
        speed: Speed,
        kept: torch.dtype = torch.float32,
    ) -> None:
        self._model = model
        self._examples: dict[str, Examples] = {"train": data.train, "validation": data.validation}
        self._device = device
        self._depths = sorted({*depths} - {0})
        self._speed = speed
        self._kept = kept
        #: Layers that are frozen now: their output is read from the hidden states.
        self.depth = 0
        self._states: HiddenStates | None = None
        #: The decision on where hidden states come from, as JSON values; None where no layer is frozen.
        self.decision: dict[str, Any] | None = None
        self._rounding = batches.Rounding(
            multiple=width_multiple(device.type), longest=getattr(model.config, "max_position_embeddings", None)
        )
        self._tokens = self._token_head() if isinstance(data.train, TokenExamples) else None
        self._trunk: Trunk | None = None
        facts = anatomy.trunk
        if not (speed.one_token and data.train.starts_with_first):
            facts = replace(facts, reads_first=False, one_token_layer=False)
        self._facts = facts
        self._computed: Recomputed | None = None
        if facts.complaint is None and (self._depths or facts.one_token_layer):
            self._trunk = Trunk(model, anatomy)
            if facts.one_token_layer:
                self._trunk.use_one_token_layer()
            self._computed = Recomputed(
                self._trunk,
                self._examples,
                self._device,
                StateLayout(
                    hidden=facts.hidden,
                    tokens=facts.tokens,
                    dtype=self._kept,
                    first_only=anatomy.count if facts.reads_first else None,
                ),
                rounding=self._rounding,
                grouped=self._speed.length_grouping,
            )

    @property
    def one_token_layer(self) -> bool:
        """Whether the last layer is computed for its first token alone, where it is computed."""
        return self._facts.one_token_layer

    def take_states(
        self, home: TrunkHome | None, key: Mapping[str, Any], others: Collection[int], *, cached: bool | None
    ) -> None:
        """Decide where the hidden states of frozen layers come from.

        Args:
            home: The trunk cache; None computes hidden states for each batch.
            key: The facts that decide the bits of the states and that this class does not know.
            others: Depths that other trials of the study may need.
            cached: Whether an earlier attempt at the trial read from the cache. Where cached and computed states differ
                in their bits, this attempt does the same.
        """
        if not self._depths:
            return
        if self._computed is None:
            self.decision = {"place": "recompute", "reason": self._facts.complaint}
            return
        self._states = self._computed
        if home is None:
            self.decision = {"place": "recompute", "reason": "nothing is kept"}
            return
        try:
            entries = self._entries(home, key, others)
        except NotKept as reason:
            self.decision = {"place": "recompute", "reason": str(reason)}
            return
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # The model's code was not written for this and may raise anything. It is run as a whole instead.
            self._states = None
            self.decision = {"place": "recompute", "reason": f"hidden states cannot be kept: {first_line(error)}"}
            return
        difference = max(entry.difference for entry in entries.values())
        placement = self._place(entries)
        if cached is not None and difference > 0 and cached != (placement.place != "recompute"):
            place: Place = "disk" if cached else "recompute"
            placement = Placement(place=place, reason="as before this trial was interrupted")
        if placement.place == "device":
            entries = {depth: entry.to(self._device) for depth, entry in entries.items()}
        if placement.place != "recompute":
            self._states = Cached(entries, self._device, left=not self._examples["train"].starts_with_first)
        self.decision = {
            "place": placement.place,
            "reason": placement.reason,
            "depths": self._depths,
            "difference": difference,
        }

    def _entries(self, home: TrunkHome, key: Mapping[str, Any], others: Collection[int]) -> dict[int, CacheEntry]:
        assert self._computed is not None
        assert self._trunk is not None
        cache = TrunkCache(home.folder, home.limit)
        probe = self._chosen_for_comparison()
        made = self._computed.compute("train", probe, self._depths)
        whole = {
            **key,
            "weights": home.weights,
            "dtype": str(self._kept),
            "device": self._device.type,
            "torch": torch.__version__,
            "attention": getattr(self._model.config, "_attn_implementation", None),
            "kind": torch.cuda.get_device_name(self._device)
            if self._device.type == "cuda"
            else torch.backends.cpu.get_cpu_capability(),
            "first_only": self._facts.reads_first,
        }
        entries = {}
        for depth in self._depths:
            entry = cache.entry(whole, depth, {*others} - {0}, self._computed)
            if not _is_sound(entry, probe, made[depth]):
                cache.discard(entry)
                entry = cache.entry(whole, depth, (), self._computed)
                if not _is_sound(entry, probe, made[depth]):
                    raise NotKept("the stored states are not those that the model computes")
            entries[depth] = entry
        return entries

    def _chosen_for_comparison(self) -> Indices:
        """Return two examples of the training split: a short and a middling text, which may share a batch."""
        lengths = self._examples["train"].lengths
        probe = self._rounding.apart(lengths)[-1]
        return probe[np.argsort(lengths[probe], kind="stable")][[0, len(probe) // 2]]

    def _place(self, entries: Mapping[int, CacheEntry]) -> Placement:
        deepest = entries[max(entries)]
        return choose_place(
            size=sum(entry.size for entry in entries.values()),
            tokens=sum(entry.tokens for entry in entries.values()),
            costs=deepest.costs,
            device_free=torch.cuda.mem_get_info(self._device)[0] if self._device.type == "cuda" else None,
            memory_available=available_memory(),
        )

    def hold_states(self, split: str, indices: Indices) -> None:
        """Compute the states of some examples at the present depth once, and take them from memory from now on."""
        assert self._computed is not None
        examples = self._examples[split]
        kept: dict[int, torch.Tensor] = {}
        for places in batches.evaluation_batches(examples.lengths[indices], len(indices), device=self._device.type):
            made = self._computed.compute(split, indices[places], [self.depth])[self.depth]
            # Copies: a state may be a part of a tensor of its whole batch, which would be kept with it.
            kept.update(zip(indices[places].tolist(), (each.clone() for each in made), strict=True))
        self._states = Held(kept, left=not examples.starts_with_first)

    def targets(self, split: str, indices: Indices) -> torch.Tensor:
        """Return the targets of some examples."""
        return self._examples[split].targets(indices, width=None)

    def mean_states(self, split: str, indices: Indices, depths: Collection[int]) -> dict[int, npt.NDArray[np.float64]]:
        """Return the mean hidden state of each example after some numbers of layers. Shape: (examples, hidden)."""
        assert self._computed is not None
        lengths = self._examples[split].lengths[indices]
        found: dict[int, list[Any]] = {depth: [None] * len(indices) for depth in depths}
        for places in batches.evaluation_batches(lengths, len(indices), device=self._device.type):
            made = self._computed.compute(split, indices[places], depths)
            for depth, rows in made.items():
                for place, states in zip(places, rows, strict=True):
                    found[depth][place] = states.float().mean(dim=0).cpu().numpy()
        return {depth: np.stack(rows).astype(np.float64) for depth, rows in found.items()}

    @property
    def cached(self) -> bool | None:
        """Whether states are taken from the cache; None where no layer is frozen."""
        return None if self.decision is None else isinstance(self._states, Cached)

    def state_bytes(self) -> int:
        """Return the bytes of the hidden states of all examples at the depths of this trial; 0 if none can be kept."""
        computed = self._computed
        if computed is None:
            return 0
        rows = sum(int(computed.begins(split, depth)[-1]) for split in self._examples for depth in self._depths)
        return rows * computed.hidden * computed.dtype.itemsize

    # ---- passes

    def examples(self, split: str) -> Examples:
        """Return the examples of a split."""
        return self._examples[split]

    def chosen(self, split: str, count: int | None) -> Indices:
        """Return the examples of a split to use where at most `count` are wanted."""
        return select(self._examples[split], count)

    def parts(self, split: str, batch: Indices, size: int) -> list[Indices]:
        """Split a training batch into forward passes of at most `size` examples."""
        widths = self._examples[split].lengths
        if self.packs(split, self.depth):
            assert self._speed.packing is not None
            tokens = batches.PASS_TOKENS[self._device.type]
            return packed_parts(batch, widths, self._speed.packing, size=size, tokens=tokens)
        if self._is_head_alone:
            widths = np.ones_like(widths)
        return batches.micro_batches(batch, widths, size, device=self._device.type, grouped=self._speed.length_grouping)

    def evaluation_parts(self, split: str, indices: Indices, size: int) -> Iterator[Indices]:
        """Split examples into forward passes of an evaluation. The split is the same in each evaluation."""
        lengths = self._examples[split].lengths[indices]
        if not self._speed.length_grouping:
            yield from (indices[start : start + size] for start in range(0, len(indices), size))
            return
        rounding = self._rounding if self._depths and self._trunk is not None else None
        for places in batches.evaluation_batches(lengths, size, device=self._device.type, rounding=rounding):
            yield indices[places]

    def forward(self, split: str, indices: Indices, *, exact: bool = False) -> tuple[Any, torch.Tensor]:
        """Return the model's output for some examples, and their targets. Shape of both: (examples, ...).

        The output of a model that predicts tokens is `TokenLogits`.

        Args:
            split: Their split.
            indices: Which examples.
            exact: Whether the output may depend neither on how many layers are frozen nor on the place that the hidden
                states come from: an evaluation of the exported model then gives the same value.
        """
        examples = self._examples[split]
        if self.packs(split, self.depth):
            return self._packed(split, indices)
        width = None
        if exact and self._depths and self._trunk is not None and self._facts.tokens is None:
            width = self._rounding.width(examples.lengths[indices])
        targets = examples.targets(indices, width=width).to(self._device)
        if self._tokens is None:
            return self._output(examples, split, indices, width), targets
        chosen = targets != IGNORED
        with self._tokens.computing(chosen):
            made = self._output(examples, split, indices, width)
        return self._tokens.logits(made, chosen), targets

    def packs(self, split: str, depth: int) -> bool:
        """Return whether rows of a split are packed where so many layers are frozen.

        Rows of training are, where the whole model is computed: hidden states of frozen layers are kept by rows. An
        evaluation packs none: it tells the loss of each row.
        """
        is_whole = depth == 0 or self._states is None
        return split == "train" and self._speed.packing is not None and self._tokens is not None and is_whole

    def _packed(self, split: str, indices: Indices) -> tuple[Any, torch.Tensor]:
        examples = self._examples[split]
        assert isinstance(examples, TokenExamples)
        assert self._speed.packing is not None
        assert self._tokens is not None
        inputs, targets = examples.packed(sequences(indices, examples.lengths, self._speed.packing))
        targets = targets.to(self._device)
        chosen = targets != IGNORED
        with self._tokens.computing(chosen):
            made = self._model(**self._to(inputs)).logits
        return self._tokens.logits(made, chosen), targets

    def _output(self, examples: Examples, split: str, indices: Indices, width: int | None) -> torch.Tensor:
        """Return the logits of the model for some examples, padded to a width."""
        if self.depth == 0 or self._states is None:
            logits: torch.Tensor = self._model(**self._to(examples.inputs(indices, width=width))).logits
            return logits
        assert self._trunk is not None
        if self._is_head_alone:
            outline, width = first_tokens(examples.outline(indices, width=1)), 1
        else:
            outline = examples.outline(indices, width=width)
            width = self._facts.tokens or width or int(examples.lengths[indices].max())
        states = self._states.padded(split, indices, self.depth, width)
        upper: torch.Tensor = self._trunk.upper(self._to(outline), states, self.depth).logits
        return upper

    def _token_head(self) -> TokenHead:
        """Have the model compute its output layer for the tokens that count alone."""
        shortest = np.argsort(self._examples["train"].lengths, kind="stable")[:1]
        return TokenHead(self._model, self._to(self._examples["train"].inputs(shortest)), self._kept)

    def contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        """Return a context for the computation of a layer now, and one for the same computation once more.

        Some versions of transformers compute a layer again from its arguments, among which given states are not.
        """
        return nullcontext(), nullcontext() if self._trunk is None else self._trunk.again()

    def loss_terms(self, split: str, indices: Indices) -> int:
        """Return how many terms some examples add to the loss."""
        return int(self._examples[split].loss_terms[indices].sum())

    @property
    def _is_head_alone(self) -> bool:
        """Whether only the head is computed, for one token an example."""
        trunk = self._trunk
        return trunk is not None and self.depth == trunk.depth and self._facts.reads_first

    def _to(self, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if self._device.type == "cpu":
            return dict(batch)
        return {name: value.pin_memory().to(self._device, non_blocking=True) for name, value in batch.items()}


def _is_sound(entry: CacheEntry, probe: Indices, made: Sequence[torch.Tensor]) -> bool:
    """Return whether an entry has the states that the model now computes for a few examples."""
    for there, here in zip(entry.rows("train", probe), made, strict=True):
        largest = float(here.abs().max().clamp(min=1e-6))
        if not float((there.float() - here.float().cpu()).abs().max()) <= _SLACK * entry.difference * largest:
            return False
    return True

"""The inputs of a classifier, computed once: what a head is fitted on where no hidden states can be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tuner.training.out_of_memory import in_parts

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from tuner.training.data.examples import Indices
    from tuner.training.trunk.forward import ForwardPasses

#: Examples per forward pass.
_SIZE = 32


class ClassifierInputs:
    """What the classifier of a model is given for each of some examples, with everything below it frozen.

    Args:
        model: The model, in evaluation mode.
        name: Name of its classifier; see `find_classifier`.
        passes: Its forward passes.
        rows: Examples of the training split.
    """

    def __init__(self, model: nn.Module, name: str, passes: ForwardPasses, rows: Indices) -> None:
        self._classifier = model.get_submodule(name)
        self._passes = passes
        self._kept: dict[int, torch.Tensor] = {}
        caught: list[torch.Tensor] = []
        hook = self._classifier.register_forward_pre_hook(lambda _, given: caught.append(given[0]))

        def keep(part: Indices) -> None:
            caught.clear()
            passes.forward("train", part)
            # Copies: a row is a part of the tensor of its whole batch, which would be kept with it.
            self._kept.update(zip(part.tolist(), (each.clone() for each in caught.pop()), strict=True))

        try:
            with torch.no_grad():
                for part in passes.evaluation_parts("train", rows, _SIZE):
                    in_parts(keep, part)
        finally:
            hook.remove()

    def forward(self, rows: Indices) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of examples, and their targets."""
        inputs = self._of(rows)
        logits: torch.Tensor = self._classifier(inputs)
        return logits, self._passes.targets("train", rows).to(inputs.device)

    def targets(self, split: str, indices: Indices) -> torch.Tensor:
        """Return the targets of examples."""
        return self._passes.targets(split, indices)

    def mean_states(self, split: str, indices: Indices, depths: Collection[int]) -> dict[int, npt.NDArray[np.float64]]:
        """Return the inputs of examples of the training split, as one row of numbers each, for each depth."""
        assert split == "train"
        rows = self._of(indices).flatten(1).double().cpu().numpy()
        return dict.fromkeys(depths, rows)

    def _of(self, rows: Indices) -> torch.Tensor:
        return torch.stack([self._kept[row] for row in rows.tolist()])

"""Whether padding changes a text's logits, by plain transformers: each text alone, and in a ragged batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import nn

    from tuner.trial.anatomy import Anatomy, Padding

#: How far logits may differ, relative to the largest.
SAME = 1e-4
#: How far they differ by rounding, where a model computes parts in single precision.
_ROUNDING = 1e-5


def pad(rows: Sequence[Sequence[int]], padding: Padding, *, multiple: int = 1) -> dict[str, torch.Tensor]:
    """Return a model's arguments for some texts, whose width is a multiple of a number of tokens."""
    width = max(map(len, rows))
    width += -width % multiple
    ids, mask = [], []
    for row in rows:
        filler = [padding.token_id] * (width - len(row))
        ids.append([*filler, *row] if padding.side == "left" else [*row, *filler])
        seen, unseen = [1] * len(row), [0] * len(filler)
        mask.append([*unseen, *seen] if padding.side == "left" else [*seen, *unseen])
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def agree(model: Any, padding: Padding) -> None:
    """Tell a plain model the padding that preparation found."""
    if padding.embeddings is not None:
        model.resize_token_embeddings(padding.embeddings)
    for config in (model.config, model.config.get_text_config()):
        config.pad_token_id = padding.token_id


def padding_difference(model: Any, rows: Sequence[Sequence[int]], padding: Padding) -> float:
    """Return how far logits in a ragged batch are from those of each text alone, relative to the largest logit.

    They are computed in double precision, in which rounding is far below any effect of padding. Experts have no code
    for it.
    """
    model.eval()
    try:
        return _difference(model.double(), rows, padding)
    except RuntimeError:
        return _difference(model.float(), rows, padding)
    finally:
        model.float()


@torch.no_grad()
def _difference(model: Any, rows: Sequence[Sequence[int]], padding: Padding) -> float:
    together = model(**pad(rows, padding)).logits
    alone = torch.cat([model(**pad([row], padding)).logits for row in rows])
    return float((together - alone).abs().max() / alone.abs().max())


def padding_complaints(model: nn.Module, anatomy: Anatomy, rows: Sequence[Sequence[int]]) -> Iterator[str]:
    """Yield whether an anatomy hides that padding changes the logits, or says so where it does not.

    Args:
        model: A model of plain transformers that was told the padding.
        anatomy: Its anatomy.
        rows: Token ids of some texts of unequal length.
    """
    assert anatomy.padding is not None
    found = padding_difference(model, rows, anatomy.padding)
    if found > SAME and anatomy.padding_difference <= SAME / 2:
        yield f"padding on the {anatomy.padding.side} changes logits by {found:.2g}, and the anatomy does not say so"
    elif found <= _ROUNDING and anatomy.padding_difference > SAME:
        yield f"the anatomy says that padding changes logits by {anatomy.padding_difference:.2g}, and it does not"

"""What a language model writes behind prompts: at each place the likeliest token, so that nothing is drawn."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence


@torch.no_grad()
def completions(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    most: int,
    stops: Collection[int],
    padding: int,
    size: int,
    leaving: Callable[[], bool],
) -> list[list[int]] | None:
    """Return the tokens that a model writes behind each prompt, up to a token that ends a text.

    Prompts of alike length are completed together, padded on their left. What is written behind one does not depend on
    which others it shares a pass with.

    Args:
        model: The model, in evaluation mode.
        prompts: The tokens of each prompt; at least one.
        most: Tokens of a completion, at most. Fewer where the model has no positions for them.
        stops: Tokens that end a text.
        padding: The token that pads.
        size: Prompts at a time, at most.
        leaving: Whether to break off.

    Returns:
        The tokens, without the one that ends the text. None where it was broken off.
    """
    found: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
    longest = getattr(model.config, "max_position_embeddings", None)
    device = next(model.parameters()).device

    def room_of(number: int) -> int:
        return most if longest is None else max(0, min(most, longest - len(prompts[number])))

    for part in _parts(order, room_of, size):
        if leaving():
            return None
        width, room = len(prompts[part[0]]), room_of(part[0])
        if room == 0:
            continue
        ids = torch.full((len(part), width), padding)
        mask = torch.zeros_like(ids)
        for row, number in enumerate(part):
            begin = width - len(prompts[number])
            ids[row, begin:] = torch.tensor(prompts[number])
            mask[row, begin:] = 1
        with _greedy(model, most=room, stops=stops, padding=padding):
            made = model.generate(input_ids=ids.to(device), attention_mask=mask.to(device))
        for row, number in enumerate(part):
            found[number] = _until(made[row, width:].tolist(), stops)
    return found


def _parts(order: Sequence[int], room_of: Callable[[int], int], size: int) -> Iterator[Sequence[int]]:
    """Yield prompts that are completed together: those with room for as many tokens."""
    for _, group in groupby(order, key=room_of):
        alike = list(group)
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def ends_of(model: Any, processor: Any) -> set[int]:
    """Return the tokens that end a text, by the tokenizer and by the model."""
    known = getattr(model.generation_config, "eos_token_id", None)
    return {processor.eos_token_id, *(known if isinstance(known, list) else [known])} - {None}


@contextmanager
def _greedy(model: Any, *, most: int, stops: Collection[int], padding: int) -> Iterator[None]:
    """Have a model write so, without what its authors advise, such as a penalty for words that come again."""
    from transformers import GenerationConfig

    kept = model.generation_config
    model.generation_config = GenerationConfig(
        max_new_tokens=most,
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=sorted(stops) or None,
        pad_token_id=padding,
    )
    try:
        yield
    finally:
        model.generation_config = kept


def _until(tokens: list[int], stops: Collection[int]) -> list[int]:
    ends = (place for place, token in enumerate(tokens) if token in stops)
    return tokens[: next(ends, len(tokens))]

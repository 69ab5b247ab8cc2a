"""Packing: rows of tokens beside each other in one sequence, each with positions of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuner.training.data.examples import Indices


def sequences(rows: Indices, lengths: Indices, width: int) -> list[Indices]:
    """Put rows into few sequences: the longest row first, each into the first sequence that has room for it.

    Rows of some of the sequences, given again in their order, are put into the same sequences.

    Args:
        rows: Numbers of rows.
        lengths: Tokens of every row of the split.
        width: Tokens of a sequence, at most. A longer row is a sequence of its own.
    """
    found: list[list[int]] = []
    room: list[int] = []
    for row in rows[np.argsort(-lengths[rows], kind="stable")]:
        length = int(lengths[row])
        place = next((place for place, left in enumerate(room) if left >= length), None)
        if place is None:
            found.append([int(row)])
            room.append(width - length)
        else:
            found[place].append(int(row))
            room[place] -= length
    return [np.asarray(each, dtype=np.int64) for each in found]


def packed_parts(batch: Indices, lengths: Indices, width: int, *, size: int, tokens: int) -> list[Indices]:
    """Split a batch into forward passes of whole sequences.

    Args:
        batch: Numbers of rows.
        lengths: Tokens of every row of the split.
        width: Tokens of a sequence, at most.
        size: Rows per pass, at most.
        tokens: Tokens per pass, at most, padding included; a pass of one sequence may have more.
    """
    chunks = [
        each[start : start + size] for each in sequences(batch, lengths, width) for start in range(0, len(each), size)
    ]
    parts: list[list[Indices]] = []
    for chunk in chunks:
        if parts and _fits([*parts[-1], chunk], lengths, size, tokens):
            parts[-1].append(chunk)
        else:
            parts.append([chunk])
    return [np.concatenate(part) for part in parts]


def _fits(chunks: Sequence[Indices], lengths: Indices, size: int, tokens: int) -> bool:
    widest = max(int(lengths[chunk].sum()) for chunk in chunks)
    return sum(map(len, chunks)) <= size and widest * len(chunks) <= tokens

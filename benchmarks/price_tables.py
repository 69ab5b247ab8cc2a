"""Learning curves of configurations that were all trained to their end, from which searches are replayed."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]
#: A search's result is held against the best of so many configurations, all trained to their end.
REFERENCE = 64


class NoTables(Exception):
    """There are no tables where they were said to be."""


@dataclass(frozen=True)
class Table:
    """Curves of one learning task. Costs are counted in points of a curve."""

    name: str
    #: Validation loss: configurations by points, of which the first is before training and the last is the end.
    curves: Numbers
    #: Hyperparameters, each scaled to 0 and 1: configurations by hyperparameters.
    encoded: Numbers

    @property
    def length(self) -> int:
        """Points of a full run."""
        return int(self.curves.shape[1]) - 1

    @cached_property
    def ends(self) -> list[int]:
        """By configuration, the point of its first loss that is not finite, or the last point."""
        lost = ~np.isfinite(self.curves)
        lost[:, -1] = True
        return [int(point) for point in lost.argmax(axis=1)]

    @cached_property
    def final(self) -> Numbers:
        """Final losses; infinite where a configuration diverged."""
        at_end = self.curves[np.arange(len(self.curves)), self.ends]
        return np.where(np.isfinite(at_end), at_end, np.inf)

    @cached_property
    def spread(self) -> float:
        """Loss of the median configuration less that of the best one: the unit of regret."""
        return float(np.median(self.final) - self.final.min())

    def value(self, configuration: int, percent: int) -> float:
        """Return the loss at a percent of the schedule."""
        return float(self.curves[configuration, self.point(percent)])

    def point(self, percent: int) -> int:
        """Return the point at which a percent of the schedule is reached."""
        return -(-percent * self.length // 100)

    def drawn(self, seed: int) -> list[int]:
        """Return all configurations in an order that a seed decides: a search draws them without replacement."""
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        return [int(one) for one in rng.permutation(len(self.curves))]

    def regret(self, loss: float, seed: int) -> float:
        """Return how much worse a loss is than the best of the first configurations, in percent of the spread."""
        reference = float(self.final[self.drawn(seed)[:REFERENCE]].min())
        return 100 * (loss - reference) / self.spread


def read_tables(folder: Path) -> list[Table]:
    """Read every table of a folder.

    Raises:
        NoTables: There is none, or a file is none; the message is one line.
    """
    files = sorted(folder.glob("*.json.gz"))
    if not files:
        raise NoTables(f"{folder}: {'no *.json.gz there' if folder.is_dir() else 'no such folder'}")
    found = []
    for file in files:
        try:
            rows = json.loads(gzip.decompress(file.read_bytes()))
            losses = np.array([row["valid"]["loss"] for row in rows], dtype=np.float64)
            points = {name: np.array([row["hp"][name] for row in rows], dtype=np.float64) for name in rows[0]["hp"]}
            if losses.ndim != 2 or len(losses) < REFERENCE:
                raise ValueError(f"losses of shape {losses.shape}")
        except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
            raise NoTables(f"{file}: not a table of learning curves ({type(error).__name__}: {error})") from error
        found.append(Table(file.name.removesuffix(".json.gz"), losses, _scaled(points)))
    return found


def _scaled(points: dict[str, Numbers]) -> Numbers:
    """Scale hyperparameters to 0 and 1: those that span decades by logarithms, betas by their distance to 1."""
    columns = []
    for name, given in points.items():
        values = 1 - given if name.startswith("beta") else given
        if values.min() > 0 and values.max() > 100 * values.min():
            values = np.log10(values)
        spread = values.max() - values.min()
        columns.append((values - values.min()) / spread if spread else np.zeros_like(values))
    return np.stack(columns, axis=1)


def made_tables(count: int) -> list[Table]:
    """Make small tables of curves that fall towards levels of their own at rates of their own; some diverge."""
    found: list[Any] = []
    for number in range(count):
        rng = np.random.default_rng(number)
        encoded = rng.random((160, 3))
        rate, level = encoded[:, :1], 0.3 + np.abs(encoded[:, :1] - 0.7) + 0.2 * encoded[:, 1:2]
        at = np.linspace(0, 1, 51)
        curves = level + (1.2 - level) * np.exp(-at * (1 + 9 * rate)) + 0.01 * rng.standard_normal((160, 51))
        for lost in np.flatnonzero(encoded[:, 0] > 0.93):
            curves[lost, rng.integers(1, 40) :] = np.nan
        found.append(Table(f"made {number}", curves, encoded))
    return found

"""The plan of a study's splits: the splits of the source that it needs, before any row is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from search_spaces import suggestion
from tuner.errors import DataError
from tuner.training.data.split_names import find_split


@dataclass(frozen=True, kw_only=True)
class SplitPlan:
    """The splits of the source that a study needs, found by their names before any row is read."""

    #: By split of the study, the split of the source that it is.
    named: Mapping[str, str]
    #: By split of the study, its number or share of the rows of `base`.
    carved: Mapping[str, int | float]
    #: The split of the source that the others are carved from; None where none is carved.
    base: str | None
    #: The splits of the study, in the order of its file: the fingerprint of the data depends on it.
    order: tuple[str, ...]

    @property
    def needed(self) -> tuple[str, ...]:
        """The splits of the source that have to be read."""
        return tuple(dict.fromkeys([*([self.base] if self.base is not None else []), *self.named.values()]))


def plan_splits(present: Collection[str], wanted: Mapping[str, int | float | str]) -> SplitPlan:
    """Find the splits of the source that a study file asks for.

    Args:
        present: Names of the source's splits.
        wanted: By split: the name of a split of the source, a number of examples, or a share below 1. Numbers and
            shares are carved from the source's `train` split, or from the only one.

    Raises:
        DataError: A split does not exist or is named twice, or it is not clear which one to carve from.
    """
    named = {split: _found(split, name, present) for split, name in wanted.items() if isinstance(name, str)}
    for split, name in named.items():
        if others := [other for other in named if other != split and named[other] == name]:
            raise DataError("", f"data.splits.{others[0]}", f"{name!r} is the {split} split already; name another")
    carved = {split: size for split, size in wanted.items() if not isinstance(size, str)}
    return SplitPlan(named=named, carved=carved, base=_base(present, named) if carved else None, order=tuple(wanted))


def _found(split: str, name: str, present: Collection[str]) -> str:
    found = find_split(name, present)
    if found is not None:
        return found
    if (share := _share(name)) is not None:
        reason = f"{name!r} is the name of no split; write {share} without quotes, a share or a number of rows"
        raise DataError("", f"data.splits.{split}", reason)
    raise DataError(
        "",
        f"data.splits.{split}",
        f"the source has no split {name!r}{suggestion(name, present)}; it has {', '.join(present)}",
    )


def _share(name: str) -> str | None:
    """Return the number that a name was meant to be, as YAML takes it: `80%` is 0.8."""
    try:
        number = float(name.strip().rstrip("%").replace(",", ".").replace("_", ""))
    except ValueError:
        return None
    return f"{number / 100:g}" if name.strip().endswith("%") else f"{number:g}"


def _base(present: Collection[str], named: Mapping[str, str]) -> str:
    training = find_split("train", present)
    base = named.get("train", training if training is not None else next(iter(present)))
    if len(present) > 1 and training is None and "train" not in named:
        raise DataError(
            "",
            "data.splits.train",
            f"the source has several splits ({', '.join(present)}); name one to carve from",
        )
    if taken := [split for split, name in named.items() if name == base and split != "train"]:
        raise DataError(
            "",
            f"data.splits.{taken[0]}",
            f"{base!r} is the split that the others are carved from; name another",
        )
    return base

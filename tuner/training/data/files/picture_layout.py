"""The layout of a folder of pictures: the split and the label of each picture by the folders that it lies in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeAlias

from tuner.training.data.files.file_rows import ONLY
from tuner.training.data.files.places import with_others
from tuner.training.data.split_names import canonical_split
from tuner.training.data.split_plan import plan_splits

#: The folders above a picture, from the outermost.
Home: TypeAlias = tuple[str, ...]

#: Names of pictures that begin with a word and end with a number: `cat.0.png`, `dog_12.png`.
_LABELLED = re.compile(r"([^\W\d_]+)[-._ ]*\d+\.\w+")
_BY_TABLE = "write a table metadata.csv with the columns file_name and label into the folder"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The splits and labels of pictures."""

    #: Pictures by split.
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: The label of each picture.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: The reason why the folders give no labels; empty where they do.
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def classes(self) -> frozenset[str]:
        """The labels, each once."""
        return frozenset(self.labels.values())


def find_layout(
    pictures: Sequence[str], name: str, asked: Mapping[str, int | float | str], *, labelled: bool
) -> Layout:
    """Return the layout of a folder.

    The label is the name of the innermost folder. A folder above it that is named like a split is one, and the folders
    beside it are splits, too.

    Args:
        pictures: Paths of pictures, relative to the folder. There is one at least.
        name: The folder's name for messages.
        asked: The study file's `data.splits`. Pictures without labels in a split that it does not use are left out.
        labelled: Whether the study needs labels. Without, pictures may lie in any folder.
    """
    homes: Mapping[str, Home] = {picture: PurePosixPath(picture).parts[:-1] for picture in pictures}
    level = _split_level(list(homes.values()))
    if not labelled:
        plain = all(level is None or len(home) > level for home in homes.values())
        by_split = (
            _grouped({picture: home[level] for picture, home in homes.items()}) if plain and level is not None else {}
        )
        return Layout(
            splits=by_split or {ONLY: tuple(pictures)},
            labels={picture: home[-1] if home else "" for picture, home in homes.items()},
        )
    homes, notes = _without_unlabelled(homes, name, level, asked)
    if problem := _problem(homes, name, level):
        return Layout(problem=problem)
    labels = {picture: home[-1] for picture, home in homes.items()}
    if level is not None:
        splits = _grouped({picture: home[level] for picture, home in homes.items()})
    else:
        splits = _by_file_name(list(homes))
    return Layout(splits=splits, labels=labels, notes=(*notes, *_notes(homes, name, level)))


def _split_level(homes: Sequence[Home]) -> int | None:
    """Return how many folders lie above those that are splits; None where there are no splits."""
    levels = [index for home in set(homes) for index, part in enumerate(home[:-1]) if canonical_split(part) is not None]
    return min(levels, default=None)


def _without_unlabelled(
    homes: Mapping[str, Home], name: str, level: int | None, asked: Mapping[str, int | float | str]
) -> tuple[Mapping[str, Home], list[str]]:
    """Leave out splits without folders by label that the study does not use, as `test` of a competition is."""
    if level is None:
        return homes, []
    deepest: dict[str, int] = {}
    for home in homes.values():
        if len(home) > level:
            deepest[home[level]] = max(deepest.get(home[level], 0), len(home))
    plain = [split for split, depth in deepest.items() if depth == level + 1 and canonical_split(split) is not None]
    if plain:
        needed = plan_splits(deepest, asked).needed
        plain = [split for split in plain if split not in needed]
    kept = {picture: home for picture, home in homes.items() if len(home) <= level or home[level] not in plain}
    if len(kept) == len(homes):
        return homes, []
    shown = ", ".join(f"{name}/{split}" for split in plain)
    return kept, [
        f"pictures without labels, left out in splits that are not used: {len(homes) - len(kept):,} ({shown})"
    ]


def _problem(homes: Mapping[str, Home], name: str, level: int | None) -> str:
    depths = {len(home) for home in homes.values()}
    if depths == {0}:
        return _flat(list(homes), name)
    if len(depths) > 1:
        return _uneven(homes, name)
    last = {home[-1] for home in homes.values()}
    words = {part: canonical_split(part) for part in last}
    said = {word for word in words.values() if word is not None}
    # A single class may be named like a split, as the class `train` among vehicles is.
    if level is None and said and (None not in words.values() or len(said) > 1):
        shown = sorted(part for part, word in words.items() if word is not None)[0]
        return (
            f"the folder {shown!r} in {name} is named like a split, but holds pictures and no folder for each label; "
            f"put each picture into a folder named like its label ({shown}/cat/1.png), or {_BY_TABLE}"
        )
    return ""


def _flat(pictures: Sequence[str], name: str) -> str:
    words = {match[1] for picture in pictures if (match := _LABELLED.fullmatch(picture)) is not None}
    hint = ""
    if 1 < len(words) < len(pictures) and all(_LABELLED.fullmatch(picture) for picture in pictures):
        word = sorted(words)[0]
        example = next(picture for picture in pictures if picture.startswith(word))
        hint = f"; the names of the files seem to hold the labels: {example} would lie in {name}/{word}/"
    return (
        f"the pictures lie in {name} itself, such as {name}/{pictures[0]}, so they have no labels; put each into a "
        f"folder named like its label, or {_BY_TABLE}{hint}"
    )


def _uneven(homes: Mapping[str, Home], name: str) -> str:
    counts = Counter(len(home) for home in homes.values())
    usual, _ = counts.most_common(1)[0]
    # Of two depths with as many pictures, the deeper one has the labels.
    usual = max(depth for depth in counts if counts[depth] == counts[usual])
    odd = [picture for picture, home in homes.items() if len(home) != usual]
    plain = next(picture for picture, home in homes.items() if len(home) == usual)
    first, *others = (f"{name}/{picture}" for picture in odd)
    return (
        f"{with_others(first, others)} lies at another depth than {name}/{plain}, so its label is unclear; "
        "put it into the folder of its label, or elsewhere"
    )


def _grouped(splits: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for picture, split in splits.items():
        groups.setdefault(split, []).append(picture)
    order = ["train", "validation", "test", None]
    names = sorted(groups, key=lambda each: (order.index(canonical_split(each)), each))
    return {split: tuple(groups[split]) for split in names}


def _by_file_name(pictures: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return splits by the names of the files, as the library datasets has them, where every name says its split."""
    said = {picture: canonical_split(PurePosixPath(picture).name) for picture in pictures}
    words = {picture: word for picture, word in said.items() if word is not None}
    if len(words) < len(said) or len(set(words.values())) < 2:
        return {ONLY: tuple(pictures)}
    return _grouped(words)


def _notes(homes: Mapping[str, Home], name: str, level: int | None) -> tuple[str, ...]:
    above = {home[(0 if level is None else level + 1) : -1] for home in homes.values()}
    if len(above) < 2:
        return ()
    example, home = next(iter(homes.items()))
    return (f"labels are the names of the innermost folders: {name}/{example} has the label {home[-1]!r}",)

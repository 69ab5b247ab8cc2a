"""The change between the anatomy that a study was created with and the one that its model has on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuner.trial.anatomy import Anatomy

if TYPE_CHECKING:
    from tuner.trial.anatomy import Padding


def anatomy_change(stored: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """Return how the anatomy of a study's model has changed, and the remedy; None where it has not.

    Args:
        stored: The anatomy that the study was created with, as `Anatomy.to_dict` returned it.
        here: The anatomy on this machine, in the same form.
    """
    if stored.get("version") != here["version"]:
        return (
            "the version of this program that created the study finds the parts of a model in another way than this "
            f"one (rules {stored.get('version', 'unknown')}, here {here['version']}); give the study another name, or "
            "finish it with that version"
        )
    change = _change(Anatomy.from_dict(stored), Anatomy.from_dict(here))
    if change is None:
        return None
    return (
        f"the model is put together in another way than when the study was created: {change}; give the study another "
        "name, or finish it with the versions of the libraries that it was created with"
    )


def _change(stored: Anatomy, here: Anatomy) -> str | None:
    """Return the first change in words, the one that explains most.

    The reason why layers cannot be frozen is prose. `padding_difference` and `trunk` depend on rounding, and so on the
    machine: they are not compared.
    """
    if stored.count != here.count:
        return f"it has {here.count} layer{'' if here.count == 1 else 's'} (had {stored.count})"
    for number, (before, now) in enumerate(zip(stored.layers, here.layers, strict=True), start=1):
        if before != now:
            return f"layer {number} is {', '.join(now)} (was {', '.join(before)})"
    for name in sorted({*stored.depths, *here.depths}):
        if stored.depth(name) != here.depth(name):
            return f"{name or 'the model itself'} is {_place(here.depth(name))} (was {_place(stored.depth(name))})"
    if stored.freezable != here.freezable:
        return f"{_FREEZABLE[here.freezable]} may be frozen (was: {_FREEZABLE[stored.freezable]})"
    for word, names, earlier in (
        ("draws dropout", here.dropouts, stored.dropouts),
        ("drops out both below and above a layer's output", here.straddling, stored.straddling),
    ):
        for name in sorted({*names} ^ {*earlier}):
            return f"{name} {word} (did not)" if name in names else f"{name} no longer {word}"
    return _padding_change(stored.padding, here.padding)


_FREEZABLE = {"layers": "any number of layers", "whole": "no layer or all of them", "nothing": "no layer"}


def _place(depth: int | None) -> str:
    if depth is None:
        return "part of the head"
    return f"in layer {depth}" if depth > 0 else "below the layers"


def _padding_change(before: Padding | None, now: Padding | None) -> str | None:
    if before == now:
        return None
    if before is None or now is None:
        return "texts are padded (were not)" if before is None else "texts are not padded (were)"
    if before.side != now.side:
        return f"texts are padded on the {now.side} (were on the {before.side})"
    if (before.token_id, before.token) != (now.token_id, now.token):
        return f"the padding token is {_token(now)} (was {_token(before)})"
    return f"the table of embeddings has {_rows(now.embeddings)} (had {_rows(before.embeddings)})"


def _token(padding: Padding) -> str:
    return f"number {padding.token_id}" if padding.token is None else f"{padding.token!r}, number {padding.token_id}"


def _rows(count: int | None) -> str:
    return "the rows of the checkpoint" if count is None else f"{count:,} rows"

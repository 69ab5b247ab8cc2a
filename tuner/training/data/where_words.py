"""Words of `data.where` that no row has, and the words that there are instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

#: Words of a column that are kept for messages, and those that a message shows.
_KEPT, _SHOWN = 1000, 6


class WhereWords:
    """The words of the columns of `data.where`, over all files."""

    def __init__(self) -> None:
        self._there: dict[str, dict[str, None]] = {}
        self._found: dict[str, set[str]] = {}

    def add(self, column: str, words: Sequence[str | None], found: Collection[str]) -> None:
        """Note the words of a column in one file, and those of the study file among them."""
        there = self._there.setdefault(column, {})
        there.update(dict.fromkeys(word or "" for word in words[: _KEPT - len(there)]))
        self._found.setdefault(column, set()).update(found)

    def absent(self, where: Mapping[str, str | list[str]]) -> list[str]:
        """Return a warning for each word that no row has."""
        return [
            f"no row has {each!r} in column {column!r}, which data.where names{self._instead(column, each)}"
            for column, wanted in where.items()
            for each in (wanted if isinstance(wanted, list) else [wanted])
            if each not in self._found.get(column, ())
        ]

    def hint(self, where: Mapping[str, str | list[str]]) -> str:
        """Return the end of the message that no row is left."""
        absent = self.absent(where)
        return f": {absent[0]}" if absent else ": no row meets all of the conditions"

    def _instead(self, column: str, word: str) -> str:
        there = list(self._there.get(column, ()))
        same = [each for each in there if each.strip().casefold() == word.strip().casefold()]
        if same:
            return f"; did you mean {same[0]!r}?"
        shown = ", ".join(map(repr, there[:_SHOWN])) + (", …" if len(there) > _SHOWN else "")
        return f"; there are {shown}"

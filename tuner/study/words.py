"""The rule by which two written values are the same label, for `data.label`, `data.labels` and `data.where` alike."""

from __future__ import annotations

import math
import re

#: A whole number with zeros alone behind its point, without zeros in front that a code may have.
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
#: Floats above it have no digits behind the point; `repr` writes them shorter than `int` does.
_LARGEST_WHOLE = 1e16


def word(value: object) -> str | None:
    """Return the word that a value stands for; None where it is missing: empty, null or not a number.

    Two values are the same label where their words are equal. A word is the text of the value, with two exceptions:
    a whole number written with zeros behind its point is that whole number (`1.0` is `1`), and `true` and `false` in
    any capitals are `True` and `False`. Nothing else is changed: `0010`, `1E5`, `1.10`, `None` and `N/A` stay as they
    are, and so do blanks and capitals.

    Args:
        value: A string, number, boolean or None. Strings are cells of a csv file, too.
    """
    if value is None:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_WHOLE else str(value)
    text = str(value)
    if text.lower() in ("true", "false"):
        return text.capitalize()
    if (match := _WHOLE.fullmatch(text)) is not None:
        return "0" if match[1] == "-0" else match[1]
    return text or None

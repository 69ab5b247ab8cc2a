"""Sizes in bytes, as people write them."""

from __future__ import annotations

import re


def parse_size(value: object) -> int:
    """Turn `500MB`, `20GB` or a number of bytes into bytes. A unit is a power of 1,024.

    Raises:
        ValueError: The value has another form.
    """
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?\s*", str(value), re.IGNORECASE)
    if match is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is no size; write 500MB or 20GB")
    return int(float(match[1]) * 1024 ** "_kmgt".index(match[2].lower() or "_"))

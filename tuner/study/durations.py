"""Durations in study files and on the command line."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: object) -> float:
    """Turn `90`, `60s`, `30m`, `2h` or `1d` into seconds.

    Raises:
        ValueError: The value has another form, or is not above 0.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([smhd]?)\s*", str(value))
    if isinstance(value, float) and math.isfinite(value) and value > 0:
        return value
    if isinstance(value, bool) or not match or float(match[1]) <= 0:
        raise ValueError(f"{value!r} is no duration; write 90s, 30m, 2h or 1d")
    return float(match[1]) * _UNITS_S[match[2] or "s"]


#: Seconds; written as `30m` or as a number of seconds.
Duration = Annotated[float, BeforeValidator(parse_duration), PlainSerializer(float)]

"""The command, with a signal to itself at a named moment: `python -P crashing.py POINT COUNT SIGNAL ARGUMENT...`.

Such as `crashing.py pointer 2 SIGKILL start study.yaml`: killed when the second pointer is set.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable

from storage import crash_points
from tuner.cli.main import main

#: Crash points that only a study with rungs passes.
RUNG_POINTS = ("shelving", "shelved", "deciding", "promoted", "ending")


def signalling(point: str, count: int, number: signal.Signals) -> Callable[[str], None]:
    """Return a hook that sends the signal when the point is reached for the `count`th time."""
    assert point in (
        *crash_points.POINTS,
        *crash_points.HEAD_POINTS,
        *crash_points.PLAN_POINTS,
        *crash_points.TEST_POINTS,
    )
    reached = itertools.count(1)  # threads reach points too; `next` is one step for them

    def hook(name: str) -> None:
        if name == point and next(reached) == count:
            os.kill(os.getpid(), number)

    return hook


if __name__ == "__main__":
    crash_points.hook = signalling(sys.argv[1], int(sys.argv[2]), signal.Signals[sys.argv[3]])
    sys.argv[1:] = sys.argv[4:]
    main()

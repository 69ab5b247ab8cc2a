"""The command, which waits at a named moment: `python -P waiting.py POINT COUNT FOLDER ARGUMENT...`.

Such as `waiting.py pointer 2 here start study.yaml`: when the second pointer is set, the thread that has set it writes
`here/reached`, and goes on once there is `here/go`.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

from storage import crash_points
from tuner.cli.main import main


def waiting(point: str, count: int, folder: Path) -> Callable[[str], None]:
    """Return a hook that waits when the point is reached for the `count`th time."""
    assert point in crash_points.POINTS
    reached = itertools.count(1)  # threads reach points too; `next` is one step for them

    def hook(name: str) -> None:
        if name == point and next(reached) == count:
            (folder / "reached").touch()
            while not (folder / "go").exists():
                time.sleep(0.01)

    return hook


if __name__ == "__main__":
    crash_points.hook = waiting(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    sys.argv[1:] = sys.argv[4:]
    main()

"""How long a supervisor waits for news."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tuner.supervisor.lanes import Lanes
from tuner.supervisor.supervisor import LOOK_S, Supervisor


@pytest.mark.parametrize(
    ("has_freed", "ending", "seconds"),
    [
        (False, None, LOOK_S),
        # A trial that was put aside has left its lane after lanes were filled.
        (True, None, 0.0),
        # Nothing is claimed any more: it would turn without a pause.
        (True, object(), LOOK_S),
    ],
)
def test_a_supervisor_waits_unless_a_lane_has_just_become_free(has_freed: bool, ending: object, seconds: float) -> None:
    lanes = Lanes(())
    lanes.has_freed = has_freed
    here = SimpleNamespace(_lanes=lanes, _ending=ending)
    assert Supervisor._idle_s(cast(Any, here)) == seconds

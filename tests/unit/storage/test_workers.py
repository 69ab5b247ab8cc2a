from __future__ import annotations

import os

from storage import new_owner
from storage.tables import slots, workers


def test_no_two_owners_have_one_name_and_each_fits_its_columns() -> None:
    names = {new_owner() for _ in range(100)}
    assert len(names) == 100
    longest = min(slots.c.owner.type.length, workers.c.owner.type.length)  # type: ignore[attr-defined]
    assert all(str(os.getpid()) in name and len(name) <= longest for name in names)

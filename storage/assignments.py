"""Orders the assignments of an UPDATE so that every expression reads the row's old values.

Standard SQL guarantees this for any order. MySQL assigns from left to right, and an expression reads the new values of
the columns assigned before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors


def assigned(table: sa.Table, values: Mapping[str, Any]) -> list[tuple[sa.Column[Any], Any]]:
    """Return assignments for `ordered_values`. Each expression comes before the assignments of the columns it reads.

    Args:
        table: The table to update.
        values: Values, or expressions over the table's columns, by the name of the column to assign.

    Raises:
        graphlib.CycleError: Two expressions read each other's columns, so there is no such order.
    """
    before: dict[str, set[str]] = {name: set() for name in values}
    for name, value in values.items():
        for read in _columns_of(table, value) & before.keys() - {name}:
            before[read].add(name)
    return [(table.c[name], values[name]) for name in TopologicalSorter(before).static_order()]


def _columns_of(table: sa.Table, value: object) -> set[str]:
    if not isinstance(value, sa.ClauseElement):
        return set()
    return {part.name for part in visitors.iterate(value) if isinstance(part, sa.Column) and part.table is table}

"""Assignments of an UPDATE, in an order in which each reads what the row held before.

Standard SQL says so of every order. MySQL assigns from left to right, and lets an assignment read the ones before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors


def assigned(table: sa.Table, values: Mapping[str, Any]) -> list[tuple[sa.Column[Any], Any]]:
    """Return assignments for `ordered_values`: whatever reads a column comes before that column is assigned.

    Args:
        table: The table to update.
        values: Values, or expressions of the table's columns, by column.

    Raises:
        graphlib.CycleError: Two columns read each other: there is no such order.
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

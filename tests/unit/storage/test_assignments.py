from __future__ import annotations

from graphlib import CycleError

import pytest
import sqlalchemy as sa

from storage.assignments import assigned

TABLE = sa.Table("t", sa.MetaData(), *(sa.Column(name, sa.Integer) for name in "abcd"))
OTHER = sa.Table("o", sa.MetaData(), *(sa.Column(name, sa.Integer) for name in "ab"))
A, B, C, D = (TABLE.c[name] for name in "abcd")


def test_what_reads_a_column_comes_before_it_is_assigned() -> None:
    values = {"a": 1, "b": A + 1, "c": sa.case((B > A, A), else_=0), "d": D + C}
    order = [column.name for column, _ in assigned(TABLE, values)]
    assert order == ["d", "c", "b", "a"]
    assert dict(assigned(TABLE, values)) == {TABLE.c[name]: value for name, value in values.items()}


def test_what_reads_only_itself_or_another_table_is_in_no_ones_way() -> None:
    other = sa.select(sa.func.max(OTHER.c.b)).where(OTHER.c.a == A).scalar_subquery()
    values = {"a": A + 1, "b": other, "c": None}
    order = [column.name for column, _ in assigned(TABLE, values)]
    assert sorted(order) == ["a", "b", "c"]
    assert order.index("b") < order.index("a")  # what the subquery is asked for is the row's own


def test_two_that_read_each_other_have_no_order() -> None:
    with pytest.raises(CycleError):
        assigned(TABLE, {"a": B, "b": A})

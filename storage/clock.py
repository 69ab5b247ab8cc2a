"""The database's clock, as an SQL function. Leases use no other: machines' clocks differ, and may be set back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


class now_s(sa.sql.functions.FunctionElement[float]):  # noqa: N801 (an SQL function)
    """Seconds since 1970 on the database's clock at the time the statement runs, not when its transaction began."""

    type = sa.Float()
    name = "now_s"
    inherit_cache = True


@compiles(now_s, "sqlite")
def _sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now_s, "postgresql")
def _postgresql(*_: Any, **__: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


@compiles(now_s, "mysql")
def _mysql(*_: Any, **__: Any) -> str:
    # UTC_TIMESTAMP is the time when the statement began. The statement may have waited for a row lock since.
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6)) / 1e6)"

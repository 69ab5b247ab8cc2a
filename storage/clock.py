"""The database's own clock, the only one that leases know: the clocks of machines differ, and are set back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


class now_s(sa.sql.functions.FunctionElement[float]):  # noqa: N801 (an SQL function)
    """Seconds since 1970 at the database, when the statement runs; not when its transaction began."""

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
    # Not UTC_TIMESTAMP, which is the moment when the statement began: it may have waited for a row since.
    return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6)) / 1e6)"

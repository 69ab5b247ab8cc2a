"""Refusals: what a database's user may not do, told from what is broken."""

from __future__ import annotations

import sqlalchemy as sa

#: Of PostgreSQL, as SQLSTATE; of MySQL and MariaDB, as numbers: of a table, a database, a column, a server's option.
_CODES = {"42501", 1142, 1044, 1143, 1227, 1290}


def describe_refusal(error: BaseException) -> str | None:
    """Return in a line what a database's user may not do, or None where an error is something else."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, sa.exc.DBAPIError) and seen.orig is not None:
            code = getattr(seen.orig, "sqlstate", None) or next(iter(seen.orig.args), None)
            if code in _CODES:
                return (str(seen.orig).strip().splitlines() or ["permission denied"])[0]
        seen = seen.__cause__ or seen.__context__
    return None

"""Tells errors of missing rights of the database's user from other errors."""

from __future__ import annotations

import sqlalchemy as sa

#: Error codes of missing rights. PostgreSQL: SQLSTATE. MySQL and MariaDB: numbers, for tables (1142), databases (1044),
#: columns (1143), privileges of the server (1227) and server options (1290).
_CODES = {"42501", 1142, 1044, 1143, 1227, 1290}


def describe_refusal(error: BaseException) -> str | None:
    """Return the server's message about a missing right, in one line; None if the error has another cause."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, sa.exc.DBAPIError) and seen.orig is not None:
            code = getattr(seen.orig, "sqlstate", None) or next(iter(seen.orig.args), None)
            if code in _CODES:
                return (str(seen.orig).strip().splitlines() or ["permission denied"])[0]
        seen = seen.__cause__ or seen.__context__
    return None

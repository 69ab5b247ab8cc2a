"""MySQL and MariaDB: connecting, checking that a server's settings keep transactions safe, creating tables."""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from storage.errors import DatabaseUnreachable, DatabaseUnreadable
from storage.sharing import LOCK_AGAIN_S, give_back, pool_arguments

#: Seconds after which MariaDB ends a transaction that sends no statement, as PostgreSQL does.
IDLE_IN_TRANSACTION_S = 10
#: Seconds after which MySQL closes an idle connection. MySQL has no separate limit for idle transactions.
IDLE_S = 60
#: Seconds that a statement waits for a locked row or table. A wait that runs out is handled as an outage.
LOCK_WAIT_S = 10
#: Seconds without an answer after which a connection counts as broken. Longer than any wait for a lock.
_SILENCE_S = 20

#: The oldest supported releases. Earlier ones are no longer maintained.
_OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}
#: Optuna's tables that tuner reads or writes.
_OPTUNAS = (
    *("studies", "study_directions", "study_user_attributes", "study_system_attributes", "trials"),
    *("trial_user_attributes", "trial_system_attributes", "trial_params", "trial_values"),
    *("trial_intermediate_values", "trial_heartbeats", "version_info"),
)
#: The first statement of each connection. MariaDB executes the comment /*M!…*/, MySQL the comment /*!80000 …*/.
_SESSION = (
    # Optuna compares times without their zone.
    "SET SESSION time_zone = '+00:00'"
    # A value that does not fit into its column is an error; it is never truncated.
    ", SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
    f", SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}, SESSION lock_wait_timeout = {LOCK_WAIT_S}"
    f" /*M!100600 , SESSION idle_transaction_timeout = {IDLE_IN_TRANSACTION_S} */"
    f" /*!80000 , SESSION wait_timeout = {IDLE_S} */"
)
#: Numbers of permanent errors, which the driver raises as OperationalError like transient ones: missing rights, a
#: missing column or table, a value that is too long or that a constraint refuses.
_PERMANENT = (1044, 1054, 1142, 1143, 1153, 1227, 1364, 1370, 3819, 4025)


class MySQL:
    """A database on a MySQL or MariaDB server.

    Args:
        url: The parsed URL.
    """

    def __init__(self, url: sa.URL) -> None:
        self._query = url.query
        self._database = url.database or ""
        self.shown = url.render_as_string(hide_password=True)

    def prepare(self) -> None:
        """Check that the driver is installed and that the option file which the URL names can be read."""
        try:
            import pymysql  # noqa: F401
        except ImportError as error:
            raise DatabaseUnreachable("MySQL needs PyMySQL; pip install 'shichimi[mysql]'") from error
        if name := self._query.get("read_default_file"):
            path = Path(str(name)).expanduser()
            if not os.access(path, os.R_OK):  # the driver ignores a missing file, and connects without a password
                raise DatabaseUnreachable(f"{self.shown} cannot be used: there is no file {path} that can be read")

    def check(self) -> None:
        """Check that the driver is installed. Whether the server has the database shows when tuner connects."""
        self.prepare()

    def engine_arguments(self, *, ours: bool) -> dict[str, Any]:
        """Limit the connections of a process, and set timeouts that detect a broken connection."""
        arguments: dict[str, Any] = {
            "init_command": _SESSION,
            "charset": "utf8mb4",
            "connect_timeout": 10,
            "read_timeout": _SILENCE_S,
            "write_timeout": _SILENCE_S,
            "program_name": "tuner",
        }
        for name in self._query:
            arguments.pop(name, None)  # the options in the user's URL win
        return {
            "connect_args": arguments,
            # PostgreSQL's default: each statement reads the latest committed rows. Under InnoDB's default, REPEATABLE
            # READ, a row that is locked may differ from the one that an earlier SELECT of the transaction returned.
            "isolation_level": "READ COMMITTED",
            **pool_arguments(ours=ours),
        }

    def attach(self, engine: sa.Engine, *, ours: bool) -> None:
        """Do nothing: `engine_arguments` sets READ COMMITTED, which our statements rely on."""

    def check_server(self, engine: sa.Engine) -> None:
        """Check that the server's settings and the existing tables keep transactions safe.

        Raises:
            DatabaseUnreadable: A setting or a table makes transactions unsafe; the message says which and why.
        """
        with engine.connect() as connection:
            self.check_settings(dict(_rows(connection, _VARIABLES)))
            for table, kept_by, collation in _rows(connection, _TABLES):
                if table in _OPTUNAS or table.startswith("tuner_"):
                    self._check_table(table, kept_by, collation)

    def check_settings(self, found: dict[str, str]) -> None:
        """Check the server's version and settings; see `check_server`.

        Args:
            found: The server's values of the variables in `_VARIABLES`. `version` is always there.
        """
        release = found["version"]
        kind = "MariaDB" if "mariadb" in f"{release} {found.get('version_comment', '')}".lower() else "MySQL"
        number = re.match(r"(\d+)\.(\d+)", release)
        if number is None or tuple(map(int, number.groups())) < _OLDEST[kind]:
            needed = " or ".join(f"{name} {first}.{second}" for name, (first, second) in _OLDEST.items())
            raise DatabaseUnreadable(f"{self.shown} is {kind} {release}; tuner needs {needed}, or later")
        if found.get("wsrep_on") == "ON" or found.get("group_replication_single_primary_mode") == "OFF":
            raise DatabaseUnreadable(
                f"{self.shown} is a cluster of several servers that write, and a lock of one holds only there; "
                "use a single server, or a PostgreSQL database"
            )
        if found.get("log_bin") == "ON" and found.get("binlog_format") == "STATEMENT":
            raise DatabaseUnreadable(
                f"{self.shown} has binlog_format=STATEMENT, which refuses writes in READ COMMITTED transactions; "
                "the server needs binlog_format=MIXED or ROW"
            )

    def _check_table(self, table: str, kept_by: str | None, collation: str | None) -> None:
        if (kept_by or "").lower() != "innodb":
            raise DatabaseUnreadable(
                f"{self.shown}: table {table} is kept by {kept_by}, which has no transactions; "
                f"ALTER TABLE {table} ENGINE=InnoDB, or name a database of its own for tuner"
            )
        if not re.fullmatch(r"utf8mb4_\w*bin", collation or ""):
            raise DatabaseUnreadable(
                f"{self.shown}: table {table} has collation {collation}, in which different names compare as equal; "
                "name a database of its own for tuner, which makes its tables with utf8mb4_bin"
            )

    def tables(self, metadata: sa.MetaData) -> sa.MetaData:
        """Return the tables with explicit engine, character set, collation and types, not the server's defaults."""
        made = sa.MetaData()
        for table in metadata.sorted_tables:
            copy = table.to_metadata(made)
            copy.dialect_kwargs.update(
                {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
            )
            for column in copy.columns:
                column.type = _column_type(column.type)
        return made

    def begin_creation(self, engine: sa.Engine) -> None:
        """Do nothing: there is no setting to change."""

    @contextmanager
    def creation_lock(self, engine: sa.Engine) -> Iterator[None]:
        """Take a named lock of the server, which the server releases when the connection closes.

        A process that waits for the lock gives its connections back meanwhile, so that it holds none of the server's.
        """
        # The name contains the database because named locks are global to the server.
        name = f"tuner {hashlib.sha256(self._database.encode()).hexdigest()[:32]}"
        while True:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                if connection.execute(sa.select(sa.func.get_lock(name, 0))).scalar():
                    try:
                        yield
                    finally:
                        connection.execute(sa.select(sa.func.release_lock(name)))
                    return
            give_back()
            time.sleep(random.uniform(*LOCK_AGAIN_S))

    def unusable(self, error: Exception) -> Exception:
        """Return DatabaseUnreachable with the first line of the server's message."""
        return DatabaseUnreachable(f"{self.shown} cannot be used: {message_of(getattr(error, 'orig', None) or error)}")


_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN "
    "('version', 'version_comment', 'wsrep_on', 'group_replication_single_primary_mode', 'log_bin', 'binlog_format')"
)
_TABLES = (
    "SELECT TABLE_NAME, ENGINE, TABLE_COLLATION FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
)


def message_of(error: BaseException) -> str | None:
    """Return the first line of the message of an error of PyMySQL; None for other errors."""
    if not _is_pymysql(error) or not error.args:
        return None
    # The arguments of PyMySQL's errors are a number and a text.
    text = str(error.args[1] if len(error.args) > 1 else error.args[0]).strip()
    return text.splitlines()[0] if text else None


def is_permanent(error: BaseException) -> bool:
    """Return whether an error of PyMySQL is permanent, so that trying again does not help."""
    return _is_pymysql(error) and bool(error.args) and error.args[0] in _PERMANENT


def _is_pymysql(error: BaseException) -> bool:
    return type(error).__module__.startswith("pymysql")


def _rows(connection: sa.Connection, statement: str) -> list[Any]:
    return [tuple(row) for row in connection.exec_driver_sql(statement)]


def _column_type(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Return the type of a column on MySQL. There a plain Float has seven digits and a plain Text 64 KiB."""
    from sqlalchemy.dialects import mysql  # imported only here: users of other databases do not need it

    if isinstance(kind, sa.Float):
        return mysql.DOUBLE(asdecimal=False)
    if isinstance(kind, sa.JSON | sa.Text):
        return mysql.LONGTEXT()  # MySQL's own JSON sorts the keys
    if isinstance(kind, sa.DateTime):
        return mysql.DATETIME(fsp=6)
    return kind

"""Changes of existing tables that may be repeated.

MySQL and MariaDB commit before and after each statement that changes a table. A process that is killed between two of
them leaves the first one done, so the next upgrade looks which changes are still to be made.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa


class Alterations:
    """Changes the tables of one database.

    Args:
        connection: The connection of the upgrade.
        metadata: Our tables as this database has them; see `Database.own_tables`.
    """

    def __init__(self, connection: sa.Connection, metadata: sa.MetaData) -> None:
        self._connection = connection
        self._metadata = metadata

    def add_columns(self, table: sa.Table, defaults: Mapping[str, int | str | None]) -> None:
        """Add the columns that a table lacks.

        Args:
            table: One of `storage.tables`.
            defaults: By name of a column, the value that existing rows get; None for a column that may be empty.
        """
        existing = self._columns(table.name)
        for name, default in defaults.items():
            if name not in existing:
                column = self._metadata.tables[table.name].c[name]
                kind = column.type.compile(self._connection.dialect)
                null = "" if column.nullable else " NOT NULL"
                value = "" if default is None else f" DEFAULT {default!r}"
                self._execute(
                    f"ALTER TABLE {self._quoted(table.name)} ADD COLUMN {self._quoted(name)} {kind}{null}{value}"
                )

    def create(self, table: sa.Table) -> None:
        """Create a table, and those of its indexes that are missing."""
        made = self._metadata.tables[table.name]
        made.create(self._connection, checkfirst=True)
        for index in made.indexes:
            index.create(self._connection, checkfirst=True)

    def replace(self, table: sa.Table, *, lacking: str) -> None:
        """Create a table anew, without its rows, if it lacks a column."""
        if sa.inspect(self._connection).has_table(table.name) and lacking not in self._columns(table.name):
            self._execute(f"DROP TABLE {self._quoted(table.name)}")
        self.create(table)

    def add_unique_index(self, name: str, table: sa.Table, columns: tuple[str, ...]) -> None:
        """Create a unique index unless the table has one of that name."""
        inspector = sa.inspect(self._connection)
        existing = [*inspector.get_indexes(table.name), *inspector.get_unique_constraints(table.name)]
        if name not in {each["name"] for each in existing}:
            listed = ", ".join(map(self._quoted, columns))
            self._execute(f"CREATE UNIQUE INDEX {self._quoted(name)} ON {self._quoted(table.name)} ({listed})")

    def _columns(self, table: str) -> set[str]:
        return {column["name"] for column in sa.inspect(self._connection).get_columns(table)}

    def _quoted(self, name: str) -> str:
        return self._connection.dialect.identifier_preparer.quote(name)

    def _execute(self, statement: str) -> None:
        self._connection.exec_driver_sql(statement)

"""What each user of a PostgreSQL can do with the least that the documentation grants it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from acceptance_support import Tuner
from asking import ADDRESS, ask
from psycopg import sql
from servers import PostgresServer

GRANTS = {
    "looker": "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
    "helper": "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {};"
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}",
}


@pytest.fixture
def users(tuner: Tuner, postgres_server: PostgresServer, postgres_url: str) -> Iterator[dict[str, Tuner]]:
    """The command as each user of a database, in which its owner has finished a study of two trials."""
    names = {role: f"{role}_{uuid.uuid4().hex[:8]}" for role in GRANTS}
    owner = tuner.within(TUNER_STORAGE=postgres_url)
    owner.ok("start", tuner.toy_study("shared", checkpoints="store", budget={"trials": 2}))
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        for role, name in names.items():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            for statement in GRANTS[role].split(";"):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    yield {
        role: tuner.within(TUNER_STORAGE=postgres_url.replace("postgres@", f"{name}@")) for role, name in names.items()
    }
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        for name in names.values():
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_who_may_only_read_can_look_and_is_told_in_a_line_what_he_may_not(users: dict[str, Tuner]) -> None:
    looker = users["looker"]
    assert looker.json("status", "shared")["trials"]["complete"] == 2
    looker.ok("export", "shared", "best")
    with looker.running("dashboard", "--port", "0") as dashboard:
        address = dashboard.wait_for(ADDRESS)[1]
        found = ask(address, "/api/studies").json["study_summaries"]
        assert [study["study_name"] for study in found] == ["shared"]
    for command in (("pause", "shared"), ("resume", "shared", "--trials", "3")):
        done = looker.run(*command)
        assert done.returncode == 1
        assert done.stderr.startswith("Error: this user of the database may not do that: permission denied for table ")
        assert done.stderr.count("\n") == 1


def test_who_may_write_rows_but_make_no_tables_can_run_a_study(users: dict[str, Tuner]) -> None:
    helper = users["helper"]
    helper.ok("resume", "shared", "--trials", "3")
    assert helper.json("status", "shared")["trials"]["complete"] == 3
    helper.ok("delete", "shared", "--yes")
    helper.ok("start", helper.toy_study("another", checkpoints="store", budget={"trials": 1}))
    helper.ok("stop", "another")

"""A secret shows up nowhere but where it was given: in no argv, log, error, event, attribute, answer or checkpoint."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil
import psycopg
import pytest
import sqlalchemy as sa
from acceptance_support import Gate, Running, Tuner
from asking import ADDRESS, ask
from fsspec.core import url_to_fs
from psycopg import sql
from servers import PostgresServer, S3Server

#: Of a user of the database; with what makes trouble in a URL.
PASSWORD = "pl4nted/p@ss:w%rd#1"
AWS_SECRET = "pl4ntedAwsSecret/Key+2"
HF_TOKEN = "hf_pl4ntedHubToken3"
DASHBOARD_TOKEN = "pl4nted-dashboard-token-4-of-length"
DASHBOARD_PASSWORD = "pl4nted dashboard user 5"
SECRETS = (PASSWORD, AWS_SECRET, HF_TOKEN, DASHBOARD_TOKEN, DASHBOARD_PASSWORD)
#: What every spelling of them has in common.
MARK = "pl4nted"
USER = "keeper"
WAYS = ("flag", "url", "url file", "password file", "pgpass", "pgpassword")


def assert_clean(text: str | bytes, where: str) -> None:
    found = text.decode(errors="replace") if isinstance(text, bytes) else text
    for secret in SECRETS:
        for spelling in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]):
            assert spelling not in found, f"{where}: {found}"
    assert MARK not in found, f"{where}: {found}"


@pytest.fixture(scope="module")
def server(new_postgres_server: Callable[..., PostgresServer]) -> Iterator[PostgresServer]:
    """A PostgreSQL that asks its user `keeper` for a password."""
    with new_postgres_server() as running:
        with psycopg.connect(running.url.replace("+psycopg", ""), autocommit=True) as connection:
            role, word = sql.Identifier(USER), sql.Literal(PASSWORD)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, word))
            (rules,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            path = Path(rules)
            path.write_text(f"host all {USER} 127.0.0.1/32 scram-sha-256\n{path.read_text()}", encoding="utf-8")
            connection.execute("SELECT pg_reload_conf()")
        yield running


@pytest.fixture
def database(server: PostgresServer) -> Iterator[str]:
    """The name of a database of keeper's."""
    name = f"secrets_{uuid.uuid4().hex}"
    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection:
        made = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(USER))
        connection.execute(made)
    yield name
    server.drop_database(name)


@dataclass(frozen=True, kw_only=True)
class Given:
    """One way of giving the password."""

    environment: Mapping[str, str]
    flags: tuple[str, ...] = ()


def given(way: str, folder: Path, *, port: int, database: str, password: str = PASSWORD) -> Given:
    bare = f"postgresql://{USER}@127.0.0.1:{port}/{database}"
    full = bare.replace("@", f":{quote(password, safe='')}@", 1)

    def file(name: str, content: str) -> str:
        path = folder / name
        path.write_text(f"{content}\n", encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    if way == "flag":
        return Given(environment={}, flags=("--storage", full))
    if way == "url":
        return Given(environment={"TUNER_STORAGE": full})
    if way == "url file":
        return Given(environment={"TUNER_STORAGE_FILE": file("url", full)})
    if way == "password file":
        secret = file("password", password)
        return Given(environment={"TUNER_STORAGE": bare, "TUNER_STORAGE_PASSWORD_FILE": secret})
    if way == "pgpass":
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        passes = file("pgpass", f"127.0.0.1:{port}:*:{USER}:{escaped}")
        return Given(environment={"TUNER_STORAGE": bare, "PGPASSFILE": passes})
    return Given(environment={"TUNER_STORAGE": bare, "PGPASSWORD": password})


@pytest.fixture
def planted(tuner: Tuner, s3_server: S3Server) -> Tuner:
    """The command with secrets in its environment that have nothing to do with the database; it is looked at whole."""
    users = tuner.folder / "users"
    users.write_text(f"ada:{DASHBOARD_PASSWORD}\n", encoding="utf-8")
    users.chmod(0o600)
    return tuner.cold.within(
        **s3_server.environment
        | {
            "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
            "HF_TOKEN": HF_TOKEN,
            "TUNER_DASHBOARD_TOKEN": DASHBOARD_TOKEN,
            "TUNER_DASHBOARD_AUTH_FILE": str(users),
        }
    )


def leaky_study(tuner: Tuner, name: str, store: str) -> str:
    shutil.copy(Path(__file__).with_name("leaky_training.py"), tuner.folder)
    return tuner.toy_study(name, train="leaky_training:train", checkpoints=store, budget={"trials": 3}, keep=3)


def assert_processes_are_clean(running: Running, *, flags: tuple[str, ...]) -> list[psutil.Process]:
    """Look at the command line of the command and of all that it has started, as anybody on the machine can."""
    children = running.descendants()
    command = psutil.Process(running.pid).cmdline()
    assert_clean(" ".join(part for part in command if part not in flags), "the command's own line")
    for child in children:
        assert_clean(" ".join(child.cmdline()), "a child's command line")
    return children


def everything_in(url: str) -> str:
    """Return every row of every table, as text."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        assert {"tuner_events", "tuner_slots", "tuner_studies", "trial_user_attributes"} <= {*names}
        return "\n".join(
            f"{name} {tuple(row)}" for name in names for row in connection.execute(sa.text(f"SELECT * FROM {name}"))
        )


@pytest.mark.parametrize("way", WAYS)
def test_a_study_that_runs_and_ends_leaves_no_secret_anywhere(
    planted: Tuner, server: PostgresServer, database: str, s3_server: S3Server, way: str
) -> None:
    store = s3_server.make_bucket(f"secrets-{uuid.uuid4().hex}")
    word = given(way, planted.folder, port=server.port, database=database)
    gate = Gate(planted.folder / "gate")
    tuner = planted.within(**word.environment, **gate.environment, TUNER_CACHE=str(planted.folder / "cache"))
    study = leaky_study(tuner, "leaky", store)
    with tuner.running("start", study, *word.flags) as running:
        running.wait_for("trial 0 started")
        children = assert_processes_are_clean(running, flags=word.flags)
        assert len(children) >= 2
        for child in children:
            inherited = child.environ()
            assert inherited["HF_TOKEN"] == HF_TOKEN  # models may need it
            assert not [name for name in inherited if name.startswith(("PGPASS", "TUNER_STORAGE", "TUNER_DASHBOARD"))]
            assert not any("postgresql" in value or PASSWORD in value for value in inherited.values())
        gate.open()
        assert running.wait() == 0, running.stderr
    warning = "Warning: whoever can list processes can read the password in --storage"
    assert (warning in running.stderr) == (way == "flag")
    assert "chmod 600" not in running.stderr
    assert "(RuntimeError: cannot be done with *** *** none none none at " in running.stderr
    assert_clean(running.stdout + running.stderr, "output")
    commands = [
        ("status", "leaky"),
        ("trials", "leaky"),
        ("show", "leaky", "1"),
        ("best", "leaky"),
        ("list",),
        ("config", "leaky"),
        ("env",),
    ]
    for command in commands if way == "url" else commands[:1]:
        for flags in ((), ("--json",)) if way == "url" else ((),):
            done = tuner.run(*command, *flags, *word.flags)
            assert done.returncode == 0, done.stderr
            assert_clean(done.stdout + done.stderr, command[0])
    done = tuner.run("logs", "leaky", *word.flags)
    assert "RuntimeError: cannot be done with ***" in done.stdout
    assert_clean(done.stdout + done.stderr, "the trainers' log")
    logs = [path for path in (planted.folder / "cache").rglob("*") if path.is_file()]
    assert logs
    for path in logs:
        assert_clean(path.read_bytes(), str(path))
    rows = everything_in(server.url_of(database))
    assert "cannot be done with ***" in rows
    assert_clean(rows, "the database")
    access = {"endpoint_url": s3_server.url, "key": "tests", "secret": "tests"}
    files, root = url_to_fs(f"{store}/leaky", **access, use_listings_cache=False)
    kept = files.find(root)
    assert any(path.endswith("manifest.json") for path in kept)
    for path in kept:
        assert_clean(path, "a path in the store")
        assert_clean(files.cat_file(path), path)


@pytest.mark.parametrize(("way", "debug"), [*((way, True) for way in WAYS), ("url", False)])
def test_an_error_of_the_database_repeats_no_secret(
    planted: Tuner, server: PostgresServer, database: str, way: str, debug: bool
) -> None:
    flags = ("--debug",) if debug else ()
    wrong = given(way, planted.folder, port=server.port, database=database, password=f"{PASSWORD} wrong")
    done = planted.within(**wrong.environment).run("list", *wrong.flags, *flags)
    assert done.returncode == 1
    assert "password authentication failed" in done.stderr
    assert_clean(done.stderr, "wrong password")
    down = given(way, planted.folder, port=1, database=database)
    done = planted.within(**down.environment).run("status", "none", *down.flags, *flags)
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert_clean(done.stderr, "server down")
    assert ("Traceback" in done.stderr) == debug


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://keeper:{PASSWORD}@127.0.0.1:port/name",
        f"postgresql://keeper:{PASSWORD}@[::1/name",
        f"postgresql:/keeper:{PASSWORD}@127.0.0.1/name",
        f"oracle://keeper:{quote(PASSWORD, safe='')}@127.0.0.1/name",
        f"postgresql://keeper:{quote(PASSWORD, safe='')}@127.0.0.1",
        f"sqlite://keeper:{quote(PASSWORD, safe='')}@/name",
        f"postgresql://127.0.0.1:1/name?user=keeper&password={quote(PASSWORD, safe='')}",
    ],
)
def test_a_malformed_url_is_not_repeated_with_its_secret(planted: Tuner, url: str) -> None:
    done = planted.within(TUNER_STORAGE=url).run("list", "--debug")
    assert done.returncode in (1, 78)
    assert "Error: " in done.stderr
    assert_clean(done.stderr, "malformed URL")


def test_a_study_file_with_a_secret_in_a_url_is_refused_before_anything_is_stored(planted: Tuner) -> None:
    for changes in (
        {"checkpoints": f"s3://key:{AWS_SECRET}@bucket/folder"},
        {"checkpoints": f"s3://key:{quote(AWS_SECRET, safe='')}@bucket/folder"},
        {"data": {"source": f"https://ada:{quote(PASSWORD, safe='')}@127.0.0.1/rows.csv"}},
        {"data": {"source": f"https://127.0.0.1/rows.csv?token={HF_TOKEN}"}},
        {"model": f"https://{HF_TOKEN}@127.0.0.1/model"},
    ):
        done = planted.run("start", planted.toy_study("held", **changes), "--debug")
        assert done.returncode == 78, done.stderr
        assert "a URL" in done.stderr
        assert_clean(done.stdout + done.stderr, "refusal")
        assert not (planted.folder / "tuner.db").exists()


@pytest.mark.parametrize("way", ["url", "pgpassword"])
def test_the_dashboard_answers_without_a_secret(
    planted: Tuner, server: PostgresServer, database: str, s3_server: S3Server, way: str
) -> None:
    word = given(way, planted.folder, port=server.port, database=database)
    tuner = planted.within(**word.environment)
    store = s3_server.make_bucket(f"secrets-{uuid.uuid4().hex}")
    tuner.ok("start", leaky_study(tuner, "leaky", store))
    token = planted.folder / "token"
    token.write_text(DASHBOARD_TOKEN, encoding="utf-8")
    token.chmod(0o600)
    kept = {name: value for name, value in tuner.environment.items() if "DASHBOARD" not in name}
    plain = replace(tuner, environment=kept)
    users = ("--auth-file", str(planted.folder / "users"))
    for command, flags in ((tuner, ()), (plain, ("--token-file", str(token), *users, "--debug"))):
        with command.running("dashboard", "--port", "0", *flags) as running:
            address = running.wait_for(ADDRESS)[1]
            assert_processes_are_clean(running, flags=())
            right = f"Bearer {DASHBOARD_TOKEN}"
            for authorization in (None, "Bearer wrong", right):
                for path in ("/", "/dashboard", "/api/meta", "/api/studies", "/api/studies/1", "/healthz", "/nothing"):
                    answer = ask(address, path, authorization=authorization)
                    assert_clean(answer.body, path)
                    assert_clean(str(answer.headers), path)
            assert b"cannot be done with ***" in ask(address, "/api/studies/1", authorization=right).body
            running.process.terminate()
            running.wait()
        assert_clean(running.stdout + running.stderr, "the dashboard's output")

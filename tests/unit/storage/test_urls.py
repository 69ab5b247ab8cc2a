from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import Database, InvalidStorageURL, mask_password
from storage.urls import mask_url, parse_url

SECRET = "s3cr3t"

#: Of databases that are not supported, or that no library makes sense of.
REFUSED = [
    f"mysql+aiomysql://user:{SECRET}@host/db",
    f"mysql://user:{SECRET}@host",
    f"mariadb://user:{SECRET}@host/db?init_command=DROP",
    f"mysql://user:{SECRET}@host/db?read_timeout=soon",
    f"postgresql+asyncpg://user:{SECRET}@host/db",
    f"postgresql+psycopg2://user:{SECRET}@host/db",
    f"postgresql://user:{SECRET}@host",
    f"postgresql://user:{SECRET}@host/",
    f"postgresql://user:{SECRET}@host:port/db",
    f"postgresql://user:{SECRET}/db",
    f"postgresql://user:{SECRET}",
    f"postgresql:user:{SECRET}@host/db",
    f"postgresql//user:{SECRET}@host/db",
    f"user:{SECRET}@host/db",
    f"user:a@{SECRET}@host",
    f"sqlite://user:{SECRET}@host/file.db",
    f"sqlite://:{SECRET}@/file.db",
    f"sqlite+pysqlcipher://:{SECRET}@/file.db",
    f"sqlite:///file.db?password={SECRET}",
    f"nosuch://user:{SECRET}@host/db",
]
#: A library may read them in another way than people do: what is shown must not depend on it.
ODD = [
    f"postgresql://user:{SECRET}@host/db",
    f"postgresql+psycopg://user:{SECRET}@host:5432/db?sslmode=require",
    f"postgresql://:{SECRET}@host/db",
    f"postgresql://user:a@{SECRET}@host/db",
    f"postgresql://user:{SECRET}@b@host/db",
    f"postgresql://user:a:{SECRET}@host/db",
    f"postgresql://user:a/{SECRET}@host/db",
    f"postgresql://user:/{SECRET}@host/db",
    f"postgresql://user:a?{SECRET}@host/db",
    f"postgresql://user:a b{SECRET}@host/db",
    f"postgresql://user@server:{SECRET}@host/db",
    f"postgresql://do/main:{SECRET}@host/db",
    f"postgresql://user:%40{SECRET}%2F@host/db",
    f"postgresql:///user:{SECRET}@host/db",
    f"postgresql:///db?user=me&password={SECRET}",
    f"postgresql://host/db?sslpassword={SECRET}&x=1",
]


@pytest.mark.parametrize("url", REFUSED)
@pytest.mark.parametrize("opened", [Database, Database.path_of, lambda url: Database(url, create=True)])
def test_a_url_that_is_refused_is_repeated_without_its_password(url: str, opened: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidStorageURL) as caught:
        opened(url)
    everything = "".join(traceback.format_exception(caught.value, limit=0))
    assert SECRET not in everything + repr(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize("url", REFUSED + ODD)
def test_no_url_is_shown_with_its_password_however_odd_it_is(url: str) -> None:
    assert SECRET not in mask_url(url)
    assert "***" in mask_url(url)


@pytest.mark.parametrize("url", [url for url in REFUSED + ODD if "://" in url and " " not in url])
def test_no_url_in_a_text_is_shown_with_its_password(url: str) -> None:
    shown = mask_password(f"cannot reach {url} and {url}: try again")
    assert SECRET not in shown
    assert shown.startswith("cannot reach ")
    assert " and " in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:pw@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:***@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://u:pw@h:5432/d?sslmode=require", "postgresql://u:***@h:5432/d?sslmode=require"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("sqlite:////a/b:c@d.db", "sqlite:////a/b:c@d.db"),
        ("cannot reach postgresql://u:p@w@h/d: write to x@y.z", "cannot reach postgresql://u:***@h/d: write to x@y.z"),
        ("s3://key:pw@bucket and mysql://u:pw@h/d", "s3://key:***@bucket and mysql://u:***@h/d"),
        ("study.yaml:3:1: write to me@example.org", "study.yaml:3:1: write to me@example.org"),
    ],
)
def test_only_the_passwords_of_a_text_are_hidden(text: str, shown: str) -> None:
    assert mask_password(text) == shown


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("postgresql://me:pw@host:5433/db", "postgresql+psycopg://me:***@host:5433/db"),
        ("postgres://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql+psycopg://host/db", "postgresql+psycopg://host/db"),
        ("mysql://me:pw@host:3307/db", "mysql+pymysql://me:***@host:3307/db"),
        ("mysql+pymysql://me@host/db", "mysql+pymysql://me@host/db"),
        ("mariadb://me@host/db", "mysql+pymysql://me@host/db"),
        ("mariadb+pymysql://host/db?read_timeout=5", "mysql+pymysql://host/db?read_timeout=5"),
        ("mysql:///db?unix_socket=/run/mysqld.sock", "mysql+pymysql:///db?unix_socket=%2Frun%2Fmysqld.sock"),
        ("postgresql:///db?host=/run/postgresql", "postgresql+psycopg:///db?host=%2Frun%2Fpostgresql"),
        ("postgresql://host/db?sslmode=require", "postgresql+psycopg://host/db?sslmode=require"),
        ("sqlite:///folder/file.db", "sqlite:///folder/file.db"),
        ("sqlite:////folder/file.db", "sqlite:////folder/file.db"),
    ],
)
def test_a_url_of_each_form_names_its_database_and_our_driver(url: str, opened: str) -> None:
    assert parse_url(url).render_as_string(hide_password=True) == opened


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("charset=latin1", "'charset' is not supported; known: bind_address, connect_timeout"),
        ("init_command=SET+NAMES+latin1", "'init_command' is not supported"),
        ("ssl_disabled=true", "'ssl_disabled' is not supported"),
        ("read_timeout=soon", "read_timeout takes one number of seconds"),
        ("connect_timeout=-1", "connect_timeout takes one number of seconds"),
        ("ssl_ca=a&ssl_ca=b", "ssl_ca takes one value"),
    ],
)
def test_an_option_that_the_driver_does_not_know_or_that_is_ours_is_refused(query: str, reason: str) -> None:
    with pytest.raises(InvalidStorageURL) as caught:
        parse_url(f"mysql://host/db?{query}")
    assert reason in str(caught.value)


def test_a_password_is_what_it_was_for_the_server() -> None:
    assert parse_url("postgresql://me:a%40b%2Fc@host/db").password == "a@b/c"


def test_only_a_file_has_a_path(tmp_path: Path) -> None:
    assert Database.path_of(f"sqlite:///{tmp_path}/x.db") == tmp_path / "x.db"
    assert Database.path_of("postgresql://me:pw@host/db") is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql+aiomysql://host/db", "mysql+aiomysql is not supported"),
        ("mysql://host", "names no database"),
        ("mariadb://host/", "names no database"),
        ("postgresql+asyncpg://host/db", "postgresql+asyncpg is not supported"),
        ("postgresql://host", "names no database"),
        ("postgresql://host/", "names no database"),
        ("sqlite+aiosqlite:///file.db", "sqlite+aiosqlite is not supported"),
        ("sqlite://", "lives in memory, where no study can be resumed"),
        ("sqlite:///", "lives in memory, where no study can be resumed"),
        ("sqlite:///:memory:", "lives in memory, where no study can be resumed"),
        ("sqlite:///file::memory:?uri=true", "lives in memory, where no study can be resumed"),
        ("sqlite:///file:x?mode=memory&cache=shared&uri=true", "lives in memory, where no study can be resumed"),
        ("sqlite:///file:x.db?uri=true", "only a plain path is supported"),
        ("sqlite:///x.db?timeout=1", "only a plain path is supported"),
        ("sqlite:///a\0b.db", "only a plain path is supported"),
        ("sqlite://folder/file.db", "a SQLite file is on no host"),
        ("tuner.db", "is no database URL"),
        ("", "is no database URL"),
        ("sqlite:/x.db", "is no database URL"),
        ("://", "is no database URL"),
        ("postgresql://h:port/db", "is no database URL"),
    ],
)
def test_a_url_that_names_no_database_is_refused_with_the_way_to_write_it(url: str, reason: str) -> None:
    with pytest.raises(InvalidStorageURL) as caught:
        Database(url, create=True)
    assert reason in str(caught.value)
    assert "write sqlite:///folder/file.db" in str(caught.value)
    assert str(caught.value).startswith("storage ")
    assert not url or url.startswith("sqlite") or "or postgresql://user@host/database" in str(caught.value)

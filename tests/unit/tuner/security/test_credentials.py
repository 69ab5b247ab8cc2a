from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tuner.security.credentials import (
    UnreadableSecret,
    keep_url_secret,
    read_secret,
    trainer_environment,
    with_password,
)
from tuner.security.known_secrets import strike_out


@pytest.fixture
def said() -> list[str]:
    return []


def read(path: Path, said: list[str]) -> str:
    return read_secret(str(path), name="TUNER_SOME_FILE", warn=said.append)


@pytest.mark.parametrize("content", ["word of mine", "word of mine\n", "word of mine\r\n"])
def test_a_secret_is_the_one_line_of_its_file(tmp_path: Path, said: list[str], content: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode())
    path.chmod(0o600)
    assert read(path, said) == "word of mine"
    assert said == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_a_file_of_mine_that_others_can_read_is_used_with_a_warning(tmp_path: Path, said: list[str], mode: int) -> None:
    path = tmp_path / "secret"
    path.write_text("word of mine", encoding="utf-8")
    path.chmod(mode)
    assert read(path, said) == "word of mine"
    assert said == [f"TUNER_SOME_FILE: others can read {path}; chmod 600 {path}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_mounted_secret_of_another_user_is_that_users_business(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "secret"
    path.write_text("word of mine", encoding="utf-8")
    path.chmod(0o444)
    os.chown(path, 12345, 12345)
    assert read(path, said) == "word of mine"
    assert said == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b"", "must hold one line"),
        (b"\n", "must hold one line"),
        (b"one\ntwo", "must hold one line"),
        (b"x" * 100_000, "must hold one line"),
        (b"\xff\xfe", "cannot be read: it is no text"),
    ],
)
def test_a_file_without_a_secret_is_refused_and_not_repeated(
    tmp_path: Path, said: list[str], content: bytes | None, reason: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableSecret, match=reason) as caught:
        read(path, said)
    assert str(caught.value).startswith(f"TUNER_SOME_FILE: {path} ")
    assert "two" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "with_it"),
    [
        ("postgresql://me@host:5433/name", "postgresql://me:{}@host:5433/name"),
        ("postgresql+psycopg://me@host/name?sslmode=require", "postgresql+psycopg://me:{}@host/name?sslmode=require"),
        ("mysql+pymysql://me@host/name", "mysql+pymysql://me:{}@host/name"),
        ("postgresql://me:other@host/name", "postgresql://me:other@host/name"),
        ("postgresql://host/name?user=me&password=other", "postgresql://host/name?user=me&password=other"),
        ("sqlite:///tuner.db", "sqlite:///tuner.db"),
        ("no url at all", "no url at all"),
    ],
)
def test_a_password_goes_into_the_url_of_a_server_that_has_none(url: str, with_it: str) -> None:
    found = with_password(url, "p@ss:/w%d")
    assert found == with_it.format("p%40ss%3A%2Fw%25d")
    if found != url:
        assert make_url(found).password == "p@ss:/w%d"


def test_a_password_without_a_user_is_refused() -> None:
    with pytest.raises(UnreadableSecret, match="names no user; write such as postgresql://user@host/name"):
        with_password("postgresql://host/name", "secret word")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:url-p%40ssword@host/name",
        "postgresql://host/name?user=me&password=url-p%40ssword",
    ],
)
def test_the_password_of_a_url_is_kept_secret_as_it_is_and_as_it_is_written(url: str) -> None:
    assert keep_url_secret(url) == url
    assert strike_out("is url-p@ssword, or url-p%40ssword") == "is ***, or ***"


def test_trainers_do_without_what_lets_in_to_the_database_and_the_dashboard() -> None:
    kept = {"HF_TOKEN": "1", "AWS_SECRET_ACCESS_KEY": "2", "TUNER_CACHE": "3", "PATH": "4", "PGO_LEVEL": "5"}
    names = (
        "TUNER_STORAGE TUNER_STORAGE_FILE TUNER_STORAGE_PASSWORD_FILE TUNER_DASHBOARD_TOKEN TUNER_DASHBOARD_AUTH_FILE "
    )
    names += "PGPASSWORD PGPASSFILE PGSERVICEFILE MYSQL_PWD"
    secret = dict.fromkeys(names.split(), "x")
    assert trainer_environment(kept | secret) == kept

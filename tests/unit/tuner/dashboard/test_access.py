"""Whom the dashboard lets in, how often it lets them guess, and by which names it is asked."""

from __future__ import annotations

import base64

import pytest

from tuner.dashboard.access import Credentials, LoginAttempts
from tuner.dashboard.answers import secured
from tuner.dashboard.hosts import Hosts, is_own_page
from tuner.errors import AccessError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_address_guesses_so_often_at_once_and_then_once_a_second() -> None:
    clock = Clock()
    attempts = LoginAttempts(burst=3, clock=clock)
    for _ in range(3):
        assert attempts.may_try("192.0.2.1")
        attempts.failed("192.0.2.1")
    assert not attempts.may_try("192.0.2.1")
    assert attempts.may_try("192.0.2.2")
    clock.now += 1.0
    assert attempts.may_try("192.0.2.1")
    attempts.failed("192.0.2.1")
    assert not attempts.may_try("192.0.2.1")
    clock.now += 100.0
    for _ in range(3):
        assert attempts.may_try("192.0.2.1")
        attempts.failed("192.0.2.1")
    assert not attempts.may_try("192.0.2.1")


def test_the_addresses_of_one_client_of_ipv6_count_as_one() -> None:
    attempts = LoginAttempts(burst=1, clock=Clock())
    attempts.failed("2001:db8::1")
    assert not attempts.may_try("2001:db8::ffff")
    assert attempts.may_try("2001:db8:0:1::1")


def test_addresses_are_forgotten_before_they_fill_the_memory() -> None:
    attempts = LoginAttempts(burst=1, clock=Clock())
    for number in range(LoginAttempts.SIZE + 1):
        attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert attempts.may_try("10.0.0.0")
    assert not attempts.may_try("10.0.0.1")


def test_what_is_known_is_not_shown() -> None:
    credentials = Credentials(token="a" * 16, users={"ada": "correct horse"})
    assert "a" * 16 not in repr(credentials)
    assert "horse" not in repr(credentials)


@pytest.mark.parametrize("user", ["", "ada", "anybody", "ädä"])
def test_the_token_is_a_password_of_anybody(user: str) -> None:
    credentials = Credentials(token="a" * 16)
    given = base64.b64encode(f"{user}:{'a' * 16}".encode()).decode()
    assert credentials.allow(f"Basic {given}")
    assert credentials.allow(f"basic  {given}")
    without_colon = base64.b64encode(b"a" * 16).decode()
    assert not credentials.allow(f"Basic {without_colon}")


def test_without_a_token_none_is_right() -> None:
    credentials = Credentials(users={"ada": "correct horse"})
    for given in ("Bearer ", "Bearer None", "Bearer correct horse", "Basic Og=="):
        assert not credentials.allow(given)


def test_nothing_to_know_is_refused() -> None:
    with pytest.raises(AccessError, match="no users"):
        Credentials()


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("https://tune.example.com", "tune.example.com", True),  # behind a proxy with TLS
        ("https://tune.example.com", "tune.example.com:443", True),
        ("https://tune.example.com:8443", "tune.example.com", False),
        ("http://tune.example.com", "tune.example.com:443", False),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://[0::1]:8080", "[::1]:8080", True),
        ("http://localhost:8080", "127.0.0.1:8080", False),
        ("http://localhost:8080/", "localhost:8080", False),
        ("http://me@localhost:8080", "localhost:8080", False),
        ("null", "localhost", False),
        ("ftp://localhost", "localhost", False),
        ("http://localhost:99999", "localhost", False),
        ("http://[::1", "[::1", False),
    ],
)
def test_a_page_is_its_own_at_the_same_name_and_port(origin: str, host: str, own: bool) -> None:
    assert is_own_page(origin, host) is own


@pytest.mark.parametrize("name", ["", "*", "a b", "http://a", "a/b", "a:80", "[::1]:80", "ä"])
def test_what_is_no_name_is_not_allowed(name: str) -> None:
    with pytest.raises(AccessError, match="no name to allow"):
        Hosts.of([name])


def test_a_policy_of_the_page_is_kept_and_made_narrower() -> None:
    headers = dict(secured([("content-security-policy", "script-src 'self'"), ("X-Frame-Options", "ALLOW")], "/x"))
    assert headers["Content-Security-Policy"].startswith("script-src 'self'; frame-ancestors 'none'")
    assert headers["X-Frame-Options"] == "DENY"

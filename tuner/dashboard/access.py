"""Log-in of the dashboard: a token, or users with passwords, from files or the environment."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tuner.errors import AccessError

#: Fewest characters of a token. The token alone protects the studies from the network.
MIN_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The credentials that the dashboard accepts.

    Args:
        token: Accepted as a bearer token, and as the password of any user name.
        users: Passwords by user name.

    Raises:
        AccessError: The token is too short, or there is neither a token nor a user.
    """

    token: str | None = field(default=None, repr=False)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token) < MIN_TOKEN:
            raise AccessError(
                f"the dashboard's token has {len(self.token)} characters, fewer than {MIN_TOKEN}; "
                "make one with `openssl rand -hex 32`"
            )
        if self.token is None and not self.users:
            raise AccessError("the dashboard's log-in has no users")

    def allow(self, authorization: str) -> bool:
        """Return whether an `Authorization` header holds valid credentials.

        The time that it takes does not depend on how much of a wrong password is right.
        """
        scheme, _, given = authorization.partition(" ")
        given = given.strip()
        if scheme.lower() == "bearer":
            return self.token is not None and _same(given, self.token)
        if scheme.lower() != "basic":
            return False
        try:
            user, colon, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        known = self.token is not None and _same(password, self.token)
        for name, right in self.users.items():
            known |= _same(user, name) & _same(password, right)
        return bool(colon) and known


def read_credentials(
    *, token: str | None = None, token_file: Path | None = None, auth_file: Path | None = None
) -> Credentials | None:
    """Return the credentials that the dashboard accepts, or None where it needs no log-in.

    Args:
        token: The token itself, from the environment.
        token_file: A file that holds the token only.
        auth_file: A file with a line `user:password` for each user. Lines that begin with # are skipped.

    Raises:
        AccessError: A file cannot be read or holds no credentials, or both `token` and `token_file` are given.
    """
    if token and token_file is not None:
        raise AccessError("there are two tokens for the dashboard; give TUNER_DASHBOARD_TOKEN or a file, not both")
    if token_file is not None:
        token = _read(token_file).strip()
        if not token:
            raise AccessError(f"{token_file} holds no token for the dashboard")
    users = {} if auth_file is None else _read_users(auth_file)
    return Credentials(token=token or None, users=users) if token or auth_file is not None else None


def _read_users(path: Path) -> dict[str, str]:
    users: dict[str, str] = {}
    for number, line in enumerate(_read(path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        user, _, password = line.partition(":")
        if not user or not password:
            raise AccessError(f"{path}: line {number} is not `user:password`")
        if user in users:
            raise AccessError(f"{path}: line {number} is the second one of user {user!r}")
        users[user] = password
    if not users:
        raise AccessError(f"{path} holds no line `user:password`")
    return users


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise AccessError(f"{path} cannot be read: {reason}") from error


def _same(given: str, right: str) -> bool:
    # Digests are compared, so that not even the length of the secret can be measured.
    digests = (hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (given, right))
    return hmac.compare_digest(*digests)


class LoginAttempts:
    """Limits how often an address may try wrong credentials. Safe to share between threads.

    Each address has `burst` wrong attempts, and regains one a second. All clients behind one proxy share its address,
    and so its attempts.

    Args:
        burst: Wrong attempts in a row.
        clock: Returns the time in seconds; replaced in tests.
    """

    #: Most addresses that are remembered. The address whose last wrong attempt is oldest is forgotten first.
    SIZE = 4096

    def __init__(self, burst: int = 20, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._clock = clock
        #: By address, the time at which it will have regained all of its attempts.
        self._whole_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def may_try(self, address: str) -> bool:
        """Return whether an address has an attempt left."""
        with self._lock:
            return self._whole_at.get(_network(address), 0.0) - self._clock() <= self._burst - 1

    def failed(self, address: str) -> None:
        """Count a wrong attempt of an address."""
        key = _network(address)
        with self._lock:
            self._whole_at[key] = max(self._whole_at.pop(key, 0.0), self._clock()) + 1.0
            while len(self._whole_at) > self.SIZE:
                del self._whole_at[next(iter(self._whole_at))]


def _network(address: str) -> str:
    """Return the key under which attempts are counted: an IPv4 address, or the /64 network of an IPv6 address.

    An IPv6 client usually has a whole /64 network to itself, and could try from another address each time.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))

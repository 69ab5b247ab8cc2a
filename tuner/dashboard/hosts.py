"""The host names that requests to the dashboard may name, and the pages that may send it changes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tuner.errors import AccessError

#: Names of the machine itself. They are always allowed.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Hosts:
    """The host names that a request may name in its `Host` header.

    A hostile page can make its own host name resolve to this machine (DNS rebinding); the browser then treats the
    dashboard as that page's own origin. Such requests still name the page's host in `Host`, so a name that is not
    listed here is refused.

    Args:
        names: Names and addresses, without scheme and port.
    """

    names: frozenset[str]

    @staticmethod
    def of(names: Iterable[str]) -> Hosts:
        """Return the loopback names and the given ones.

        Raises:
            AccessError: One of them is not a host name or an address.
        """
        return Hosts(frozenset(LOOPBACK) | {_checked(name) for name in names})

    def allow(self, host: str) -> bool:
        """Return whether a `Host` header names an allowed host, at any port, because tunnels and proxies change it."""
        found = _HOST.fullmatch(host)
        return found is not None and _plain(found[1]) in self.names


def is_own_page(origin: str, host: str) -> bool:
    """Return whether an `Origin` header is the host of the `Host` header. Behind a proxy the scheme may differ."""
    try:
        page = urlsplit(origin)
        port = _PORTS.get(page.scheme)
        if port is None or not page.hostname or "@" in page.netloc or origin != f"{page.scheme}://{page.netloc}":
            return False
        asked = urlsplit(f"{page.scheme}://{host}")
        return (_plain(page.hostname), page.port or port) == (_plain(asked.hostname or ""), asked.port or port)
    except ValueError:
        return False


def _plain(name: str) -> str:
    """Return the canonical spelling of a host name or an address."""
    name = name.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _checked(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    found = _HOST.fullmatch(name)
    if found is None or found[2] is not None:
        raise AccessError(f"{name!r} is no name to allow; give a host's name or address, without scheme and port")
    return _plain(name)

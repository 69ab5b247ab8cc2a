"""By which names the dashboard may be asked, and which pages may ask it to write."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tuner.errors import AccessError

#: Names that lead to the machine itself, wherever the dashboard listens.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.IGNORECASE | re.ASCII)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Hosts:
    """The names that a request may ask for.

    A page elsewhere may have its own name resolve to this machine, and would then count as the dashboard's own; by the
    name that it asks for, it is known.

    Args:
        names: Names and addresses, without scheme and port.

    Raises:
        AccessError: One of them is no such thing.
    """

    names: frozenset[str]

    @staticmethod
    def of(names: Iterable[str]) -> Hosts:
        """Return the loopback names and these."""
        return Hosts(frozenset(LOOPBACK) | {_checked(name) for name in names})

    def allow(self, host: str) -> bool:
        """Return whether a `Host` header names one of them; at which port, is for tunnels and proxies to say."""
        found = _HOST.fullmatch(host)
        return found is not None and _plain(found[1]) in self.names


def is_own_page(origin: str, host: str) -> bool:
    """Return whether an `Origin` is the page that a `Host` serves: the scheme may differ, as behind a proxy."""
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
    """Return one spelling of a name or an address."""
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

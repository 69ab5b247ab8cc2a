"""Recognises URLs that contain a secret."""

from __future__ import annotations

import re

#: Query keys whose values are secrets, such as those of a signed link.
_SECRET_KEY = re.compile(
    r"[?&][^=&#]*(?:passw|pwd|secret|token|signature|credential|api-?_?key|access-?_?key)[^=&#]*=|[?&](?:sig|key)=",
    re.I,
)


def holds_secret(url: str) -> bool:
    """Return whether a URL, or one of several chained URLs, contains a user, a password, a key or a token."""
    for authority in re.findall(r"://([^/?#]*)", url):
        host, _, port = authority.rpartition(":")
        if "@" in authority or (host and not port.isdigit()):  # not a port, so a password that contains a slash
            return True
    return "://" in url and _SECRET_KEY.search(url) is not None

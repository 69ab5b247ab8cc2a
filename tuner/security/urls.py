"""Whether a URL carries a secret."""

from __future__ import annotations

import re

#: Keys of a URL's query whose values let in whoever knows them, such as those of a signed link.
_SECRET_KEY = re.compile(
    r"[?&][^=&#]*(?:passw|pwd|secret|token|signature|credential|api-?_?key|access-?_?key)[^=&#]*=|[?&](?:sig|key)=",
    re.I,
)


def holds_secret(url: str) -> bool:
    """Return whether a URL, or one of several that are chained, carries a user, a password, a key or a token."""
    for authority in re.findall(r"://([^/?#]*)", url):
        host, _, port = authority.rpartition(":")
        if "@" in authority or (host and not port.isdigit()):  # what is no port is a password with a slash in it
            return True
    return "://" in url and _SECRET_KEY.search(url) is not None

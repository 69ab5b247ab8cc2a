"""Asking a running dashboard whether all is well, as containers do."""

from __future__ import annotations

import http.client

from tuner.dashboard.guard import HEALTH
from tuner.errors import TunerError

#: Seconds. A database behind a network that swallows packets is given up on after some of its own.
_TIMEOUT_S = 20.0
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def ask_health(host: str, port: int) -> None:
    """Return if a dashboard is there and reaches its database.

    Args:
        host: Where it listens.
        port: Where it listens.

    Raises:
        TunerError: It does not answer, or its database does not.
    """
    plain = host.strip("[]")
    connection = http.client.HTTPConnection(_WILDCARDS.get(plain, plain), port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", HEALTH)
        answer = connection.getresponse()
        said = answer.read().decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise TunerError(f"no dashboard answers at port {port} of {host}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise TunerError(f"the dashboard at port {port} of {host} is not well: {said[:200]}")

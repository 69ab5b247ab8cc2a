"""The health check of a running dashboard, for containers."""

from __future__ import annotations

import http.client

from tuner.dashboard.guard import HEALTH
from tuner.errors import TunerError

#: Seconds. The dashboard itself waits some seconds for a database whose network drops packets before it answers.
_TIMEOUT_S = 20.0
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def ask_health(host: str, port: int) -> None:
    """Return where a dashboard answers and reaches its database.

    Args:
        host: Host that it listens at.
        port: Port that it listens at.

    Raises:
        TunerError: The dashboard does not answer, or its database does not.
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

"""What this process knows to be secret, struck out of texts. Without SQL: trainers do so too."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, quote_plus

#: Environment variables whose whole value is secret.
_SECRET = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "MYSQL_PWD",
    "PGPASSWORD",
    "PGSSLPASSWORD",
    "TUNER_DASHBOARD_TOKEN",
)
#: A shorter secret is not looked for: it would be found in words that are none.
_SHORTEST = 6

_known: set[str] = set()


def keep_secret(secret: str) -> str:
    """Have a secret not shown in any text of this process and of those that it forks; return it."""
    if len(secret) >= _SHORTEST:
        _known.update((secret, quote(secret, safe=""), quote_plus(secret)))
    return secret


def learn(environment: Mapping[str, str]) -> None:
    """Keep secret what the environment's variables hold that are known to hold secrets."""
    for name in _SECRET:
        keep_secret(environment.get(name, ""))


def strike_out(text: str) -> str:
    """Return a text in which the secrets that are known are `***`."""
    for secret in sorted(_known, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, "***")
    return text

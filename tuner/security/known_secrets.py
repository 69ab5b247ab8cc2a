"""The secrets that this process knows, and their removal from texts.

It does not import SQL, because trainers use it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, quote_plus

#: Environment variables whose whole value is secret.
_SECRET = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "MYSQL_PWD",
    "PGPASSWORD",
    "PGSSLPASSWORD",
    "TRACKIO_WRITE_TOKEN",
    "TUNER_DASHBOARD_TOKEN",
    "WANDB_API_KEY",
)
#: Characters below which a secret is not looked for: it would be found inside ordinary words.
_SHORTEST = 6

_known: set[str] = set()


def keep_secret(secret: str) -> str:
    """Register a secret that no text of this process and of its forked children may show; return the secret."""
    if len(secret) >= _SHORTEST:
        _known.update((secret, quote(secret, safe=""), quote_plus(secret)))
    return secret


def learn(environment: Mapping[str, str]) -> None:
    """Register the values of the environment variables that hold secrets."""
    for name in _SECRET:
        keep_secret(environment.get(name, ""))


def strike_out(text: str) -> str:
    """Return a text with each registered secret replaced by `***`."""
    for secret in sorted(_known, key=len, reverse=True):  # a secret may be a part of a longer one
        text = text.replace(secret, "***")
    return text

"""Checks and normalises the URLs of checkpoint stores."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from storage.errors import CheckpointError
from storage.urls import mask_password

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?(.*)", re.DOTALL)
_HOW = "give a folder, or s3://bucket/folder"


def store_url(written: str) -> str:
    """Return the absolute path or the URL for `CheckpointStore`.

    Args:
        written: A path or an fsspec URL as the user wrote it.

    Raises:
        CheckpointError: The store cannot be used. The message never contains passwords.
    """
    shown = f"checkpoints {mask_password(written)!r}"
    match = _URL.fullmatch(written)
    scheme = match[1].lower() if match else ""
    if not written or "\0" in written:
        raise CheckpointError(f"{shown} names no folder; {_HOW}")
    if match is None or (match[2] is None and scheme != "file" and not _is_known(scheme)):
        return str(Path(written).absolute())
    if match[2] is None and scheme != "file":
        raise CheckpointError(f"{shown}: after {scheme}: comes //; {_HOW}")
    if scheme in ("file", "local"):
        return _path_of_file_url(match[3], shown, has_host=match[2] is not None)
    return f"{scheme}://{_checked(scheme, match[3], shown)}"


def _path_of_file_url(rest: str, shown: str, *, has_host: bool) -> str:
    host, slash, path = rest.partition("/") if has_host else ("", "", rest)
    if host not in ("", "localhost"):
        raise CheckpointError(f"{shown} is on a host; give a folder, or write file:///folder")
    if not path:
        raise CheckpointError(f"{shown} names no folder; write file:///folder")
    return str(Path(unquote(slash + path)).absolute())


def _checked(scheme: str, rest: str, shown: str) -> str:
    """Return the part of the URL after the scheme, without empty parts; raise CheckpointError if it cannot be used."""
    parts = [part for part in rest.split("/") if part]
    if not parts or (scheme in ("s3", "s3a") and rest.startswith("/")):
        raise CheckpointError(f"{shown} names no folder; {_HOW}")
    if "::" in rest or "?" in rest or {".", ".."} & {*parts}:
        raise CheckpointError(f"{shown}: ::, ? and the folders . and .. cannot be used; {_HOW}")
    if _holds_secret(scheme, parts[0]):
        how = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        how = how if scheme in ("s3", "s3a") else "give them by the environment or a file, as its package reads them"
        # The URL is left out of the message, because its secret part cannot be told from the rest.
        raise CheckpointError(
            f"checkpoints at {scheme}: keys and passwords do not belong into a URL, which is stored with the study; "
            f"{how}"
        )
    _check_installed(scheme, shown)
    return "/".join(parts)


def _holds_secret(scheme: str, host: str) -> bool:
    if scheme in ("s3", "s3a"):  # a secret key may contain a slash, and then the @ comes in a later part
        return "@" in host or (":" in host and not host.startswith("arn:"))
    user, _, place = host.rpartition("@")
    name, _, port = place.rpartition(":")
    return ":" in user or (bool(name) and not port.isdigit() and scheme != "memory")


def _check_installed(scheme: str, shown: str) -> None:
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except ValueError:
        raise CheckpointError(f"{shown}: {scheme} is not supported; {_HOW}") from None
    except ImportError as error:
        how = "pip install 'shichimi[s3]'" if scheme in ("s3", "s3a") else str(error)
        raise CheckpointError(f"{shown}: the package for {scheme} is missing; {how}") from error


def _is_known(scheme: str) -> bool:
    import fsspec

    return scheme in fsspec.available_protocols()

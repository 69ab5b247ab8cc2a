"""What a bug report needs to know of this machine: versions, devices, the database, folders. No secret is in it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from storage import Database, DatabaseMissing, StorageError, Studies, describe_outage
from storage.urls import parse_url
from tuner.errors import DeviceError, first_line
from tuner.machine.devices import visible_gpus
from tuner.machine.memory import host_memory_bytes
from tuner.machine.nvml import DriverNvml
from tuner.machine.processor import processor_name
from tuner.security.redaction import redact
from tuner.study.locations import cache_folder

#: Packages whose versions matter to trials; those that are not installed are left out.
_PACKAGES = (
    "torch",
    "transformers",
    "accelerate",
    "datasets",
    "tokenizers",
    "huggingface-hub",
    "safetensors",
    "numpy",
    "scikit-learn",
    "optuna",
    "optuna-dashboard",
    "sqlalchemy",
    "pydantic",
    "click",
    "rich",
    "peft",
    "trl",
    "bitsandbytes",
    "cmaes",
    "timm",
    "psycopg",
    "pymysql",
    "s3fs",
    "wandb",
    "mlflow-skinny",
    "trackio",
    "tensorboard",
)
#: Beginnings of the names of variables that change what commands do. Their values may be secrets.
_VARIABLES = ("TUNER_", "HF_", "TRANSFORMERS_", "CUDA_", "OMP_", "TOKENIZERS_")


def environment(url: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what this machine is, as JSON values.

    Args:
        url: The database.
        environ: The environment of this process. Of its variables only names are told.
    """
    return {
        "tuner": metadata.version("shichimi"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "system": f"{platform.platform()}",
        "processor": {"name": processor_name(), "cores": len(os.sched_getaffinity(0))},
        "memory_bytes": host_memory_bytes(),
        **_gpus(environ),
        "database": _database(url),
        "cache": {"folder": _short(cache_folder()), "free_bytes": _free(cache_folder())},
        "hub": {"offline": any(environ.get(name) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))},
        "variables": sorted(name for name in environ if name.startswith(_VARIABLES)),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _gpus(environ: Mapping[str, str]) -> dict[str, Any]:
    try:
        gpus = visible_gpus(environ, DriverNvml())
    except DeviceError as error:
        return {"gpus": [], "gpu_problem": str(error)}
    found = [{"label": each.label, "name": each.name, "memory_bytes": each.memory_bytes} for each in gpus]
    return {"gpus": found, "gpu_problem": None}


def _database(url: str) -> dict[str, Any]:
    """Return the kind of a database, and whether it answers; never its URL, which names users."""
    told: dict[str, Any] = {"kind": None, "answers": False, "studies": None, "problem": None}
    try:
        told["kind"] = parse_url(url).get_backend_name()
        with Database(url) as database:
            return {**told, "answers": True, "studies": len(Studies(database).names())}
    except DatabaseMissing:
        return {**told, "problem": "there is none yet"}
    except StorageError as error:
        return {**told, "problem": _without_url(first_line(error))}
    except Exception as error:
        outage = describe_outage(error)
        return {**told, "problem": _without_url(outage or f"{type(error).__name__}: {first_line(error)}")}


def _without_url(text: str) -> str:
    return redact(re.sub(r"\S+://\S+", "it", text))


def _free(folder: Path) -> int | None:
    """Return the free bytes of the disk that a folder is on, or will be on."""
    for each in (folder, *folder.parents):
        if each.exists():
            return shutil.disk_usage(each).free
    return None


def _short(folder: Path) -> str:
    home = Path.home()
    return f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) else str(folder)

"""Finding models and data: `package:` paths, folders, files, URLs and hub ids. Imports no torch and no transformers."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner.errors import ConfigError, DataError, ModelError
from tuner.processes.messages import Progressed
from tuner.study import gguf_models, hub
from tuner.trial.run import ModelSource

_PACKAGE = "package:"


def find_package_path(written: str, key: str) -> Path:
    """Return the path on this machine of `package:NAME/PATH`, without importing the package.

    Raises:
        ConfigError: The package is not installed, or has no such file.
    """
    name, _, rest = written.removeprefix(_PACKAGE).partition("/")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    if not roots:
        raise ConfigError("", key, f"{written!r}: no package {name!r} is installed here; pip install it")
    for root in roots:
        path = (root / rest).resolve()
        if path.exists() and path.is_relative_to(root.resolve()):
            return path
    raise ConfigError("", key, f"{written!r}: the package {name!r} has no {rest!r}")


def find_model(
    written: str,
    revision: str | None,
    *,
    trust_remote_code: bool = False,
    progress: Callable[[Progressed], None] = lambda _: None,
) -> ModelSource:
    """Find a model on this machine. A hub id is not looked up; transformers does this later.

    Args:
        written: Hub id, absolute path of a folder or a GGUF file, or `package:NAME/PATH`.
        revision: Commit of a hub id.
        trust_remote_code: Whether code in the repository of a hub id may run.
        progress: Told that a GGUF file is read, which is done once a machine.

    Raises:
        ModelError: The folder is missing, has no configuration or no weights; or the GGUF file cannot be read.
    """
    if written.startswith(_PACKAGE):
        folder = find_package_path(written, "model")
    elif Path(written).is_absolute():
        folder = Path(written)
    else:
        return ModelSource(location=written, revision=revision, trust_remote_code=trust_remote_code)
    if folder.suffix == gguf_models.ENDING:
        return ModelSource(location=str(gguf_models.dequantised(folder, progress)))
    if not folder.is_dir():
        raise ModelError("", "model", f"{written!r}: no such folder")
    if not (folder / "config.json").is_file():
        raise ModelError("", "model", f"{folder} has no config.json; is it the folder of a transformers model?")
    if not _has_weights(folder):
        pickled = [path.name for path in sorted(folder.glob("pytorch_model*.bin"))]
        if pickled:
            raise ModelError(
                "",
                "model",
                f"{folder} has its weights in {pickled[0]} alone, a pickle, which is not loaded as it can run code; "
                "save them as model.safetensors (`save_pretrained` of transformers does)",
            )
        raise ModelError("", "model", f"{folder} has no weights (model.safetensors)")
    return ModelSource(location=str(folder))


def _has_weights(folder: Path) -> bool:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "model.safetensors").is_file()
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return bool(shards) and all((folder / shard).is_file() for shard in shards)
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise ModelError("", "model", f"{index} is damaged: it does not say which file holds which weight") from error


def read_model_config(model: ModelSource) -> dict[str, Any]:
    """Read a model's config.json, from its folder or from the hub.

    Raises:
        ModelError: The file is missing or cannot be read.
        HubAway: The file is not cached on this machine, and the hub does not answer.
    """
    path = Path(model.location) / "config.json"
    try:
        if not path.is_file():
            from huggingface_hub import hf_hub_download

            path = Path(hf_hub_download(model.location, "config.json", revision=model.revision))
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise hub.model_problem(error, model.location) from error
    if not isinstance(document, dict) or "model_type" not in document:
        raise ModelError("", "model", f"{path} names no model_type; is it a transformers model?")
    return document


def find_data(written: str) -> str:
    """Find a data source on this machine. A URL or hub id is not looked up; the datasets library does this later.

    Returns:
        A path, URL or hub id.

    Raises:
        DataError: The file or folder is missing.
    """
    if written.startswith(_PACKAGE):
        return str(find_package_path(written, "data.source"))
    if Path(written).is_absolute() and not Path(written).exists():
        raise DataError("", "data.source", f"{written}: no such file or folder")
    return written

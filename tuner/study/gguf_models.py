"""Models in GGUF files: dequantised once a machine, into a folder of the cache that transformers reads."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from tuner.errors import ModelError
from tuner.processes.messages import Progressed
from tuner.processes.trainers import ForkServer
from tuner.study.locations import cache_folder

#: Ending of the names of such files.
ENDING = ".gguf"
#: Increased whenever the folders are written otherwise.
_FORMAT = 1
#: Bytes that are hashed at a time.
_CHUNK = 1 << 22


def dequantised(file: Path, progress: Callable[[Progressed], None]) -> Path:
    """Return the folder with the weights of a GGUF file as 32-bit numbers, its configuration and its tokenizer.

    It is written where it is not there yet, by a process of its own. Its name follows from the file's content, so that
    studies on several machines, or with the file elsewhere, have the same.

    Args:
        file: The file.
        progress: Told that the file is read, which takes seconds to minutes.

    Raises:
        ModelError: The file is missing or damaged, its architecture is unknown, or a package is missing.
    """
    if not file.is_file():
        raise ModelError("", "model", f"{file}: no such file")
    folder = cache_folder() / "gguf" / f"{_digest(file)[:32]}-{_FORMAT}"
    if not (folder / "config.json").is_file():
        if importlib.util.find_spec("gguf") is None:
            reason = f"{file.name} is a GGUF file, for which the package gguf is not installed; install 'shichimi[llm]'"
            raise ModelError("", "model", reason)
        progress(Progressed(stage=f"dequantising {file.name}"))
        with ForkServer(Path("/dev/null")) as fork_server:
            arguments = {"file": file, "folder": folder}
            fork_server.call("tuner.training.calls:dequantise", arguments, {"CUDA_VISIBLE_DEVICES": ""})
    return folder


def _digest(file: Path) -> str:
    """Return the sha256 of a file, kept in the cache: a large file takes seconds to read."""
    facts = file.stat()
    key = hashlib.sha256(f"{file.resolve()}:{facts.st_size}:{facts.st_mtime_ns}".encode()).hexdigest()
    known = cache_folder() / "gguf" / "digests" / key
    if known.is_file() and len(found := known.read_text(encoding="ascii").strip()) == 64:
        return found
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(digest.hexdigest(), encoding="ascii")
    return digest.hexdigest()

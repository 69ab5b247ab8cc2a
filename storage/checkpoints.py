"""The weights that are kept: a folder a trial, published whole or not at all.

Content first, then a manifest with sizes and sha256, then the rename that makes the folder visible: a crash leaves
the old state or none, and hidden folders, never half a checkpoint under a name that somebody trusts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from storage.database import mask_password
from storage.errors import CheckpointDamaged, CheckpointError, CheckpointMissing, CheckpointsUnwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MANIFEST = "manifest.json"
_FOLDER = re.compile(r"trial-(\d{5,})")


def checkpoints_folder(url: str) -> Path:
    """Return the folder that a checkpoint URL names.

    Raises:
        CheckpointError: It is no local folder.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("", "file"):
        raise CheckpointError(f"checkpoints {mask_password(url)!r}: {parts.scheme} is not supported; give a folder")
    if not parts.scheme:
        return Path(url).absolute()
    if parts.netloc not in ("", "localhost"):
        raise CheckpointError(f"checkpoints {url!r} is on a host; give a folder, or write file:///folder")
    return Path(unquote(parts.path)).absolute()


class CheckpointStore:
    """The kept weights of one study.

    Args:
        root: The folder for this study alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self) -> None:
        """Write and remove a file.

        Raises:
            CheckpointsUnwritable: The folder takes no files.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root) as file:
                file.write(b"x" * 4096)
        except OSError as error:
            raise CheckpointsUnwritable(f"checkpoints folder {self.root} takes no files: {error.strerror}") from error

    def scratch(self, trial: int) -> Path:
        """Return an empty folder for the files of a trial that is being trained."""
        folder = self.root / f".trial-{trial:05d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def publish(self, trial: int, facts: Mapping[str, Any]) -> None:
        """Make what stands in the scratch folder the kept weights of a trial.

        Args:
            trial: The trial's number.
            facts: What a reader must know to use the files, such as versions; JSON values.
        """
        scratch = self.root / f".trial-{trial:05d}"
        files = {
            path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
            for path in sorted(scratch.iterdir())
            if path.name != MANIFEST
        }
        for name in files:
            _sync(scratch / name)
        content = {"facts": dict(facts), "files": files}
        manifest = scratch / MANIFEST
        manifest.write_text(json.dumps(content | {"sha256": _digest(content)}, indent=1), encoding="utf-8")
        _sync(manifest)
        _sync(scratch)
        target, replaced = self._folder(trial), self._replaced(trial)
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            target.rename(replaced)  # removing it in place would leave half of it under its name for a while
        scratch.rename(target)
        _sync(self.root)
        shutil.rmtree(replaced, ignore_errors=True)

    def discard(self, trial: int) -> None:
        """Remove whatever a trial has left."""
        for folder in (self.root / f".trial-{trial:05d}", self._replaced(trial), self._folder(trial)):
            shutil.rmtree(folder, ignore_errors=True)

    def keep_only(self, trials: Iterable[int]) -> None:
        """Remove the kept weights of every other trial."""
        wanted = set(trials)
        for trial in self.kept():
            if trial not in wanted:
                self.discard(trial)

    def kept(self) -> list[int]:
        """Return the numbers of the trials whose weights are kept."""
        if not self.root.is_dir():
            return []
        names = (_FOLDER.fullmatch(path.name) for path in self.root.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def open(self, trial: int) -> tuple[Path, dict[str, Any]]:
        """Verify the kept weights of a trial.

        Returns:
            Their folder, and the facts that were published with them.

        Raises:
            CheckpointMissing: None are kept.
            CheckpointDamaged: A file is missing or differs from the manifest.
        """
        folder = self._folder(trial)
        if not folder.exists():
            kept = ", ".join(map(str, self.kept())) or "none"
            raise CheckpointMissing(f"no weights are kept for trial {trial} in {self.root}; kept: {kept}")
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            sound = manifest.pop("sha256") == _digest(manifest)
        except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise _damaged(folder / MANIFEST, trial) from error
        if not sound:
            raise _damaged(folder / MANIFEST, trial)
        for name, expected in manifest["files"].items():
            path = folder / name
            try:
                sound = path.stat().st_size == expected["bytes"] and _sha256(path) == expected["sha256"]
            except OSError as error:
                raise _damaged(path, trial) from error
            if not sound:
                raise _damaged(path, trial)
        return folder, manifest["facts"]

    def delete(self) -> None:
        """Remove the weights of every trial."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _folder(self, trial: int) -> Path:
        return self.root / f"trial-{trial:05d}"

    def _replaced(self, trial: int) -> Path:
        return self.root / f".replaced-{trial:05d}"


def _damaged(path: Path, trial: int) -> CheckpointDamaged:
    return CheckpointDamaged(f"{path} is not what was saved; the weights of trial {trial} cannot be used")


def _digest(content: Mapping[str, Any]) -> str:
    # Of the content, not of the file: the digest stands in the same file.
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

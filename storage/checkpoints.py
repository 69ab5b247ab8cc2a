"""The weights that are kept: a folder a trial, published whole or not at all.

Content first, then a manifest with sizes and sha256, then the rename that makes the folder visible: a crash leaves
the old state and a hidden folder, never half a checkpoint under a name that somebody trusts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from storage.errors import CheckpointDamaged, CheckpointError, CheckpointMissing, CheckpointsUnwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MANIFEST = "manifest.json"


def checkpoints_folder(url: str) -> Path:
    """Return the folder that a checkpoint URL names.

    Raises:
        CheckpointError: It is no local folder.
    """
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return Path(unquote(parts.path) if parts.scheme else url).absolute()
    raise CheckpointError(f"checkpoints {url!r}: {parts.scheme} is not supported; give a folder")


class CheckpointStore:
    """The kept weights of one study.

    Args:
        root: The folder for this study alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_writable(self, *, remove: bool = False) -> None:
        """Write and remove a file.

        Args:
            remove: Remove the folder again where it is empty.

        Raises:
            CheckpointsUnwritable: The folder takes no files.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root) as file:
                file.write(b"x" * 4096)
            if remove and not any(self.root.iterdir()):
                self.root.rmdir()
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
        manifest = scratch / MANIFEST
        manifest.write_text(json.dumps({"facts": dict(facts), "files": files}, indent=1), encoding="utf-8")
        _sync(manifest)
        _sync(scratch)
        target = self._folder(trial)
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
        _sync(self.root)

    def discard(self, trial: int) -> None:
        """Remove whatever a trial has left."""
        shutil.rmtree(self.root / f".trial-{trial:05d}", ignore_errors=True)
        shutil.rmtree(self._folder(trial), ignore_errors=True)

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
        names = (path.name for path in self.root.iterdir() if path.name.startswith("trial-"))
        return sorted(int(name.removeprefix("trial-")) for name in names)

    def open(self, trial: int) -> tuple[Path, dict[str, Any]]:
        """Verify the kept weights of a trial.

        Returns:
            Their folder, and the facts that were published with them.

        Raises:
            CheckpointMissing: None are kept.
            CheckpointDamaged: A file is missing or differs from the manifest.
        """
        folder = self._folder(trial)
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            kept = ", ".join(map(str, self.kept())) or "none"
            raise CheckpointMissing(f"no weights are kept for trial {trial} in {self.root}; kept: {kept}") from error
        except ValueError as error:
            raise CheckpointDamaged(f"{folder / MANIFEST} is damaged") from error
        for name, expected in manifest["files"].items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != expected["bytes"] or _sha256(path) != expected["sha256"]:
                raise CheckpointDamaged(f"{path} is not what was saved; the weights of trial {trial} cannot be used")
        return folder, manifest["facts"]

    def delete(self) -> None:
        """Remove the weights of every trial."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _folder(self, trial: int) -> Path:
        return self.root / f"trial-{trial:05d}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

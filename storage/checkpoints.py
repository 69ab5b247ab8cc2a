"""Checkpoints: folders of files that are in the store whole or not at all.

Content first, then a manifest with sizes and sha256: a crash leaves the old state or none, and files that nobody takes
for a checkpoint. The manifest's own digest belongs into the database, so that no other manifest can take its place.

    STUDY/trial-00003/attempt-2/step-00000120/manifest.json     to go on from
    STUDY/trial-00003/attempt-2/best-00000120/manifest.json     weights of the best evaluation
    STUDY/trial-00003/manifest.json                             older layout: weights of the best evaluation
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from storage.errors import CheckpointDamaged, CheckpointError, CheckpointMissing
from storage.keys import parse_key
from storage.local_place import LocalPlace
from storage.manifests import MANIFEST, Manifest
from storage.places import reporting
from storage.remote_place import RemotePlace
from storage.store_urls import store_url

if TYPE_CHECKING:
    from storage.places import Place

__all__ = ["MANIFEST", "CheckpointStore", "Published", "store_url"]

_TRIAL = re.compile(r"trial-([0-9]{5,18})|\.(?:trial|replaced)-([0-9]{5,18})")  # hidden ones: of the older layout
_ATTEMPT = re.compile(r"attempt-([0-9]{1,18})")
_STUDY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A checkpoint that is in the store."""

    #: Such as `trial-00003/attempt-2/step-00000120`.
    key: str
    #: Digest of the manifest, as it says itself.
    sha256: str
    #: Of the files, without the manifest.
    bytes: int


class CheckpointStore:
    """The checkpoints of one study. Safe to share between threads, and for several machines at once.

    Nothing is an error because another machine has removed or added it meanwhile. Folders of other names are people's
    own, and left alone.

    Args:
        url: What `store_url` returned; the study is a folder below it.
        study: The study's name.
        scratch: Local folder for what is staged and fetched, where the store is not local.

    Raises:
        CheckpointError: The name cannot be that of a folder.
    """

    def __init__(self, url: str, study: str, *, scratch: Path) -> None:
        if not _STUDY.fullmatch(study):
            raise CheckpointError(f"checkpoints of {study!r}: such a name leads out of the store")
        self.study = study
        self._place: Place = (
            LocalPlace(Path(url) / study) if url.startswith("/") else RemotePlace(f"{url}/{study}", scratch)
        )

    @property
    def is_local(self) -> bool:
        """Whether the store is a folder, in which files are staged and used in place."""
        return self._place.is_local

    @property
    def url(self) -> str:
        """Where the study's checkpoints are, fit to be shown; a path where the store is local."""
        return self._place.shown

    def check_writable(self) -> None:
        """Write and remove a file.

        Raises:
            CheckpointsUnwritable: The store takes no files.
            CheckpointsUnreachable: It may some other time: it does not answer, or is full.
        """
        self._place.check_writable()

    def stage(self, trial: int, attempt: int) -> Path:
        """Return a new empty local folder for files to publish.

        Raises:
            CheckpointsUnreachable: None can be made.
        """
        return self._place.stage(f"trial-{trial:05d}/attempt-{attempt}")

    def publish(
        self,
        staged: Path,
        *,
        trial: int,
        attempt: int,
        kind: Literal["step", "best"],
        optimiser_steps: int,
        facts: Mapping[str, Any],
    ) -> Published:
        """Put what is in a staged folder, or in a folder below one, into the store, in place of what has its key.

        When this returns, the folder is gone and its files are durable. Where this fails, the folder is still there.

        Args:
            staged: From `stage`.
            trial: The trial's number.
            attempt: The attempt that wrote the files.
            kind: `step` to go on from, `best` for weights of the best evaluation.
            optimiser_steps: Optimiser steps done.
            facts: What a reader must know to use the files, such as versions; JSON values.

        Raises:
            CheckpointsUnreachable: The store did not take them, or another worker has removed them; after a few tries,
                unless the disk is full.
            CheckpointError: There is a link or a device among them.
        """
        key = f"trial-{trial:05d}/attempt-{attempt}/{kind}-{optimiser_steps:08d}"
        with reporting(f"{staged} cannot be read"):
            manifest = Manifest.of(staged, facts)
        self._place.publish(staged, key, manifest)
        return Published(key=key, sha256=manifest.sha256, bytes=manifest.size)

    def fetch(self, key: str, sha256: str) -> tuple[Path, dict[str, Any]]:
        """Verify a checkpoint, of whose files a local folder is returned.

        Only the files that the manifest names are verified. Where the store is local, others may stand in the folder.

        Args:
            key: As it was published; or `trial-00003`, the older layout.
            sha256: Of its manifest, from the database; empty for the older layout, which has none there.

        Returns:
            The folder, to be given to `release`; and the facts that were published with the files.

        Raises:
            CheckpointMissing: There is no such checkpoint.
            CheckpointDamaged: A file, which is named, is missing or not what was published.
            CheckpointsUnreachable: The store does not answer; the checkpoint may be sound.
            CheckpointError: That can be no key.
        """
        trial, is_old = _checked(key)
        text = self._place.read(f"{key}/{MANIFEST}")
        try:
            manifest = Manifest.parse(text or b"")
        except ValueError as error:
            if text is None and not self._has_files_of(key):
                there = ", ".join(self.keys(trial)) or "none"
                raise CheckpointMissing(f"there is no {key} in {self.url}; of this trial there: {there}") from None
            raise self._damaged(key, MANIFEST) from error
        if manifest.sha256 != sha256 and not (is_old and not sha256):
            raise self._damaged(key, MANIFEST)
        folder = self._place.fetch(key, {name: file.bytes for name, file in manifest.files.items()})
        try:
            with reporting(f"{folder} cannot be read"):
                name = manifest.damaged(folder)
            if name is not None:
                raise self._damaged(key, name)
        except CheckpointError:
            self.release(folder)
            raise
        return folder, dict(manifest.facts)

    def release(self, folder: Path) -> None:
        """Remove a folder that was staged or fetched, or one below it; leave a checkpoint that was used in place."""
        self._place.release(folder)

    def delete(self, key: str) -> None:
        """Remove a checkpoint, where there is one.

        Raises:
            CheckpointsUnreachable: It cannot be removed.
            CheckpointError: That can be no key.
        """
        _checked(key)
        self._place.discard(key)

    def tidy(
        self, trial: int, keep: Collection[str], *, attempt: int | None = None, dry_run: bool = False
    ) -> list[str]:
        """Remove what a trial has in the store, except what is to be kept and what this process has staged.

        Args:
            trial: The trial's number.
            keep: Keys.
            attempt: That of the caller's lease: what later ones wrote stays, should the lease be lost by now.
            dry_run: Only return what would go.

        Returns:
            What was removed, by paths below the study's root.

        Raises:
            CheckpointsUnreachable: Something cannot be removed.
        """
        removed = []
        for entry in self._entries(trial):
            if entry in keep or self._place.is_staged(entry) or (attempt is not None and _attempt(entry) > attempt):
                continue
            if not dry_run:
                self._place.discard(entry)
            removed.append(entry)
        return removed

    def remove_trial(self, trial: int) -> None:
        """Remove all that a trial has in the store, even what is staged.

        Raises:
            CheckpointsUnreachable: Something cannot be removed.
        """
        for entry in self._entries(trial):
            self._place.discard(entry)

    def trials(self) -> list[int]:
        """Return the numbers of the trials that have anything in the store, whole or not.

        Raises:
            CheckpointsUnreachable: The store does not answer.
        """
        return sorted({found[0] for path in self._place.listing() if (found := _entry(path))})

    def keys(self, trial: int) -> list[str]:
        """Return the keys of a trial's whole checkpoints, by attempt and optimiser steps.

        Raises:
            CheckpointsUnreachable: The store does not answer.
        """
        manifests = (path for path in self._place.listing(f"trial-{trial:05d}") if path.endswith(f"/{MANIFEST}"))
        paths = [path.removesuffix(f"/{MANIFEST}") for path in manifests]
        keys = {path: key for path in paths if (key := parse_key(path))}
        return sorted(keys, key=lambda path: (keys[path].attempt or 0, keys[path].optimiser_steps))

    def used_bytes(self) -> int:
        """Return the bytes of all that the study's trials have in the store, whole or not.

        Raises:
            CheckpointsUnreachable: The store does not answer.
        """
        return sum(size for path, size in self._place.listing().items() if _entry(path))

    def remove(self) -> None:
        """Remove the study's part of the store, except for folders that are people's own.

        Raises:
            CheckpointsUnreachable: Something cannot be removed.
        """
        listing = self._place.listing()
        entries = {found[1] for path in listing if (found := _entry(path))}
        for entry in sorted(entries | {path for path in listing if "/" not in path}):
            self._place.discard(entry)
        self._place.remove_root()

    def _entries(self, trial: int) -> list[str]:
        """Return what a trial has: keys, their like that is not whole, and litter."""
        name = f"trial-{trial:05d}"
        hidden = (f".{name}", f".replaced-{trial:05d}") if self.is_local else ()
        paths = [path for under in (name, *hidden) for path in self._place.listing(under)]
        return sorted({found[1] for path in paths if (found := _entry(path))})

    def _has_files_of(self, key: str) -> bool:
        return any((found := _entry(path)) and found[1] == key for path in self._place.listing(key))

    def _damaged(self, key: str, name: str) -> CheckpointDamaged:
        return CheckpointDamaged(f"{self.url}/{key}/{name} is not what was saved; {key} cannot be used")


def _checked(key: str) -> tuple[int, bool]:
    """Return the number of a key's trial, and whether the key is of the older layout.

    Raises:
        CheckpointError: That can be no key.
    """
    parsed = parse_key(key)
    if parsed is None:
        raise CheckpointError(f"{key[:200]!r} is no key of a checkpoint, such as trial-00003/attempt-2/step-00000120")
    return parsed.trial, parsed.attempt is None


def _entry(path: str) -> tuple[int, str] | None:
    """Return the trial and the whole thing that a file is part of; None where it is none of ours."""
    parts = path.split("/")
    trial = _TRIAL.fullmatch(parts[0])
    if trial is None or len(parts) == 1:
        return None
    number = int(trial[1] or trial[2])
    if trial[2] is not None:
        return number, parts[0]
    if len(parts) == 2:
        return number, parts[0] if parts[1] else path
    return (number, "/".join(parts[:3])) if _ATTEMPT.fullmatch(parts[1]) else None


def _attempt(entry: str) -> int:
    match = re.search(r"/attempt-([0-9]{1,18})", entry)
    return int(match[1]) if match else 0

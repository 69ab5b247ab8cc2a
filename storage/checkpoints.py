"""Checkpoints: folders of files that are in the store completely or not at all.

The files are written first, then a manifest with their sizes and sha256 digests. A folder without a manifest is not a
checkpoint, so a crash leaves either the complete checkpoint or none. The database stores the manifest's own digest, so
that another manifest in its place is detected.

    STUDY/trial-00003/attempt-2/step-00000120/manifest.json     training state to resume from
    STUDY/trial-00003/attempt-2/best-00000120/manifest.json     weights of the best evaluation
    STUDY/trial-00003/manifest.json                             older layout: weights of the best evaluation
    STUDY/heads/0123456789abcdef/manifest.json                  a fitted head, which several trials begin with
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from storage.errors import CheckpointDamaged, CheckpointError, CheckpointMissing
from storage.keys import HEADS, is_head, parse_key
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
    """A checkpoint that `CheckpointStore.publish` has written."""

    #: Path below the study's folder, such as `trial-00003/attempt-2/step-00000120` or `heads/0123456789abcdef`.
    key: str
    #: Digest of the manifest; see `Manifest.sha256`.
    sha256: str
    #: Total size of the files, without the manifest.
    bytes: int


class CheckpointStore:
    """The checkpoints of one study. Several threads and several machines may use the store at once.

    Files that another machine adds or removes meanwhile cause no error. Folders whose names are not those of trials
    belong to the user and are left alone.

    Args:
        url: The store's URL or path, from `store_url`. The study is a folder below it.
        study: The study's name.
        scratch: Local folder for staged and fetched files. Used only if the store is not a local folder.

    Raises:
        CheckpointError: The study's name cannot be used as the name of a folder.
    """

    def __init__(self, url: str, study: str, *, scratch: Path) -> None:
        if not _STUDY.fullmatch(study):
            raise CheckpointError(f"checkpoints of {study!r}: this name leads out of the store, so it cannot be used")
        self.study = study
        self._place: Place = (
            LocalPlace(Path(url) / study) if url.startswith("/") else RemotePlace(f"{url}/{study}", scratch)
        )

    @property
    def is_local(self) -> bool:
        """Whether the store is a local folder. Then files are staged and used inside it, without copies."""
        return self._place.is_local

    @property
    def url(self) -> str:
        """The URL of the study's checkpoints, without a password; a path if the store is local."""
        return self._place.shown

    def check_writable(self) -> None:
        """Write and remove a file, to check that the store accepts writes.

        Raises:
            CheckpointsUnwritable: The store refuses to write files.
            CheckpointsUnreachable: The store does not answer or is full. It may accept writes later.
        """
        self._place.check_writable()

    def stage(self, trial: int, attempt: int) -> Path:
        """Return a new empty local folder, to be filled and then given to `publish`.

        Raises:
            CheckpointsUnreachable: The folder cannot be made.
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
        """Move the files of a staged folder into the store, as one checkpoint. It replaces one with the same key.

        When this returns, the files are durable in the store and the staged folder is gone. If this fails, the staged
        folder is still there.

        Args:
            staged: A folder from `stage`, or a folder below one.
            trial: The trial's number.
            attempt: The attempt that wrote the files.
            kind: `step` for a training state to resume from, `best` for the weights of the best evaluation.
            optimiser_steps: Optimiser steps done.
            facts: JSON values that a reader needs to use the files, such as versions of libraries.

        Raises:
            CheckpointsUnreachable: The store failed to write the files, or another worker removed them. Raised after
                a few tries, or at once if the disk is full.
            CheckpointError: One of the files is a link or a device.
        """
        key = f"trial-{trial:05d}/attempt-{attempt}/{kind}-{optimiser_steps:08d}"
        with reporting(f"{staged} cannot be read"):
            manifest = Manifest.of(staged, facts)
        self._place.publish(staged, key, manifest)
        return Published(key=key, sha256=manifest.sha256, bytes=manifest.size)

    def stage_head(self) -> Path:
        """Return a new empty local folder, to be filled and then given to `publish_head`.

        Raises:
            CheckpointsUnreachable: The folder cannot be made.
        """
        return self._place.stage(HEADS)

    def publish_head(self, staged: Path, *, facts: Mapping[str, Any]) -> Published:
        """Move a fitted head into the store, under a key that follows from its files: equal heads are one.

        Args:
            staged: A folder from `stage_head`.
            facts: JSON values about the head.

        Raises:
            CheckpointsUnreachable: The store failed to write the files.
            CheckpointError: One of the files is a link or a device.
        """
        with reporting(f"{staged} cannot be read"):
            manifest = Manifest.of(staged, facts)
        published = Published(key=_head_key(manifest), sha256=manifest.sha256, bytes=manifest.size)
        try:
            self.release(self.fetch(published.key, published.sha256)[0])
        except (CheckpointMissing, CheckpointDamaged):
            self._place.publish(staged, published.key, manifest)
        else:  # it is there already, and trainers may be reading it
            self.release(staged)
        return published

    def head_key(self, staged: Path) -> str:
        """Return the key under which `publish_head` would publish a folder.

        Raises:
            CheckpointError: One of the files is a link or a device, or cannot be read.
        """
        with reporting(f"{staged} cannot be read"):
            return _head_key(Manifest.of(staged, {}))

    def tidy_heads(self, keep: str) -> None:
        """Remove all heads but one, and what crashes have left of heads, except the folders this process staged.

        Args:
            keep: Key of the head to keep.

        Raises:
            CheckpointsUnreachable: A file cannot be removed.
        """
        entries = {found[1] for path in self._place.listing(HEADS) if (found := _entry(path))}
        for entry in sorted(entries - {keep}):
            if not self._place.is_staged(entry):
                self._place.discard(entry)

    def fetch(self, key: str, sha256: str) -> tuple[Path, dict[str, Any]]:
        """Return a local folder with the files of a checkpoint, after checking their sizes and digests.

        Only the files that the manifest names are checked. If the store is local, the folder may hold other files.

        Args:
            key: The key under which the checkpoint or the head was published; or one like `trial-00003` for the older
                layout.
            sha256: The manifest's digest from the database. Empty for the older layout, which stored none there.

        Returns:
            The folder, which the caller gives to `release` after use; and the facts published with the files.

        Raises:
            CheckpointMissing: There is no such checkpoint.
            CheckpointDamaged: A file is missing or differs from the published one; the message names the file.
            CheckpointsUnreachable: The store does not answer. The checkpoint may be sound.
            CheckpointError: `key` is not a valid key.
        """
        trial, is_old = _checked(key)
        text = self._place.read(f"{key}/{MANIFEST}")
        try:
            manifest = Manifest.parse(text or b"")
        except ValueError as error:
            if text is None and not self._has_files_of(key):
                there = "" if trial is None else f"; of this trial there: {', '.join(self.keys(trial)) or 'none'}"
                raise CheckpointMissing(f"there is no {key} in {self.url}{there}") from None
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
        """Remove a staged or fetched folder, or a folder below one. A checkpoint that was used in place stays."""
        self._place.release(folder)

    def delete(self, key: str) -> None:
        """Remove a checkpoint, if it exists.

        Raises:
            CheckpointsUnreachable: The checkpoint cannot be removed.
            CheckpointError: `key` is not a valid key.
        """
        _checked(key)
        self._place.discard(key)

    def tidy(
        self, trial: int, keep: Collection[str], *, attempt: int | None = None, dry_run: bool = False
    ) -> list[str]:
        """Remove a trial's files from the store, except the checkpoints to keep and the folders this process staged.

        Args:
            trial: The trial's number.
            keep: Keys of the checkpoints to keep.
            attempt: The attempt of the caller's lease. Files of later attempts stay, in case the lease is lost by now.
                None removes those, too.
            dry_run: Remove nothing; only return the paths.

        Returns:
            The removed folders and files, as paths below the study's folder.

        Raises:
            CheckpointsUnreachable: A file cannot be removed.
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
        """Remove all files of a trial from the store, including staged ones.

        Raises:
            CheckpointsUnreachable: A file cannot be removed.
        """
        for entry in self._entries(trial):
            self._place.discard(entry)

    def trials(self) -> list[int]:
        """Return the numbers of the trials that have files in the store, including those of incomplete checkpoints.

        Raises:
            CheckpointsUnreachable: The store does not answer.
        """
        found = {entry[0] for path in self._place.listing() if (entry := _entry(path))}
        return sorted(number for number in found if number is not None)

    def keys(self, trial: int) -> list[str]:
        """Return the keys of a trial's complete checkpoints, ordered by attempt and optimiser steps.

        Raises:
            CheckpointsUnreachable: The store does not answer.
        """
        manifests = (path for path in self._place.listing(f"trial-{trial:05d}") if path.endswith(f"/{MANIFEST}"))
        paths = [path.removesuffix(f"/{MANIFEST}") for path in manifests]
        keys = {path: key for path in paths if (key := parse_key(path))}
        return sorted(keys, key=lambda path: (keys[path].attempt or 0, keys[path].optimiser_steps))

    def used_bytes(self) -> int:
        """Return the total bytes of the files of trials and heads in the store, also of incomplete checkpoints.

        Raises:
            CheckpointsUnreachable: The store does not answer.
        """
        return sum(size for path, size in self._place.listing().items() if _entry(path))

    def remove(self) -> None:
        """Remove the study's trials and heads, and files directly in its folder. Folders that the user made there stay.

        Raises:
            CheckpointsUnreachable: A file cannot be removed.
        """
        listing = self._place.listing()
        entries = {found[1] for path in listing if (found := _entry(path))}
        for entry in sorted(entries | {path for path in listing if "/" not in path}):
            self._place.discard(entry)
        self._place.remove_root()

    def _entries(self, trial: int) -> list[str]:
        """Return the trial's entries: complete and incomplete checkpoints, staged folders and leftovers of crashes."""
        name = f"trial-{trial:05d}"
        hidden = (f".{name}", f".replaced-{trial:05d}") if self.is_local else ()
        paths = [path for under in (name, *hidden) for path in self._place.listing(under)]
        return sorted({found[1] for path in paths if (found := _entry(path))})

    def _has_files_of(self, key: str) -> bool:
        return any((found := _entry(path)) and found[1] == key for path in self._place.listing(key))

    def _damaged(self, key: str, name: str) -> CheckpointDamaged:
        return CheckpointDamaged(f"{self.url}/{key}/{name} is not what was saved; {key} cannot be used")


def _head_key(manifest: Manifest) -> str:
    return f"{HEADS}/{Manifest(facts={}, files=manifest.files).sha256[:16]}"


def _checked(key: str) -> tuple[int | None, bool]:
    """Return the number of a key's trial, None for a head, and whether the key is of the older layout.

    Raises:
        CheckpointError: `key` is not a valid key.
    """
    if is_head(key):
        return None, False
    parsed = parse_key(key)
    if parsed is None:
        raise CheckpointError(f"{key[:200]!r} is no key of a checkpoint, such as trial-00003/attempt-2/step-00000120")
    return parsed.trial, parsed.attempt is None


def _entry(path: str) -> tuple[int | None, str] | None:
    """Return a file's trial and entry: the path of the checkpoint, staged folder or file that is removed as one.

    The trial is None for a file of a head. The result is None if the file belongs to neither.
    """
    parts = path.split("/")
    if parts[0] == HEADS:  # other files there are the user's
        entry = "/".join(parts[:2])
        return (None, entry) if len(parts) > 2 and (is_head(entry) or parts[1].startswith(".")) else None
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

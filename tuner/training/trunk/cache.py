"""The trunk cache: hidden states of frozen layers, computed once for all trials and lanes of a machine.

An entry has the output of one layer of one model for one study's training and validation split. Its name is a hash of
all that decides its bits: weights, tokenised data, precision, kind of processor, versions. States are stored without
padding, example after example, and mapped into memory. An entry is written under another name and renamed once it is
complete and synced to disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from filelock import FileLock

from tuner.training.trunk.cache_entry import FACTS, FORMAT, CacheEntry, map_rows
from tuner.training.trunk.placement import Costs, shown

if TYPE_CHECKING:
    from tuner.training.trunk.hidden_states import Recomputed

SPLITS = ("train", "validation")
#: How far a state may depend on the other examples of its batch, relative to the largest state of its example, by bytes
#: of a number (32 bits, 16 bits). A model whose layers mix padding into an example is far above.
_ALONE = {4: 1e-3, 2: 5e-2}
#: Bytes that are read back to measure the speed of the disk.
_SAMPLE = 64 << 20
#: Limits where the user gives none: bytes of all entries, and their share of the disk's free space.
LIMIT, FREE_SHARE = 64 << 30, 0.5


class NotKept(Exception):
    """The states are not in the cache, and the reason. No failure: the trial computes them for each batch."""


class TrunkCache:
    """The entries of one machine.

    Args:
        folder: Folder of the entries.
        limit: Bytes that all entries may take; None for a share of the disk's free space.
    """

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        self._folder = folder
        self._limit = limit

    def entry(self, key: Mapping[str, Any], depth: int, others: Iterable[int], source: Recomputed) -> CacheEntry:
        """Return the entry of a depth. A missing entry is computed now, with other depths in the same forward pass.

        While one process computes an entry, others that ask for it wait. The lock is the kernel's, so it is released
        when its holder ends.

        Args:
            key: Everything that decides the bits of the states.
            depth: The depth, counted from 1.
            others: Depths that other trials of the study may need; stored as far as there is room.
            source: Computes states.

        Raises:
            NotKept: There is no room, or the states cannot be stored.
        """
        name = hashlib.sha256(json.dumps({**key, "format": FORMAT}, sort_keys=True).encode()).hexdigest()[:32]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / f"{name}.lock"):
                found = self._open(name, depth, source)
                if found is None:
                    self._build(name, [depth, *sorted({*others} - {depth}, reverse=True)], source)
                    found = self._open(name, depth, source)
        except OSError as error:
            raise NotKept(f"{self._folder} takes nothing: {error.strerror or error}") from error
        assert found is not None
        return found

    def discard(self, entry: CacheEntry) -> None:
        """Remove an entry with wrong content."""
        shutil.rmtree(entry.folder, ignore_errors=True)

    # ---- reading

    def _open(self, name: str, depth: int, source: Recomputed) -> CacheEntry | None:
        folder = self._folder / f"{name}-{depth:02d}"
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            os.utime(folder / FACTS)  # the least recently used entry is removed first
        except (OSError, ValueError):
            return None
        if facts["complaint"] is not None:
            raise NotKept(facts["complaint"])
        dtype = getattr(torch, facts["dtype"])
        states, begins = {}, {}
        for split in SPLITS:
            begins[split] = source.begins(split, depth)
            rows, hidden = int(begins[split][-1]), facts["hidden"]
            path = folder / f"{split}.bin"
            if not path.is_file() or path.stat().st_size != rows * hidden * dtype.itemsize:
                return None
            states[split] = map_rows(path, rows, hidden, dtype)
        costs = Costs(compute_s=facts["compute_s"], disk_bytes_s=facts["disk_bytes_s"])
        return CacheEntry(
            folder=folder,
            depth=depth,
            states=states,
            begins=begins,
            costs=costs,
            difference=facts["difference"],
        )

    # ---- computing

    def _build(self, name: str, depths: Sequence[int], source: Recomputed) -> None:
        """Compute missing entries of some depths in one forward pass; the first must fit on disk, the others may."""
        # This process has the lock, so these folders are leftovers of a builder that was killed.
        for leftover in self._folder.glob(f".{name}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        chosen = self._make_room(name, depths, source)
        scratch = {depth: self._folder / f".{name}-{depth:02d}" for depth in chosen}
        try:
            for folder in scratch.values():
                folder.mkdir()
            began = time.process_time()
            self._write(scratch, source)
            compute_s = time.process_time() - began
            tokens = sum(int(source.begins(split, 1)[-1]) for split in SPLITS)
            for depth, folder in scratch.items():
                facts = {
                    "dtype": str(source.dtype).removeprefix("torch."),
                    "hidden": source.hidden,
                    "compute_s": compute_s * depth / max(chosen) / max(tokens, 1),
                    "disk_bytes_s": _disk_speed(folder / f"{SPLITS[0]}.bin"),
                    **self._judged(folder, depth, source),
                }
                if facts["complaint"] is not None:
                    for split in SPLITS:
                        (folder / f"{split}.bin").unlink()
                _write_synced(folder / FACTS, json.dumps(facts).encode())
                final = self._folder / folder.name[1:]
                shutil.rmtree(final, ignore_errors=True)
                folder.rename(final)
        finally:
            for folder in scratch.values():
                shutil.rmtree(folder, ignore_errors=True)

    def _write(self, scratch: Mapping[int, Path], source: Recomputed) -> None:
        for split in SPLITS:
            begins = {depth: source.begins(split, depth) for depth in scratch}
            maps = {}
            for depth, folder in scratch.items():
                rows = int(begins[depth][-1])
                with (folder / f"{split}.bin").open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, rows * source.hidden * source.dtype.itemsize)
                maps[depth] = map_rows(folder / f"{split}.bin", rows, source.hidden, source.dtype, shared=True)
            for indices in source.parts(split):
                for depth, made in source.compute(split, indices, scratch).items():
                    for index, states in zip(indices, made, strict=True):
                        maps[depth][begins[depth][index] : begins[depth][index + 1]] = states
            del maps
            for folder in scratch.values():
                _sync(folder / f"{split}.bin")

    def _judged(self, folder: Path, depth: int, source: Recomputed) -> dict[str, Any]:
        """Compare some stored states to those computed in batches of other examples, as an uncached trial does."""
        differences = [0.0]
        begins = source.begins(SPLITS[0], depth)
        kept = map_rows(folder / f"{SPLITS[0]}.bin", int(begins[-1]), source.hidden, source.dtype)
        for indices in source.mixed(SPLITS[0]):
            for index, states in zip(indices, source.compute(SPLITS[0], indices, [depth])[depth], strict=True):
                there = kept[begins[index] : begins[index + 1]].float()
                largest = float(there.abs().max().clamp(min=1e-6))
                differences.append(float((states.float().cpu() - there).abs().max()) / largest)
        difference = float(np.max(differences))  # NaN stays NaN, and fails the comparison below
        complaint = None
        if not difference <= _ALONE[source.dtype.itemsize]:
            complaint = (
                f"the output of layer {depth} for an example depends on the rest of its batch ({difference:.1g})"
            )
        return {"difference": difference, "complaint": complaint}

    # ---- room

    def _make_room(self, name: str, depths: Sequence[int], source: Recomputed) -> list[int]:
        """Return the depths to store, after removing the least recently used entries to make room."""
        sizes = {
            depth: sum(int(source.begins(split, depth)[-1]) for split in SPLITS) * source.hidden * source.dtype.itemsize
            for depth in depths
        }
        with FileLock(self._folder / "room.lock"):
            entries = self._entries()
            taken = sum(size for _, size, _ in entries)
            free = shutil.disk_usage(self._folder).free
            limit = self._limit if self._limit is not None else min(LIMIT, int(FREE_SHARE * (free + taken)))
            room = min(limit, free + taken)
            if sizes[depths[0]] > room:
                raise NotKept(f"needs {shown(sizes[depths[0]])} on disk, where {shown(room)} may be used")
            chosen: list[int] = []
            missing = [depth for depth in depths if not (self._folder / f"{name}-{depth:02d}" / FACTS).is_file()]
            for depth in dict.fromkeys([depths[0], *missing]):
                if sum(sizes[each] for each in [*chosen, depth]) <= room:
                    chosen.append(depth)
            # Entries of other depths of the same study are removed last.
            entries.sort(key=lambda entry: (entry[0].name.startswith(name), entry[2]))
            needed = sum(sizes[each] for each in chosen)
            while entries and taken + needed > room:
                folder, size, _ = entries.pop(0)
                # A trainer that has the files mapped can read them until it unmaps them.
                shutil.rmtree(folder, ignore_errors=True)
                taken -= size
        return chosen

    def _entries(self) -> list[tuple[Path, int, float]]:
        """Return folder, bytes and time of last use of every entry."""
        found = []
        for folder in self._folder.glob("[0-9a-f]*-[0-9][0-9]"):
            with suppress(OSError):
                used = (folder / FACTS).stat().st_mtime
                found.append((folder, sum(file.stat().st_size for file in folder.iterdir()), used))
        return found


def _write_synced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_speed(path: Path) -> float:
    """Return the bytes a second at which a file is read that is not in memory."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began, read = time.monotonic(), 0
        while read < _SAMPLE and (block := file.read(1 << 20)):
            read += len(block)
    return read / max(time.monotonic() - began, 1e-6)

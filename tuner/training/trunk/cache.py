"""The trunk cache: what frozen layers make of each example, computed once for all trials and lanes of a machine.

An entry is one depth of one model over one study's training and validation split. It is named by a hash of all that
decides its bits: weights, tokenised data, precision, kind of processor, versions. States are kept without padding, one
after the other, and mapped into memory. An entry appears by a rename once it is whole and on disk.
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
#: How far a state may depend on what it was computed with, relative to the largest of its example: in 32 bits, and in
#: 16. A model whose layers mix what padding holds into an example is far beyond.
_ALONE = {4: 1e-3, 2: 5e-2}
#: Bytes that are read back to see how fast the disk is.
_SAMPLE = 64 << 20
#: Without a word from the user: bytes that all entries may take, and the share of what the disk has left.
LIMIT, FREE_SHARE = 64 << 30, 0.5


class NotKept(Exception):
    """States are not kept, and why: no error, a trial computes them anew."""


class TrunkCache:
    """The entries of one machine.

    Args:
        folder: Where they are.
        limit: Bytes that they may take together; None is a share of what the disk has left.
    """

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        self._folder = folder
        self._limit = limit

    def entry(self, key: Mapping[str, Any], depth: int, others: Iterable[int], source: Recomputed) -> CacheEntry:
        """Return the entry of a depth; computed now if it is not there, with other depths in the same pass.

        Who comes while another process computes it waits. The lock is the kernel's: it is free when its holder ends.

        Args:
            key: What decides the bits of the states.
            depth: The depth, counted from 1.
            others: Depths that other trials of the study may need; kept as far as there is room.
            source: Computes states.

        Raises:
            NotKept: There is no room, or the states cannot be kept.
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
        """Remove an entry that is not what it should be."""
        shutil.rmtree(entry.folder, ignore_errors=True)

    # ---- reading

    def _open(self, name: str, depth: int, source: Recomputed) -> CacheEntry | None:
        folder = self._folder / f"{name}-{depth:02d}"
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            os.utime(folder / FACTS)  # the one that is used least recently goes first
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
        """Compute what is missing of some depths, in one pass; the first has to fit, the others may."""
        for leftover in self._folder.glob(f".{name}-*"):  # of a builder that was killed: the lock is ours
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
        """See whether an example has the same states in other company, as the uncached trial would compute them."""
        differences = [0.0]
        begins = source.begins(SPLITS[0], depth)
        kept = map_rows(folder / f"{SPLITS[0]}.bin", int(begins[-1]), source.hidden, source.dtype)
        for indices in source.mixed(SPLITS[0]):
            for index, states in zip(indices, source.compute(SPLITS[0], indices, [depth])[depth], strict=True):
                there = kept[begins[index] : begins[index + 1]].float()
                largest = float(there.abs().max().clamp(min=1e-6))
                differences.append(float((states.float() - there).abs().max()) / largest)
        difference = float(np.max(differences))  # what is no number stays none, and is kept by nobody
        complaint = None
        if not difference <= _ALONE[source.dtype.itemsize]:
            complaint = f"what layer {depth} makes of an example depends on what it is batched with ({difference:.1g})"
        return {"difference": difference, "complaint": complaint}

    # ---- room

    def _make_room(self, name: str, depths: Sequence[int], source: Recomputed) -> list[int]:
        """Return the depths to keep, after others have gone that were used least recently."""
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
            # What the study itself has kept of other depths goes last.
            entries.sort(key=lambda entry: (entry[0].name.startswith(name), entry[2]))
            needed = sum(sizes[each] for each in chosen)
            while entries and taken + needed > room:
                folder, size, _ = entries.pop(0)
                # Who has it mapped keeps it until it is done.
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
    """Return how many bytes a second come from a file that memory does not hold."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began, read = time.monotonic(), 0
        while read < _SAMPLE and (block := file.read(1 << 20)):
            read += len(block)
    return read / max(time.monotonic() - began, 1e-6)

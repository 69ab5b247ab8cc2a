"""Room for checkpoints: the limit of the bytes that a study's checkpoints take in its store."""

from __future__ import annotations

import contextlib
import shutil
from functools import cached_property
from typing import TYPE_CHECKING

from storage import CheckpointError, CheckpointsFull, Shelves, SlotState
from tuner.trial.evaluation import is_better

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from storage import CheckpointStore, Lease, Standing
    from tuner.study.live_config import LiveConfig
    from tuner.supervisor.retrying import OutageRetrying

#: Share of the free space of a local store's disk that a study's checkpoints may take, where the study sets no limit.
FREE_SHARE = 0.5


class Room:
    """Keeps the checkpoints of a study within a limit. Threads may share it.

    Where a checkpoint would go beyond the limit, trials that are put aside lose theirs, the one that is least likely to
    be promoted first. It then trains from its beginning if it is promoted, which gives the same weights.

    Args:
        store: The store.
        shelves: The trials that are put aside.
        live: The configuration, with `checkpoint_limit`.
        retrying: Repeats calls through outages.
        looks: Percents at which trials are evaluated.
    """

    def __init__(
        self,
        store: CheckpointStore,
        shelves: Shelves,
        live: LiveConfig,
        retrying: OutageRetrying,
        looks: Sequence[int],
    ) -> None:
        self._store = store
        self._shelves = shelves
        self._live = live
        self._retrying = retrying
        self._looks = looks

    @cached_property
    def _free_share(self) -> int | None:
        return _free_share(self._store)  # walks through the store: only a study without a limit needs it

    def make(self, lease: Lease, size: int) -> None:
        """Reserve room for the checkpoints of a trial.

        Args:
            lease: The lease of the trial.
            size: Bytes of all its checkpoints while the new one is written.

        Raises:
            CheckpointsFull: The limit leaves no room, and no trial that is put aside has a checkpoint to lose.
            LeaseLost: Another worker has the trial.
        """
        config = self._live.current
        limit = config.checkpoint_limit if config.checkpoint_limit is not None else self._free_share
        if limit is None or size == 0:
            return
        while not self._retrying(self._shelves.reserve, lease, size, limit):
            if not self._drop_one(but=lease.slot):
                raise CheckpointsFull(
                    f"checkpoints of this study may take {_shown(limit)}, and this one needs {_shown(size)} beside "
                    "those of running trials; raise checkpoint_limit"
                )

    def hold(self, number: int, size: int, *, attempt: int) -> None:
        """Take note that files of a trial are removed; see `Shelves.hold`."""
        self._retrying(self._shelves.hold, number, size, attempt=attempt)

    def hold_only(self, numbers: Collection[int]) -> None:
        """Take note that no other trials that are over have files in the store."""
        self._retrying(self._shelves.hold_only, numbers)

    def _drop_one(self, *, but: int) -> bool:
        """Drop the checkpoints of one trial that is put aside; return whether there was one.

        Args:
            but: The slot that needs the room.
        """
        standings = [
            each
            for each in self._retrying(self._shelves.standings, self._looks)
            if each.slot.state is SlotState.SHELVED and each.slot.stored_bytes > 0 and each.slot.slot != but
        ]
        if not standings:
            return False
        least = self._least_likely(standings)
        slot, number = least.slot, least.slot.trial_number
        assert number is not None
        reason = f"{slot.reason}; its checkpoint made room, it trains again if it is promoted"
        if not slot.checkpoints.keys or self._retrying(self._shelves.drop_checkpoints, slot, reason=reason):
            for key in slot.checkpoints.keys:
                with contextlib.suppress(CheckpointError):  # what stays is removed when the trial ends
                    self._store.delete(key)
            self.hold(number, 0, attempt=slot.attempt)
        return True

    def _least_likely(self, standings: Sequence[Standing]) -> Standing:
        """Return the trial that is least likely to be promoted: at the lowest rung, the one with the worst value."""
        direction = self._live.current.metric.direction
        least = standings[0]
        for each in standings[1:]:
            rung, other = max(each.values, default=0), max(least.values, default=0)
            if rung < other or (rung == other and is_better(least.values[other], each.values[rung], direction)):
                least = each
        return least


def _free_share(store: CheckpointStore) -> int | None:
    """Return the bytes that checkpoints may take where no limit is set; None where the store is no local folder."""
    if not store.is_local:
        return None
    with contextlib.suppress(OSError, CheckpointError):
        return int((shutil.disk_usage(store.url).free + store.used_bytes()) * FREE_SHARE)
    return None


def _shown(size: int) -> str:
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"

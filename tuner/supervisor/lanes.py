"""The lanes of a supervisor: which attempt is on which, and which leases it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuner.supervisor.heartbeat import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from storage import Lease
    from tuner.machine.devices import Lane
    from tuner.supervisor.attempt import Attempt


class Lanes:
    """The lanes, the attempts on them, and every lease that is held. Only the main thread changes it.

    Args:
        lanes: The lanes.
    """

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self._lanes = lanes
        self._by_lane: dict[int, Attempt] = {}
        #: Leases are held before there is an attempt. The set is replaced as a whole, for other threads to read.
        self._leases: frozenset[Lease] = frozenset()
        #: Whether a lane has become free since the last claim.
        self.has_freed = True

    @property
    def any(self) -> bool:
        """Whether an attempt is on a lane."""
        return bool(self._by_lane)

    @property
    def leases(self) -> frozenset[Lease]:
        """The leases that are held. Safe from any thread."""
        return self._leases

    @property
    def is_any_free(self) -> bool:
        """Whether a lane has no attempt."""
        return len(self._by_lane) < len(self._lanes)

    def attempts(self) -> list[Attempt]:
        """Return the attempts on the lanes."""
        return list(self._by_lane.values())

    def free(self) -> Iterator[Lane]:
        """Yield a lane without an attempt, again and again while it has none, then the next one."""
        for lane in self._lanes:
            while lane.index not in self._by_lane:
                yield lane

    def of(self, connection: Connection) -> Attempt | None:
        """Return the attempt whose trainer is at the other end of a pipe; None where it is off its lane."""
        return next((attempt for attempt in self._by_lane.values() if attempt.connection is connection), None)

    def connections(self) -> list[Connection]:
        """Return the pipes to listen to."""
        return [attempt.connection for attempt in self._by_lane.values() if attempt.connection is not None]

    def presence(self) -> Presence:
        """Return the leases to renew and the lanes to show. Safe from any thread."""
        by_lane = dict(self._by_lane)
        lanes = {
            lane.index: (lane.device.label, by_lane[lane.index].number if lane.index in by_lane else None)
            for lane in self._lanes
        }
        return Presence(leases=self._leases, lanes=lanes)

    def put(self, attempt: Attempt) -> None:
        """Put an attempt on its lane."""
        self._by_lane[attempt.lane.index] = attempt

    def take_off(self, attempt: Attempt) -> None:
        """Free the lane of an attempt, and hold its lease no longer."""
        if self._by_lane.get(attempt.lane.index) is attempt:
            del self._by_lane[attempt.lane.index]
            self.has_freed = True
        self.let_go(attempt.lease)

    def holds(self, lease: Lease) -> bool:
        """Return whether a lease is held."""
        return lease in self._leases

    def hold(self, lease: Lease) -> None:
        """Hold a lease: the heartbeat renews it from now on."""
        self._leases |= {lease}

    def let_go(self, lease: Lease) -> None:
        """Hold a lease no longer."""
        self._leases -= {lease}

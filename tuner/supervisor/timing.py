"""How long things may take in a supervisor. No Optuna is imported: commands build it before they import any."""

from __future__ import annotations

from dataclasses import dataclass

from storage import BEAT_S, LEASE_S

#: Seconds that a signal leaves for saving the trials that run, unless `--grace` is given.
GRACE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long things may take.

    Raises:
        ValueError: Beats are further apart than half a lease.
    """

    #: Seconds for which a trial is held without a sign of life.
    lease_s: float = LEASE_S
    #: Seconds between two signs of life; None is a quarter of the lease, at most 15.
    beat_s: float | None = None
    #: Seconds that a signal leaves for saving the trials that run.
    grace_s: float = GRACE_S

    def __post_init__(self) -> None:
        if self.seconds_between_beats > self.lease_s / 2:
            raise ValueError(
                f"a beat every {self.seconds_between_beats:g} s is too seldom for a lease of {self.lease_s:g} s: "
                "one beat may be lost, two must fit"
            )

    @property
    def seconds_between_beats(self) -> float:
        """The seconds between two signs of life."""
        return min(BEAT_S, self.lease_s / 4) if self.beat_s is None else self.beat_s

from __future__ import annotations

import pytest

from tuner.supervisor.timing import Timing


def test_a_lease_is_renewed_every_quarter_of_it_and_at_least_every_fifteen_seconds() -> None:
    assert Timing().seconds_between_beats == 15
    assert Timing(lease_s=8).seconds_between_beats == 2
    assert Timing(lease_s=3600).seconds_between_beats == 15
    assert Timing(lease_s=60, beat_s=30).seconds_between_beats == 30


def test_beats_of_which_two_do_not_fit_into_a_lease_are_refused() -> None:
    with pytest.raises(ValueError, match="a beat every 31 s is too seldom for a lease of 60 s"):
        Timing(lease_s=60, beat_s=31)

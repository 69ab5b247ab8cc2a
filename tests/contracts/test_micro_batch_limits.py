"""What fits in memory, as trials of all machines have found it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from storing import count, pass_time

from storage import Database, Footprint, MicroBatchLimits
from storage.micro_batch_limits import FORGET_S

PLACE = Footprint(model="weights", frozen=0.5, max_length=128, precision="auto", device="cuda A2 15.7 GiB")


@pytest.fixture
def memory(database: Database) -> MicroBatchLimits:
    return MicroBatchLimits(database)


def test_nothing_is_known_before_anything_was_learned(memory: MicroBatchLimits) -> None:
    assert memory.fitting(PLACE) is None


def test_what_fits_only_ever_goes_down(memory: MicroBatchLimits, other: Database) -> None:
    for learned, known in ((8, 8), (16, 8), (2, 2), (4, 2), (0, 0), (1, 0)):
        memory.lower(PLACE, learned)
        assert (memory.fitting(PLACE), MicroBatchLimits(other).fitting(PLACE)) == (known, known)
    assert count(other, "tuner_memory") == 1


def test_what_did_not_fit_with_more_layers_frozen_does_not_with_fewer_and_says_nothing_of_more(
    memory: MicroBatchLimits,
) -> None:
    memory.lower(PLACE, 4)
    assert [memory.fitting(replace(PLACE, frozen=frozen)) for frozen in (0.0, 0.25, 0.5, 0.75, 1.0)] == [
        *[4, 4, 4],
        *[None, None],
    ]
    memory.lower(replace(PLACE, frozen=0.0), 1)
    assert [memory.fitting(replace(PLACE, frozen=frozen)) for frozen in (0.0, 0.25, 0.5)] == [1, 4, 4]
    memory.lower(replace(PLACE, frozen=1.0), 2)
    assert [memory.fitting(replace(PLACE, frozen=frozen)) for frozen in (0.0, 0.5, 1.0)] == [1, 2, 2]


@pytest.mark.parametrize(
    "change", [{"model": "others"}, {"max_length": 64}, {"precision": "fp32"}, {"device": "cuda A2 7.9 GiB"}]
)
def test_what_is_learned_of_one_is_not_known_of_another(memory: MicroBatchLimits, change: dict[str, Any]) -> None:
    memory.lower(PLACE, 4)
    assert memory.fitting(replace(PLACE, **change)) is None


def test_what_was_learned_long_ago_is_forgotten_and_can_be_learned_anew(
    memory: MicroBatchLimits, database: Database
) -> None:
    memory.lower(PLACE, 2)
    pass_time(database, "tuner_memory", "learned", FORGET_S - 60)
    assert memory.fitting(PLACE) == 2
    pass_time(database, "tuner_memory", "learned", 120)
    assert memory.fitting(PLACE) is None
    memory.lower(PLACE, 16)
    assert memory.fitting(PLACE) == 16


def learn(number: int, url: str) -> int | None:
    from storage import Database, Footprint, MicroBatchLimits

    place = Footprint(model="weights", frozen=0.5, max_length=128, precision="auto", device="cpu 4.0 GiB")
    with Database(url) as database:
        MicroBatchLimits(database).lower(place, 2**number)
        return MicroBatchLimits(database).fitting(place)


def test_of_many_that_learn_at_once_the_least_is_known(
    database: Database, url: str, race: Callable[..., list[Any]]
) -> None:
    found = race(learn, 4, url)
    assert min(found) == 1
    assert MicroBatchLimits(database).fitting(replace(PLACE, device="cpu 4.0 GiB")) == 1
    assert count(database, "tuner_memory") == 1

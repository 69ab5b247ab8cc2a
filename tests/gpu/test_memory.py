"""Memory that really runs out: the trial goes on with fewer examples at a time, or is given up."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from gpu_support import Study, Trainers, largest_difference

Measured = Callable[[str, str], None]


@pytest.fixture
def large(trainers: Trainers, make_study: Callable[..., Study]) -> Study:
    """A model whose activations are the most of what it takes."""
    return make_study(trainers.device.kind, layers=4, hidden=None)


def test_a_batch_that_does_not_fit_is_taken_in_smaller_parts_with_the_same_optimiser_steps(
    trainers: Trainers, large: Study, measured: Measured
) -> None:
    batch = 2 * large.size.batch
    run = large.run(precision="fp32", batch_size=batch, max_rows=4 * batch, micro_batch=batch)
    whole = trainers.train(run)
    assert whole["state"] == "complete", whole["reason"]
    assert set(whole["micro_batches"]) == {batch}
    if trainers.on_gpu:
        few = trainers.train(large.run(precision="fp32", batch_size=batch, max_rows=4 * batch, micro_batch=batch // 8))
        assert whole["allocated"] > 2 * few["reserved"], "the examples are the most of it"
        limit = (whole["allocated"] + few["reserved"]) // 2
        short = trainers.train(run, limit=limit)
        assert short["reserved"] <= limit
        where = f"{limit >> 20} MiB where {whole['allocated'] >> 20} are needed"
    else:
        short, where = trainers.train(run, most=batch // 4), "a stand-in"
    assert short["state"] == "complete", short["reason"]
    taken = short["micro_batches"]
    assert taken[0] == batch
    assert len(taken) > 1, "it did not fit"
    assert all(later == earlier // 2 for earlier, later in itertools.pairwise(taken))
    assert {each["effective"]["optimiser_steps"] for each in (whole, short)} == {4}
    assert [each.optimiser_steps for each in short["evaluations"]] == [1, 2, 3, 4]
    assert short["effective"]["batch_size"] == batch
    difference = largest_difference(short["losses"], whole["losses"])
    measured("out of memory", f"{where}: micro-batch {' -> '.join(map(str, taken))}; losses differ by {difference:.1e}")
    # The same sums in another order, four times.
    assert difference < 1e-3


def test_a_batch_of_which_not_one_example_fits_is_given_up_and_avoided(
    trainers: Trainers, large: Study, measured: Measured
) -> None:
    batch = large.size.batch
    found = trainers.train(large.run(precision="fp32", micro_batch=batch), fill=True)
    assert (found["state"], found["avoid"]) == ("pruned", "out_of_memory"), found["reason"]
    assert found["reason"].startswith("out of memory: ")
    assert found["micro_batches"][-1] == 1, "half as many until one is too many"
    measured("out of memory with one example", f"pruned: {found['reason'][:80]}")

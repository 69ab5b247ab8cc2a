from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.training.data.batches import (
    EVALUATION_TOKENS,
    PASS_COST,
    PASS_TOKENS,
    Rounding,
    evaluated_optimiser_steps,
    evaluation_batches,
    micro_batches,
    training_batches,
)
from tuner.trial.length import optimiser_steps_per_epoch, total_optimiser_steps
from tuner.trial.looks import LOOKS

sizes = st.integers(1, 200)


@given(examples=sizes, batch_size=st.integers(1, 70), seed=st.integers(0, 5))
def test_every_epoch_sees_every_example_once(examples: int, batch_size: int, seed: int) -> None:
    per_epoch = optimiser_steps_per_epoch(examples, batch_size)
    batches = training_batches(examples, batch_size, seed)
    for _ in range(3):
        epoch = list(islice(batches, per_epoch))
        assert sorted(np.concatenate(epoch).tolist()) == list(range(examples))
        assert [len(batch) for batch in epoch[:-1]] == [batch_size] * (per_epoch - 1)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    def order(seed: int, batch_size: int) -> list[list[int]]:
        epochs = optimiser_steps_per_epoch(50, batch_size)
        batches = training_batches(50, batch_size, seed)
        return [np.concatenate(list(islice(batches, epochs))).tolist() for _ in range(2)]

    assert order(1, 8) == order(1, 8) == order(1, 7)
    assert order(1, 8) != order(2, 8)
    first, second = order(1, 8)
    assert first != second


@given(examples=sizes, batch_size=st.integers(1, 70), first=st.integers(0, 40))
def test_batches_that_begin_in_the_middle_are_those_that_would_have_come(
    examples: int, batch_size: int, first: int
) -> None:
    whole = [batch.tolist() for batch in islice(training_batches(examples, batch_size, 1), first + 8)]
    rest = [batch.tolist() for batch in islice(training_batches(examples, batch_size, 1, first=first), 8)]
    assert rest == whole[first:]


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=60), batch_size=st.integers(1, 70))
def test_an_evaluation_sees_every_example_once_and_the_longest_first(lengths: list[int], batch_size: int) -> None:
    batches = list(evaluation_batches(np.asarray(lengths), batch_size))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    order = np.concatenate(batches).tolist()
    assert sorted(order) == list(range(len(lengths)))
    seen = [lengths[index] for index in order]
    assert seen == sorted(lengths, reverse=True)


some_lengths = st.lists(st.integers(1, 600), min_size=1, max_size=60)


@given(lengths=some_lengths, size=st.integers(1, 70), data=st.data())
def test_a_batch_falls_into_parts_of_alike_length(lengths: list[int], size: int, data: st.DataObject) -> None:
    batch = np.asarray(data.draw(st.lists(st.sampled_from(range(len(lengths))), min_size=1, unique=True)))
    parts = [part.tolist() for part in micro_batches(batch, np.asarray(lengths), size)]
    together = [index for part in parts for index in part]
    assert sorted(together) == sorted(batch.tolist())
    for part in parts:
        assert 1 <= len(part) <= size
        assert len(part) == 1 or len(part) * max(lengths[index] for index in part) <= PASS_TOKENS["cpu"]
    if len(parts) == 1:
        assert parts == [batch.tolist()], "a batch that is best left whole stays in its own order"
    else:
        seen = [lengths[index] for index in together]
        assert seen == sorted(seen, reverse=True)


def cost(parts: list[list[int]]) -> int:
    """Return what parts cost that are lists of lengths."""
    return sum(PASS_COST["cpu"] + len(part) * max(part) for part in parts)


@given(lengths=st.lists(st.integers(1, 600), min_size=1, max_size=9))
def test_no_way_to_cut_a_sorted_batch_costs_less(lengths: list[int]) -> None:
    indices = np.arange(len(lengths))
    found = [[lengths[index] for index in part] for part in micro_batches(indices, np.asarray(lengths), 64)]
    ordered = sorted(lengths, reverse=True)
    for cuts in range(1 << (len(ordered) - 1)):
        ends = [place + 1 for place in range(len(ordered) - 1) if cuts >> place & 1]
        parts = [ordered[begin:end] for begin, end in zip([0, *ends], [*ends, len(ordered)], strict=True)]
        if all(len(part) == 1 or len(part) * part[0] <= PASS_TOKENS["cpu"] for part in parts):
            assert cost(found) <= cost(parts)


def test_without_grouping_a_batch_is_cut_as_it_comes() -> None:
    batch = np.asarray([4, 0, 3, 1, 2])
    parts = micro_batches(batch, np.asarray([9, 1, 9, 1, 9]), 2, grouped=False)
    assert [part.tolist() for part in parts] == [[4, 0], [3, 1], [2]]


@given(lengths=some_lengths, size=st.integers(1, 70))
def test_an_evaluation_takes_no_more_tokens_at_once_than_a_pass_may_have(lengths: list[int], size: int) -> None:
    for batch in evaluation_batches(np.asarray(lengths), size):
        assert len(batch) == 1 or len(batch) * lengths[batch[0]] <= EVALUATION_TOKENS["cpu"]


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_texts_too_long_for_a_whole_multiple_share_no_rows_with_others(lengths: list[int]) -> None:
    rounding = Rounding(multiple=16, longest=50)
    found = np.asarray(lengths)
    seen = []
    for batch in evaluation_batches(found, 8, rounding=rounding):
        seen += batch.tolist()
        width = rounding.width(found[batch])
        assert width >= found[batch].max()
        assert width == 50 if found[batch].max() > 48 else width % 16 == 0
        assert len({length > 48 for length in found[batch]}) == 1
    assert sorted(seen) == list(range(len(lengths)))


@pytest.mark.parametrize(
    ("examples", "batch_size", "epochs", "steps"),
    [
        (640, 32, 3, 60),
        (641, 32, 3, 63),
        (30, 1, 0.1, 3),
        (10, 8, 2.5, 5),
        (10, 8, 0.01, 1),
        (7, 64, 3, 3),
        (100, 10, 1.01, 11),
    ],
)
def test_the_steps_of_a_trial(examples: int, batch_size: int, epochs: float, steps: int) -> None:
    assert total_optimiser_steps(examples, batch_size, epochs) == steps


@given(total=st.integers(1, 100_000), looks=st.sampled_from(sorted(LOOKS.values())))
def test_evaluations_end_growing_percents_of_the_schedule(total: int, looks: tuple[int, ...]) -> None:
    plan = evaluated_optimiser_steps(total, looks)
    steps, percents = list(plan), list(plan.values())
    assert steps == sorted(set(steps))
    assert percents == sorted(set(percents))
    assert steps[0] >= 1
    assert (steps[-1], percents[-1]) == (total, 100)
    assert len(plan) <= min(len(looks), total)
    assert len(plan) == len(looks) or total < 10
    for step, percent in plan.items():
        # The step is the first that has gone through this share of the schedule.
        assert (step - 1) * 100 < total * percent <= step * 100


@given(total=st.integers(1, 9))
def test_a_trial_of_fewer_steps_than_looks_has_an_evaluation_after_each_step(total: int) -> None:
    plan = evaluated_optimiser_steps(total, LOOKS[10])
    assert list(plan) == list(range(1, total + 1))
    # Each is labelled with the last look that it ends.
    assert list(plan.values()) == [step * 10 // total * 10 for step in range(1, total + 1)]


@given(total=st.integers(1, 1000), looks=st.sampled_from(sorted(LOOKS.values())))
def test_the_evaluations_that_a_trial_has_made_are_looks_that_lead_to_the_same_ones(
    total: int, looks: tuple[int, ...]
) -> None:
    # A trial that goes on is given the looks of its effective configuration.
    plan = evaluated_optimiser_steps(total, looks)
    assert evaluated_optimiser_steps(total, list(plan.values())) == plan


@pytest.mark.parametrize("looks", LOOKS.values())
def test_of_a_hundred_steps_each_is_a_percent(looks: tuple[int, ...]) -> None:
    assert evaluated_optimiser_steps(100, looks) == {percent: percent for percent in looks}


def test_four_steps_end_20_50_70_and_100_percent() -> None:
    assert evaluated_optimiser_steps(4, LOOKS[10]) == {1: 20, 2: 50, 3: 70, 4: 100}


@given(st.integers(1, 2**31 - 1), st.integers(1, 100))
def test_a_look_of_a_long_trial_is_not_rounded(total: int, percent: int) -> None:
    (step,) = evaluated_optimiser_steps(total, [percent])
    assert (step - 1) * 100 < total * percent <= step * 100

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.training.data.batches import (
    EVALUATED_TENTHS,
    EVALUATION_TOKENS,
    PASS_COST,
    PASS_TOKENS,
    Rounding,
    choose_evaluations,
    evaluated_optimiser_steps,
    evaluation_batches,
    micro_batches,
    optimiser_steps_per_epoch,
    total_optimiser_steps,
    training_batches,
)

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


@given(total=st.integers(1, 100_000), count=st.sampled_from(sorted(EVALUATED_TENTHS)))
def test_evaluations_end_growing_tenths_of_the_schedule(total: int, count: int) -> None:
    plan = evaluated_optimiser_steps(total, count)
    steps, tenths = list(plan), list(plan.values())
    assert steps == sorted(set(steps))
    assert tenths == sorted(set(tenths))
    assert steps[0] >= 1
    assert (steps[-1], tenths[-1]) == (total, 10)
    assert len(plan) <= min(count, total)
    assert len(plan) == count or total < 10
    for step, tenth in plan.items():
        # The step is the first that has gone through this share of the schedule.
        assert (step - 1) * 10 < total * tenth <= step * 10


@given(total=st.integers(1, 9))
def test_a_trial_of_fewer_steps_than_evaluations_has_one_after_each_step(total: int) -> None:
    plan = evaluated_optimiser_steps(total, 10)
    assert list(plan) == list(range(1, total + 1))
    # Each is labelled with the last tenth that it ends.
    assert list(plan.values()) == [step * 10 // total for step in range(1, total + 1)]


@pytest.mark.parametrize("count", EVALUATED_TENTHS)
def test_whoever_looks_less_often_looks_where_the_others_do(count: int) -> None:
    tenths = EVALUATED_TENTHS[count]
    assert len(tenths) == count
    assert tenths[-1] == 10
    assert all(set(tenths) <= set(other) for more, other in EVALUATED_TENTHS.items() if more > count)
    assert list(evaluated_optimiser_steps(100, count).items()) == [(10 * tenth, tenth) for tenth in tenths]


def test_four_steps_end_the_second_fifth_seventh_and_tenth_tenth() -> None:
    assert evaluated_optimiser_steps(4, 10) == {1: 2, 2: 5, 3: 7, 4: 10}


@given(
    train=st.integers(1, 10**7),
    validation=st.integers(1, 10**7),
    epochs=st.floats(0.1, 6),
    share=st.floats(0, 1),
)
def test_validating_costs_at_most_a_quarter_of_training(
    train: int, validation: int, epochs: float, share: float
) -> None:
    count = choose_evaluations(train_tokens=train, validation_tokens=validation, epochs=epochs, trained_share=share)
    cost = train * epochs * (1 + 3 * share)
    assert count in EVALUATED_TENTHS
    assert count * validation <= cost / 4 or count == 1
    more = [other for other in EVALUATED_TENTHS if other > count]
    assert all(other * validation > cost / 4 for other in more), "no more evaluations would have been cheap enough"


def test_a_frozen_encoder_is_cheap_to_train_and_so_is_evaluated_less() -> None:
    def count(share: float) -> int:
        return choose_evaluations(train_tokens=1000, validation_tokens=200, epochs=3, trained_share=share)

    assert (count(1.0), count(0.0)) == (10, 2)

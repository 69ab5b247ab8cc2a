from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.errors import DataError
from tuner.training.data import splitting
from tuner.training.data.split_plan import plan_splits
from tuner.training.data.splitting import stratified_order

counts = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def labels_of(sizes: list[int]) -> list[str]:
    return [f"class {number}" for number, size in enumerate(sizes) for _ in range(size)]


def rows_of(sizes: list[int]) -> Dataset:
    labels = labels_of(sizes)
    return Dataset.from_dict({"row": list(range(len(labels))), "label": labels})


def rows(split: Dataset) -> list[int]:
    return list(split["row"])


def make_splits(
    source: Mapping[str, Dataset], wanted: Mapping[str, int | float | str], *, seed: int = 0
) -> dict[str, Dataset]:
    """Make splits that are stratified by the column `label`."""
    plan = plan_splits(list(source), wanted)
    labels, names = np.zeros(0, dtype=np.int64), []
    if plan.base is not None:
        names = sorted(set(source[plan.base]["label"]))
        labels = np.asarray([names.index(label) for label in source[plan.base]["label"]])
    return splitting.make_splits(source, plan, labels=labels, names=names, seed=seed).splits


BALANCED = rows_of([50, 50])


# ---- the order


@given(sizes=counts, seed=st.integers(0, 3))
def test_any_first_rows_hold_the_share_of_each_class_rounded_up_or_down(sizes: list[int], seed: int) -> None:
    labels = np.asarray(labels_of(sizes))
    order = stratified_order(labels.tolist(), seed)
    assert sorted(order.tolist()) == list(range(len(labels)))
    taken = np.arange(1, len(labels) + 1)
    for name in np.unique(labels):
        share = (labels == name).mean()
        seen = np.cumsum(labels[order] == name)
        assert np.all(np.abs(seen - share * taken) < 1 - 1e-9)


def test_the_order_depends_on_the_seed() -> None:
    labels = labels_of([30, 30])
    first, same, other = (stratified_order(labels, seed).tolist() for seed in (0, 0, 1))
    assert first == same
    assert first != other


def test_neighbours_in_the_source_do_not_stay_together() -> None:
    order = stratified_order(labels_of([200, 200]), 0)
    of_first_class = order[order < 200]
    assert not np.all(np.diff(of_first_class) > 0)
    assert of_first_class[:100].tolist() != sorted(of_first_class[:100].tolist())


# ---- carving


@settings(max_examples=40)
@given(sizes=st.lists(st.integers(4, 60), min_size=2, max_size=8), seed=st.integers(0, 3), data=st.data())
def test_carved_splits_are_disjoint_and_have_every_class_in_proportion(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    source = rows_of(sizes)
    total = len(source)
    test = data.draw(st.integers(1, total - 2))
    validation = data.draw(st.integers(1, total - test - 1))
    train = data.draw(st.integers(1, total - test - validation))
    wanted = {"train": train, "validation": validation, "test": test}
    made = make_splits({"train": source}, wanted, seed=seed)
    assert list(made) == list(wanted)
    assert {name: len(found) for name, found in made.items()} == wanted
    together = [row for found in made.values() for row in rows(found)]
    assert len(together) == len(set(together))
    for name, found in made.items():
        seen = Counter(found["label"])
        for label, size in Counter(source["label"]).items():
            # The test split is cut first; the others lie between two cuts, each of which may be a row off.
            allowed = 1 if name == "test" else 2
            assert abs(seen[label] - size * wanted[name] / total) < allowed


@pytest.mark.parametrize("train", [10, 40, 60])
def test_a_larger_training_split_leaves_the_others_as_they_were(train: int) -> None:
    made = make_splits({"train": BALANCED}, {"train": train, "validation": 20, "test": 20})
    small = make_splits({"train": BALANCED}, {"train": 5, "validation": 20, "test": 20})
    assert rows(made["test"]) == rows(small["test"])
    assert rows(made["validation"]) == rows(small["validation"])
    assert rows(made["train"])[:5] == rows(small["train"])


def test_a_larger_validation_split_leaves_the_test_split_as_it_was() -> None:
    first = make_splits({"train": BALANCED}, {"train": 5, "validation": 10, "test": 20})
    other = make_splits({"train": BALANCED}, {"train": 5, "validation": 30, "test": 20})
    assert rows(first["test"]) == rows(other["test"])


def test_the_seed_decides_who_goes_where() -> None:
    wanted = {"train": 0.8, "validation": 0.1, "test": 0.1}
    first, same, other = (rows(make_splits({"train": BALANCED}, wanted, seed=seed)["test"]) for seed in (0, 0, 1))
    assert first == same
    assert first != other


@pytest.mark.parametrize("total", [*range(10, 30), 35, 55, 95, 1015])
def test_shares_that_sum_to_one_use_each_row_and_rounding_leaves_rows_to_training(total: int) -> None:
    made = make_splits({"train": rows_of([total])}, {"train": 0.8, "validation": 0.1, "test": 0.1})
    sizes = {name: len(found) for name, found in made.items()}
    assert sizes == {"train": total - 2 * (total // 10), "validation": total // 10, "test": total // 10}


@pytest.mark.parametrize(("share", "size"), [(0.29, 29), (0.1, 10), (0.999, 99)])
def test_a_share_is_not_lost_to_the_representation_of_numbers(share: float, size: int) -> None:
    made = make_splits({"train": BALANCED}, {"train": share, "validation": 1})
    assert len(made["train"]) == size


def test_numbers_and_shares_mix() -> None:
    made = make_splits({"train": BALANCED}, {"train": 0.5, "validation": 20})
    assert {name: len(found) for name, found in made.items()} == {"train": 50, "validation": 20}


# ---- splits that the source has


SOURCE = {"train": rows_of([20, 20]), "dev": rows_of([5, 5]), "heldout": rows_of([3, 4])}


def test_named_splits_are_taken_as_they_are() -> None:
    made = make_splits(SOURCE, {"train": "train", "validation": "dev", "test": "heldout"})
    assert {name: rows(found) for name, found in made.items()} == {
        "train": rows(SOURCE["train"]),
        "validation": rows(SOURCE["dev"]),
        "test": rows(SOURCE["heldout"]),
    }


def test_what_is_carved_from_a_named_training_split_is_no_longer_in_it() -> None:
    made = make_splits(SOURCE, {"train": "train", "validation": 0.25, "test": "heldout"})
    assert {name: len(found) for name, found in made.items()} == {"train": 30, "validation": 10, "test": 7}
    assert sorted(rows(made["train"]) + rows(made["validation"])) == rows(SOURCE["train"])
    assert Counter(made["validation"]["label"]) == {"class 0": 5, "class 1": 5}


def test_numbers_are_carved_from_the_sources_training_split() -> None:
    made = make_splits(SOURCE, {"train": 30, "validation": "dev"})
    assert len(made["train"]) == 30
    assert set(rows(made["train"])) <= set(rows(SOURCE["train"]))


def test_the_only_split_of_a_source_is_carved_whatever_its_name() -> None:
    made = make_splits({"everything": BALANCED}, {"train": 60, "validation": 20})
    assert {name: len(found) for name, found in made.items()} == {"train": 60, "validation": 20}


@pytest.mark.parametrize(
    ("source", "wanted", "key", "reason"),
    [
        (
            SOURCE,
            {"train": "train", "validation": "devs"},
            "data.splits.validation",
            "no split 'devs'; did you mean 'dev'",
        ),
        (SOURCE, {"train": 0.9, "validation": "train"}, "data.splits.validation", "that the others are carved from"),
        (SOURCE, {"train": "train", "validation": "train"}, "data.splits.validation", "is the train split already"),
        (
            SOURCE,
            {"train": "train", "validation": "dev", "test": "dev"},
            "data.splits.test",
            "is the validation split already",
        ),
        (
            SOURCE,
            {"train": 30, "validation": 20},
            "data.splits",
            "train 30, validation 20: 50 rows are asked for, there are 40",
        ),
        (
            {"train": BALANCED},
            {"train": 50, "validation": 0.001},
            "data.splits.validation",
            "0.001 of 100 rows is an empty",
        ),
        (
            {"one": BALANCED, "two": BALANCED},
            {"train": 5, "validation": 5},
            "data.splits.train",
            "several splits (one, two); name one",
        ),
    ],
)
def test_splits_that_cannot_be_made_say_why(
    source: dict[str, Dataset], wanted: dict[str, int | float | str], key: str, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        make_splits(source, wanted)
    assert caught.value.key == key
    assert reason in caught.value.reason


# ---- classes that are too small


@pytest.mark.parametrize("seed", range(6))
def test_a_class_that_is_too_small_for_each_split_is_in_training_for_every_seed(seed: int) -> None:
    plan = plan_splits(["train"], {"train": 0.8, "validation": 0.1, "test": 0.1})
    source = rows_of([60, 30, 1, 2])
    labels = np.repeat(np.arange(4), [60, 30, 1, 2])
    made = splitting.make_splits({"train": source}, plan, labels=labels, names=["a", "b", "c", "d"], seed=seed)
    assert {90, 91, 92} <= set(rows(made.splits["train"]))
    assert {name: len(found) for name, found in made.splits.items()} == {"train": 75, "validation": 9, "test": 9}
    assert made.rare == {"c": 1, "d": 2}


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=8),
    seed=st.integers(0, 5),
    data=st.data(),
)
def test_every_row_is_in_one_split_or_unused_and_training_lacks_no_class(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    source = rows_of(sizes)
    total = len(source)
    if total < 12:
        return
    wanted: dict[str, int | float | str] = data.draw(
        st.sampled_from(
            [
                {"train": 0.8, "validation": 0.1, "test": 0.1},
                {"train": 0.7, "validation": 0.3},
                {"train": total // 2, "validation": total // 4},
                {"train": 0.5, "validation": total // 4, "test": 1},
                {"test": 0.4, "validation": 0.4, "train": 0.2},
            ]
        )
    )
    labels = np.repeat(np.arange(len(sizes)), sizes)
    plan = plan_splits(["train"], wanted)
    names = [str(number) for number in range(len(sizes))]
    made = splitting.make_splits({"train": source}, plan, labels=labels, names=names, seed=seed)
    together = [row for found in made.splits.values() for row in rows(found)]
    assert len(together) == len(set(together)) == total - made.unused
    if all(isinstance(size, float) for size in wanted.values()):
        assert made.unused == 0
    if len(made.splits["train"]) >= len(sizes):
        assert set(made.splits["train"]["label"]) == set(source["label"])


# ---- names


@pytest.mark.parametrize(("present", "written"), [("val", "validation"), ("validation", "val"), ("dev", "valid")])
def test_a_split_is_found_by_another_name_that_people_give_it(present: str, written: str) -> None:
    plan = plan_splits(["train", present], {"train": "train", "validation": written})
    assert plan.named == {"train": "train", "validation": present}


def test_a_split_that_no_study_names_is_not_needed() -> None:
    plan = plan_splits(["train", "test", "sample_submission"], {"train": 0.7, "validation": 0.3})
    assert plan.needed == ("train",)


# ---- sizes as people write them


def test_one_point_zero_is_the_share_of_all_rows() -> None:
    made = make_splits({"train": BALANCED, "dev": BALANCED}, {"train": 1.0, "validation": "dev"})
    assert len(made["train"]) == 100
    assert len(make_splits({"train": BALANCED}, {"train": 40, "validation": 1})["validation"]) == 1


@pytest.mark.parametrize(
    ("name", "number"), [("0.8", "0.8"), ("0,8", "0.8"), ("80%", "0.8"), ("80 %", "0.8"), ("100", "100")]
)
def test_a_number_in_quotes_is_said_to_be_none(name: str, number: str) -> None:
    with pytest.raises(DataError, match=f"is the name of no split; write {number} without quotes"):
        plan_splits(["train"], {"train": name, "validation": 0.2})


def test_words_of_one_class_are_counted_together() -> None:
    labels = np.repeat(np.arange(3), [50, 49, 1])
    plan = plan_splits(["train"], {"train": 0.7, "validation": 0.3})
    source = rows_of([50, 49, 1])
    names = ["good", "bad", "bad"]
    assert splitting.make_splits({"train": source}, plan, labels=labels, names=names, seed=0).rare == {}
    names = ["good", "bad", "worse"]
    assert splitting.make_splits({"train": source}, plan, labels=labels, names=names, seed=0).rare == {"worse": 1}

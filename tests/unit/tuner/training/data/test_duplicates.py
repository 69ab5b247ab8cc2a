from __future__ import annotations

import numpy as np
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.training.data.duplicates import contradictions, shared_with_training, without_duplicates


def test_the_first_row_of_several_stays_and_evaluation_keeps_what_training_loses() -> None:
    identities = {"train": np.asarray([1, 2, 1, 3, 4]), "dev": np.asarray([3, 5, 5])}
    rows = {name: Dataset.from_dict({"row": list(range(len(found)))}) for name, found in identities.items()}
    kept, left = without_duplicates(rows, identities, ["dev", "train"])
    assert list(kept) == ["train", "dev"]
    assert list(kept["dev"]["row"]) == [0, 1]
    assert list(kept["train"]["row"]) == [0, 1, 4]
    assert left == 3


def test_rows_whose_inputs_training_has_are_counted_by_split() -> None:
    identities = {
        "train": np.asarray([1, 2, 3]),
        "validation": np.asarray([3, 3, 9]),
        "test": np.asarray([8]),
    }
    assert shared_with_training(identities) == {"validation": 2}


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), max_size=30))
def test_contradictions_are_all_rows_of_inputs_with_more_than_one_class(rows: list[tuple[int, int]]) -> None:
    identities, classes = (np.asarray([row[at] for row in rows], dtype=np.int64) for at in (0, 1))
    wanted = {
        identity: [at for at, row in enumerate(rows) if row[0] == identity]
        for identity, _ in rows
        if len({row[1] for row in rows if row[0] == identity}) > 1
    }
    assert [found.tolist() for found in contradictions(identities, classes)] == list(wanted.values())

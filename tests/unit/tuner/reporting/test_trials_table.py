from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from storage import Checkpoints, TrialRecord, TrialState
from tuner.reporting.columns import table, width_of
from tuner.reporting.text import scientific
from tuner.reporting.trials_table import Selection, columns_of, parameters_of, shown_numbers, write_csv


def trial(number: int, value: float | None = 0.5, /, **changes: Any) -> TrialRecord:
    point = {"learning_rate": 1e-4 * (number + 1), "batch_size": 8, **changes.pop("hyperparameters", {})}
    return TrialRecord(
        **{
            "number": number,
            "state": TrialState.COMPLETE,
            "value": value,
            "reason": None,
            "hyperparameters": point,
            "steps": () if value is None else ((50, value / 2), (100, value)),
            "device_s": 10.0 * number,
            "restarts": 0,
            "checkpoints": Checkpoints(),
            "effective": None,
            "evaluations": (),
            "started": "2026-01-01T00:00:00Z",
            "ended": None,
            **changes,
        }
    )


def shown(trials: list[TrialRecord], width: int = 200) -> tuple[list[str], list[str]]:
    """Return the lines of a table of all trials, and what it has no room for."""
    columns, left_out = columns_of(trials, trials, "accuracy", width)
    return [line.plain for line in table(columns, width)], left_out


def titles(trials: list[TrialRecord], width: int = 200) -> list[str]:
    return [column.title for column in columns_of(trials, trials, "accuracy", width)[0]]


def test_a_table_of_trials_has_the_settings_that_differ_alone() -> None:
    trials = [trial(0), trial(1, 0.75, state=TrialState.PRUNED, reason="pruned: 0.75 at 50 % was among the weakest")]
    assert shown(trials)[0] == [
        "trial  state     accuracy  curve      lr  time  reason",
        "    0  complete    0.5000  ▁▅     1.0e-4    0s",
        "    1  pruned      0.7500  ▃█     2.0e-4   10s  0.75 at 50 % was among the weakest",
    ]


def test_curves_have_one_scale() -> None:
    low, high = trial(0, 0.2), trial(1, 1.0)
    curves = next(column for column in columns_of([low, high], [low, high], "a", 200)[0] if column.title == "curve")
    assert list(curves.cells) == ["▁▂", "▄█"]


@pytest.mark.parametrize("width", [30, 60, 80, 100, 140])
def test_a_table_is_never_wider_than_the_terminal_and_names_what_it_leaves_out(width: int) -> None:
    names = ("num_train_epochs", "dropout", "weight_decay", "lr_scheduler_type", "frozen_layers", "my_own_parameter")
    trials = [
        trial(
            number,
            reason="a reason that is longer than any line could be, since libraries talk",
            hyperparameters={"batch_size": 2**number, **dict.fromkeys(names, number / 7)},
        )
        for number in range(4)
    ]
    columns, left_out = columns_of(trials, trials, "accuracy", width)
    there = {column.title for column in columns}
    assert {"trial", "state", "accuracy", "time", "reason"} <= there
    if width >= 60:
        assert max(len(line.plain) for line in table(columns, width)) <= width
        assert width_of(columns) <= width
    assert len(there & {"lr", "batch", "epochs", "drop", "decay", "schedule", "frz", "my_own_parameter"}) == 8 - len(
        left_out
    )
    assert ("lr" in there) == ("learning_rate" not in left_out)


def test_frozen_layers_are_layers_where_their_number_is_known() -> None:
    half, gradual = {"frozen_layers": 0.5}, {"frozen_layers": "gradual"}
    known = [
        trial(0, hyperparameters={"frozen_layers": 0.0}, effective={"layers": 12}),
        trial(1, hyperparameters=half, effective={"layers": 12}),
        trial(2, None, hyperparameters=gradual),
        trial(3, hyperparameters={"frozen_layers": 0.75}),
    ]
    cells = next(each.cells for each in columns_of(known, known, "a", 200)[0] if each.title == "frz")
    assert list(cells) == ["0", "6/12", "gradual", "9/12"]
    unknown = [trial(0, hyperparameters=half), trial(1, hyperparameters=gradual)]
    cells = next(each.cells for each in columns_of(unknown, unknown, "a", 200)[0] if each.title == "frz")
    assert list(cells) == ["0.5", "gradual"]


def test_a_trial_without_a_value_of_its_own_has_an_empty_cell() -> None:
    conditional = [trial(0, hyperparameters={"warmup_ratio": 0.1}), trial(1, None)]
    lines = shown(conditional)[0]
    assert lines[1].split() == ["0", "complete", "0.5000", "▁█", "1.0e-4", "0.1", "0s"]
    assert lines[2].split() == ["1", "complete", "2.0e-4", "10s"]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1e-4, 7.1e-5, 0.01], ["1.0e-4", "7.1e-5", "1.0e-2"]),
        ([0.0, 1e-4, 0.001, 0.05], ["0", "0.0001", "0.001", "0.05"]),
        ([0.00052, 0.178, 0.03], ["0.00052", "0.178", "0.03"]),
        ([8, 64], ["8", "64"]),
        ([1.5, 2], ["1.5", "2"]),
        ([2e6, 1], ["2.0e6", "1.0e0"]),
        ([float("nan"), 1.0], ["nan", "1"]),
    ],
)
def test_the_numbers_of_a_column_have_one_form(values: list[float], texts: list[str]) -> None:
    assert shown_numbers(values) == texts


def test_a_number_has_its_power_of_ten_without_a_zero_before_it() -> None:
    assert [scientific(value) for value in (0.0, 1.234e-5, 3e12)] == ["0", "1.2e-5", "3.0e12"]


def numbers(trials: list[TrialRecord], direction: str = "maximize", **selection: Any) -> list[int]:
    return [each.number for each in Selection(**selection).of(trials, direction)]


def test_the_best_trials_come_first_and_those_that_did_not_end_after_them() -> None:
    trials = [
        trial(0, 0.5),
        trial(1, 0.9),
        trial(2, 0.95, state=TrialState.PRUNED),
        trial(3, None, state=TrialState.FAILED),
        trial(4, float("nan"), state=TrialState.PRUNED),
        trial(5, 0.9),
    ]
    assert numbers(trials, sort="value") == [1, 5, 0, 2, 3, 4]
    assert numbers(trials, "minimize", sort="value") == [0, 1, 5, 2, 3, 4]
    assert numbers(trials, sort="value", top=2) == [1, 5]
    assert numbers(trials, states=("pruned", "failed")) == [2, 3, 4]
    assert numbers(trials, sort="time", top=3) == [5, 4, 3]


def test_trials_are_sorted_by_a_setting_words_after_numbers_and_nothing_last() -> None:
    shares = [0.5, "gradual", 0.0, None]
    trials = [
        trial(number, hyperparameters={} if share is None else {"frozen_layers": share})
        for number, share in enumerate(shares)
    ]
    assert numbers(trials, sort="frozen_layers") == numbers(trials, sort="frz") == [2, 0, 1, 3]
    assert numbers(trials, sort="lr") == [0, 1, 2, 3]


def test_csv_has_every_setting_in_full_precision_and_any_text() -> None:
    said = 'it said "no",\nand more'
    trials = [trial(0, 1 / 3, reason=said), trial(1, None, hyperparameters={"mine": "a,b"})]
    file = io.StringIO(newline="")
    write_csv(file, trials[:1], trials)
    (row,) = csv.DictReader(io.StringIO(file.getvalue(), newline=""))
    assert row == {
        "number": "0",
        "state": "complete",
        "value": repr(1 / 3),
        "learning_rate": "0.0001",
        "batch_size": "8",
        "mine": "",
        "percent": "100",
        "device_s": "0.0",
        "restarts": "0",
        "started": "2026-01-01T00:00:00Z",
        "ended": "",
        "reason": said,
    }
    assert parameters_of(trials) == ["learning_rate", "batch_size", "mine"]

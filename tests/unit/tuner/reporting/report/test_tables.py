from __future__ import annotations

from dataclasses import replace

import pytest

from tuner.reporting.report import tables
from tuner.reporting.report.report import Report


def texts(table: tables.Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_the_best_trial_stands_beside_trial_0_and_what_differs_stands_out(report: Report) -> None:
    table = tables.comparison(report)
    assert table is not None
    assert table.headings == ("", "trial 0", "trial 1, the best")
    assert texts(table)[:3] == [
        ["accuracy", "0.7000", "0.8000"],
        ["right, of 40", "28", "32"],
        ["learning_rate", "5e-05", "0.0001"],
    ]
    same = {row[0].text for row in table.rows if not row[1].stands_out}
    assert same == {"batch_size", "device time"}


def test_all_trials_are_there_with_what_varies_and_what_a_pruned_one_needed(report: Report) -> None:
    table = tables.trials_table(report)
    assert table.headings[:5] == ("trial", "state", "accuracy", "needed", "done")
    assert table.headings[5:7] == ("learning_rate", "lr_scheduler_type")
    assert "batch_size" not in table.headings
    assert texts(table)[2][:5] == ["2", "pruned", "0.4000", "0.5500", "50 %"]
    assert texts(table)[4][2:5] == ["-", "-", "-"]
    assert [row[2].key for row in table.rows] == [0.7, 0.8, 0.4, 0.75, None]


def test_what_was_read_of_the_data_is_told(report: Report, without_examples: Report) -> None:
    told = tables.data_lines(report)
    assert "Rows: 60 train, 40 validation, 20 test." in told
    assert "5 rows are left out that stand twice." in told
    assert any("6.0% of the texts are cut and 2.1% of the tokens" in line for line in told)
    assert "Fingerprint of the rows and of how they are read: 0123." in told
    assert not any("left out" in line for line in tables.data_lines(without_examples))
    classes = tables.classes_table(report)
    assert classes is not None
    assert texts(classes)[0] == ["good", "30", "20", "10"]


def test_the_cost_is_told_with_the_share_of_pruned_trials(report: Report) -> None:
    told = tables.cost_lines(report)
    assert "5 trials: 3 complete, 1 pruned, 1 failed." in told
    assert "20% of the device time went to trials that were pruned." in told
    assert any("5.0 times a full run of trial 0" in line for line in told)


@pytest.mark.parametrize(("complete", "words"), [(1, "1 complete trial is"), (49, "49 complete trials are")])
def test_few_trials_are_said_to_tell_little_of_hyperparameters(report: Report, complete: int, words: str) -> None:
    trials = {**report.status["trials"], "complete": complete}
    few = replace(report, status={**report.status, "trials": trials})
    assert tables.few_trials(few) == f"{words} too few to tell which hyperparameter matters: about 50 are needed."
    enough = replace(report, status={**report.status, "trials": {**trials, "complete": 50}})
    assert tables.few_trials(enough) is None


def test_of_many_classes_the_pairs_that_are_confused_most_are_listed(hostile: str, report: Report) -> None:
    assert report.examined.mistakes is not None
    labels = [f"class {number}" for number in range(40)]
    confusion = [[0] * 40 for _ in labels]
    confusion[3][7], confusion[1][2], confusion[5][5] = 4, 9, 100
    many = {**report.examined.mistakes, "labels": labels, "confusion": confusion}
    assert texts(tables.confusion_table(many)) == [["class 1", "class 2", "9"], ["class 3", "class 7", "4"]]
    few = tables.confusion_table(report.examined.mistakes)
    assert texts(few) == [["good", "15", "5"], [hostile, "3", "17"]]


def test_examples_are_cut_and_say_what_each_model_takes_them_for(hostile: str, report: Report) -> None:
    assert report.examined.mistakes is not None
    found = dict(tables.examples(report.examined.mistakes))
    (example,) = found["Rows that only trial 1 gets right (1)"]
    assert len(example.text) == 601
    assert example.taken_for == (f"trial 0: {hostile} (0.750)", "trial 1: good (0.900)")
    assert found["Rows that only trial 0 gets right (0)"] == []

"""The replay of searches: which tables it takes, what trials cost there, and how results are compared."""

from __future__ import annotations

import gzip
import json
import math
import sys
from pathlib import Path

import numpy as np
import price
import pytest
from price_asks import AtRandom, ByTPE
from price_peers import Asynchronous, few_then_top, stopping
from price_search import Replay, Rule
from price_tables import Table, made_tables, read_tables


def table(curves: np.ndarray) -> Table:
    return Table("a table", curves, np.linspace(0, 1, 2 * len(curves)).reshape(-1, 2))


def flat(finals: list[float]) -> Table:
    """Curves that are at their final loss from the start."""
    return table(np.repeat(np.array(finals)[:, None], 51, axis=1))


@pytest.mark.parametrize(
    ("made", "said"), [("nothing", "no such folder"), ("folder", "no *.json.gz there"), ("file", "not a table")]
)
def test_a_folder_without_tables_gets_one_line(
    made: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tables"
    if made != "nothing":
        folder.mkdir()
    if made == "file":
        (folder / "one.json.gz").write_bytes(gzip.compress(b"[]"))
    monkeypatch.setattr(sys, "argv", ["price.py", str(folder)])
    assert price.main() == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert said in told.err


def test_without_a_folder_only_a_small_run_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["price.py"])
    with pytest.raises(SystemExit) as ended:
        price.main()
    assert ended.value.code == 2
    assert "say which folder TABLES is, or --small" in capsys.readouterr().err


def test_a_table_is_read_with_its_divergences(tmp_path: Path) -> None:
    rows = [
        {
            "hp": {"learning_rate": 10.0**-number, "beta1": 1 - 0.1 / number},
            "valid": {"loss": [1.0, 0.5, 0.25 * number]},
        }
        for number in range(1, 65)
    ]
    rows[3]["valid"] = {"loss": [1.0, math.nan, math.inf]}
    (tmp_path / "one.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    (found,) = read_tables(tmp_path)
    assert (found.name, found.length, found.ends[2:5]) == ("one", 2, [2, 1, 2])
    assert found.final[3] == math.inf
    assert found.encoded.min() == 0.0
    assert found.encoded.max() == 1.0
    assert np.diff(found.encoded[:, 0]) == pytest.approx(-1 / 63)


def test_regret_is_in_percent_of_the_way_from_the_median_to_the_best_of_the_table() -> None:
    made = flat([1.0 + number / 10 for number in range(101)])
    drawn = made.drawn(7)
    assert sorted(drawn) == list(range(101))
    reference = min(drawn[:64]) / 10 + 1
    assert made.regret(reference, 7) == pytest.approx(0.0)
    assert made.regret(reference + 5.0, 7) == pytest.approx(100.0)


@pytest.mark.parametrize(("trials", "cost"), [(64, 8.4), (96, 12.6)])
def test_halving_costs_its_plan_where_none_diverges(trials: int, cost: float) -> None:
    made = flat([1.0 + number for number in range(100)])
    found = Replay(made, Rule(trials=trials, eta=2, first_rung=4), AtRandom(), list(range(100)), 1).run()
    assert found.cost == pytest.approx(cost)
    assert found.time == pytest.approx(cost)
    assert found.loss == 1.0


def test_a_check_that_is_passed_lets_later_trials_be_put_aside_earlier() -> None:
    made = flat([1.0 + number for number in range(100)])
    rule = Rule(trials=64, eta=2, first_rung=2, is_checked=True)
    found = Replay(made, rule, AtRandom(), list(reversed(range(100))), 1).run()
    assert [found.targets[number] for number in reversed(range(84, 100))] == [4] * 16
    assert sorted(found.targets[number] for number in range(36, 84)).count(2) == 16
    assert found.cost == pytest.approx(5.16)


def test_a_check_that_is_not_passed_leaves_the_first_rung_where_it_was() -> None:
    curves = np.repeat(np.arange(100.0)[:, None], 51, axis=1)
    curves[:, 1] = -curves[:, 1]
    rule = Rule(trials=64, eta=2, first_rung=2, is_checked=True)
    found = Replay(table(curves), rule, AtRandom(), list(range(100)), 1).run()
    assert min(found.targets.values()) == 4
    assert found.cost == pytest.approx(8.4)


def test_a_trial_that_diverges_costs_what_it_had_trained() -> None:
    curves = np.ones((64, 51))
    curves[:, 1:] = np.nan
    curves[0] = 1.0
    made = table(curves)
    found = Replay(made, Rule(trials=64, eta=2, first_rung=4), AtRandom(), list(range(64)), 1).run()
    assert found.loss == 1.0
    assert found.cost == pytest.approx((63 + 50) / 50)
    assert stopping(made, Asynchronous(4, 50), list(range(64)), 8).cost == pytest.approx((63 + 50) / 50)
    assert few_then_top(made, 3, 3, list(range(64)), 1).cost == pytest.approx((63 + 50) / 50)


def test_the_recipe_is_trained_to_its_end_beside_the_others() -> None:
    made = flat([1.0 + number for number in range(100)])
    worst_first = list(reversed(range(100)))
    rule = Rule(trials=64, eta=2, first_rung=4, has_recipe=True)
    found = Replay(made, rule, AtRandom(), worst_first, 8).run()
    assert found.targets[99] == 100
    assert found.cost == pytest.approx(8.4 + 0.96)


def test_tpe_comes_closer_to_the_best_configurations_than_chance() -> None:
    (made,) = made_tables(1)
    drawn = made.drawn(0)
    rule = Rule(trials=48, eta=2, first_rung=4)
    guided, random = (
        Replay(made, rule, asks, drawn, 8).run().targets for asks in (ByTPE(made, 0, startup=12), AtRandom())
    )
    assert list(guided)[:12] == list(random)[:12] == drawn[:12]
    losses = [np.median(made.final[list(each)[12:]]) for each in (guided, random)]
    assert losses[0] < losses[1]

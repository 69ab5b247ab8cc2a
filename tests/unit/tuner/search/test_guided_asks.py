from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.search.encoding import Encoding
from tuner.search.guided_asks import GuidedAsks, Told, choose, expected_improvement, normal_scores

SPACE = {
    "rate": FloatDistribution(1e-6, 1e-2, log=True),
    "batch": CategoricalDistribution((8, 16, 32, 64)),
    "epochs": IntDistribution(1, 6),
    "dropout": FloatDistribution(0.0, 0.3),
}
NOTHING = np.empty((0, 4))


def loss(point: Mapping[str, Any]) -> float:
    """Smooth in its four parameters; 0 at its best point, which is off the centre."""
    return float(
        (math.log10(point["rate"]) + 3) ** 2
        + (math.log2(point["batch"] / 16) / 3) ** 2
        + ((point["epochs"] - 5) / 5) ** 2
        + ((point["dropout"] - 0.05) / 0.3) ** 2
    )


def told(count: int, seed: int = 0) -> list[Told]:
    points = Encoding(SPACE).draw(np.random.default_rng(seed), count)
    return [Told(point=point, value=loss(point)) for point in points]


ALWAYS = GuidedAsks(guided=1.0)


def test_expected_improvement_is_that_of_the_integral() -> None:
    # At the best itself, it is the deviation over the root of two pi; far ahead, it is the distance.
    found = expected_improvement(np.array([1.0, -9.0, 1.5]), np.array([2.0, 0.5, 0.25]), 1.0)
    assert found[:2] == pytest.approx([2 / math.sqrt(2 * math.pi), 10.0])
    drawn = 1.5 + 0.25 * np.random.default_rng(0).normal(size=400_000)
    assert found[2] == pytest.approx(np.maximum(1.0 - drawn, 0).mean(), rel=0.03)


def test_scores_are_normal_quantiles_of_the_ranks() -> None:
    assert normal_scores(np.array([1e9, -3.0, 0.1])) == pytest.approx([0.967422, -0.967422, 0.0], abs=1e-6)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    scores = normal_scores(np.array([1.0, 2.0, 1.0, 3.0]))
    assert scores[0] == scores[2] == pytest.approx(-0.674490, abs=1e-6)  # the quantile of a quarter


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_rank_below_every_other(lost: float) -> None:
    scores = normal_scores(np.array([1.0, lost, 5.0, math.nan]))
    assert scores[1] == scores[3] == max(scores)
    assert scores[0] < scores[2] < scores[1]


def test_a_guided_ask_is_better_than_a_random_one() -> None:
    a_good_one = np.quantile([each.value for each in told(400, 99)], 0.2)
    guided = [loss(point) for seed in range(4) for point in ALWAYS.propose(SPACE, told(24, seed), [], 2, seed)]
    assert np.median(guided) < a_good_one


def test_a_guided_search_finds_better_points_than_a_random_one() -> None:
    found, at_random = [], []
    for seed in range(2):
        known = told(16, seed)
        for wave in range(3):
            asked = ALWAYS.propose(SPACE, known, [], 4, 100 * seed + wave)
            known += [Told(point=point, value=loss(point)) for point in asked]
        found.append(min(each.value for each in known))
        at_random.append(min(each.value for each in told(len(known), 50 + seed)))
    assert np.mean(found) < 0.5 * np.mean(at_random)


def test_before_the_startup_all_points_are_of_the_prior() -> None:
    asked = GuidedAsks(guided=1.0, startup=16).propose(SPACE, told(15), [], 40, 0)
    assert np.mean([loss(point) for point in asked]) > 2
    assert {point["batch"] for point in asked} == {8, 16, 32, 64}


def test_from_the_startup_on_points_are_guided() -> None:
    asked = GuidedAsks(guided=1.0, startup=16).propose(SPACE, told(16), [], 4, 0)
    assert np.mean([loss(point) for point in asked]) < 1


def test_without_guided_asks_all_points_are_of_the_prior() -> None:
    asked = GuidedAsks(guided=0.0).propose(SPACE, told(30), [], 40, 0)
    assert np.mean([loss(point) for point in asked]) > 2


def test_with_nothing_told_and_no_startup_points_are_of_the_prior() -> None:
    assert len(GuidedAsks(guided=1.0, startup=0).propose(SPACE, [], [], 3, 0)) == 3


def test_the_seed_decides_the_points() -> None:
    known, pending = told(20), [each.point for each in told(3, 7)]
    first, again, other = (GuidedAsks(guided=0.5).propose(SPACE, known, pending, 6, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_threads_propose_as_one_does() -> None:
    known = told(20)
    alone = [ALWAYS.propose(SPACE, known, [], 1, seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(lambda seed: ALWAYS.propose(SPACE, known, [], 1, seed), range(3))) == alone


def test_the_points_of_one_proposal_keep_apart() -> None:
    known = [Told(point={"x": x}, value=math.sin(5 * x)) for x in (0.0, 0.1, 0.25, 0.5, 0.7)]
    asked = GuidedAsks(guided=1.0, startup=2).propose({"x": FloatDistribution(0.0, 1.0)}, known, [], 3, 0)
    assert np.diff(sorted(each["x"] for each in asked)).min() > 0.01


def test_a_pending_point_takes_its_neighbours_with_it() -> None:
    x = np.array([[0.0], [0.1], [0.25], [0.5], [0.7]])
    candidates = np.linspace(0, 1, 1001)[:, None]
    free = choose(x, np.sin(5 * x[:, 0]), np.empty((0, 1)), candidates, np.random.default_rng(0))
    again = choose(x, np.sin(5 * x[:, 0]), candidates[[free]], candidates, np.random.default_rng(0))
    assert 0.75 < candidates[free, 0] <= 1
    assert abs(again - free) > 10


def test_points_that_cannot_be_trained_are_kept_away_from() -> None:
    known = [
        Told(point=each.point, value=None if each.point["rate"] > 1e-4 else 7 + math.log10(each.point["rate"]))
        for each in told(40)
    ]
    asked = ALWAYS.propose(SPACE, known, [], 4, 0)
    assert all(point["rate"] < 1e-4 for point in asked)


def test_what_was_asked_is_not_chosen_while_there_are_others() -> None:
    x, noisy = np.array([[0.0], [0.0], [0.0], [0.9], [0.9]]), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    candidates = np.array([[0.0], [0.05], [1.0]])
    for pending, expected in ([], 1), ([[0.05]], 2):
        encoded = np.array(pending).reshape(-1, 1)
        assert choose(x, noisy, encoded, candidates, np.random.default_rng(0)) == expected


def test_a_space_that_is_used_up_is_asked_again() -> None:
    space = {"batch": SPACE["batch"]}
    known = [Told(point={"batch": batch}, value=float(batch)) for batch in (8, 16)]
    asked = GuidedAsks(guided=1.0, startup=2).propose(space, known, [{"batch": 32}], 3, 0)
    assert asked[0] == {"batch": 64}
    assert all(each["batch"] in (8, 16, 32, 64) for each in asked)


def test_choosing_among_rows_of_a_table_takes_the_best_of_a_smooth_one() -> None:
    rows = np.random.default_rng(0).random((300, 4))
    values = ((rows - 0.3) ** 2).sum(1)
    index = choose(rows[:30], values[:30], NOTHING, rows[30:], np.random.default_rng(0))
    assert values[30 + index] < np.quantile(values, 0.05)


def test_a_parameter_whose_condition_does_not_hold_is_left_out() -> None:
    def without_dropout(point: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in point.items() if name != "dropout" or point["batch"] > 16}

    known = [Told(point=without_dropout(each.point), value=each.value) for each in told(20)]
    asked = GuidedAsks(guided=0.5, conditioned=without_dropout).propose(SPACE, known, [], 12, 0)
    assert all(("dropout" in point) == (point["batch"] > 16) for point in asked)
    assert len({len(point) for point in asked}) == 2


def test_a_space_without_a_choice_has_its_only_point() -> None:
    space = {"rate": FloatDistribution(0.1, 0.1), "word": CategoricalDistribution(("one",))}
    known = [Told(point={"rate": 0.1, "word": "one"}, value=1.0)] * 20
    assert ALWAYS.propose(space, known, [], 2, 0) == [{"rate": 0.1, "word": "one"}] * 2


def test_a_guided_ask_imports_no_torch_and_before_it_no_scipy_is_imported() -> None:
    program = """
import sys
from optuna.distributions import FloatDistribution
from tuner.search.guided_asks import GuidedAsks, Told
print(*sorted({"torch", "scipy", "sklearn"} & set(sys.modules)))
known = [Told(point={"x": x / 20}, value=x) for x in range(20)]
GuidedAsks(guided=1.0).propose({"x": FloatDistribution(0, 1)}, known, [], 1, 0)
print(*sorted({"torch", "scipy", "sklearn"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["", "scipy"]

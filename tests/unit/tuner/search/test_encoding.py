from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.search.encoding import Encoding

KINDS = {
    "float": FloatDistribution(-2.0, 3.0),
    "log float": FloatDistribution(1e-6, 1e-2, log=True),
    "float with a step": FloatDistribution(0.1, 0.7, step=0.2),
    "int": IntDistribution(1, 6),
    "log int": IntDistribution(1, 1000, log=True),
    "int with a step": IntDistribution(4, 40, step=6),
    "numbers": CategoricalDistribution((32, 8, 16, 64)),
    "numbers that are almost equal": CategoricalDistribution((0, 1e-9, 1e-4, 0.2)),
    "words": CategoricalDistribution(("linear", "cosine", "constant")),
    "truths": CategoricalDistribution((True, False)),
    "numbers and nothing": CategoricalDistribution((None, 1, 2)),
    "one word": CategoricalDistribution(("adamw",)),
    "one number": FloatDistribution(0.5, 0.5),
}


@pytest.mark.parametrize("distribution", KINDS.values(), ids=KINDS)
def test_a_point_that_is_drawn_survives_encoding_and_decoding(distribution: BaseDistribution) -> None:
    encoding = Encoding({"x": distribution})
    points = encoding.draw(np.random.default_rng(0), 300)
    encoded = encoding.encode(points)
    assert encoded.min(initial=0.0) >= 0
    assert encoded.max(initial=1.0) <= 1
    assert encoded.shape == (300, len(encoding.groups))
    for point, vector in zip(points, encoded, strict=True):
        value, back = point["x"], encoding.decode(vector)["x"]
        assert distribution._contains(distribution.to_internal_repr(value))
        assert type(back) is type(value) in (float, int, str, bool, type(None))
        assert back == (pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("float with a step", [0.1, 0.3, 0.5, 0.7]),
        ("int", [1, 2, 3, 4, 5, 6]),
        ("int with a step", [4, 10, 16, 22, 28, 34, 40]),
        ("numbers", [8, 16, 32, 64]),
        ("words", ["linear", "cosine", "constant"]),
        ("truths", [True, False]),
    ],
)
def test_every_value_is_drawn_about_equally_often(kind: str, values: list[Any]) -> None:
    drawn = [point["x"] for point in Encoding({"x": KINDS[kind]}).draw(np.random.default_rng(0), 2000)]
    counts = Counter(round(each, 9) if isinstance(each, float) else each for each in drawn)
    assert set(counts) == set(values)
    assert max(counts.values()) < 1.4 * min(counts.values())


def test_a_log_scale_gives_each_decade_an_equal_part() -> None:
    encoding = Encoding({"x": KINDS["log float"]})
    encoded = encoding.encode([{"x": 10.0**power} for power in range(-6, -1)])
    assert encoded[:, 0] == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_numbers_to_choose_from_are_evenly_spaced_by_rank() -> None:
    encoding = Encoding({"x": KINDS["numbers"]})
    assert encoding.encode([{"x": each} for each in (8, 16, 32, 64)])[:, 0] == pytest.approx(
        [1 / 8, 3 / 8, 5 / 8, 7 / 8]
    )


def test_words_are_equally_far_from_each_other() -> None:
    encoded = Encoding({"x": KINDS["words"]}).encode([{"x": each} for each in KINDS["words"].choices])
    assert np.array_equal(encoded, np.eye(3))


def test_columns_of_one_parameter_are_a_group() -> None:
    encoding = Encoding({"a": KINDS["int"], "b": KINDS["one word"], "c": KINDS["words"], "d": KINDS["float"]})
    assert list(encoding.groups) == [0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("kind", "outside", "nearest"),
    [
        ("float", 99.0, 3.0),
        ("log float", 1e-9, 1e-6),
        ("log float", 0.0, 1e-6),
        ("int", -5, 1),
        ("numbers", 128, 64),
        ("numbers", 9, 8),
    ],
)
def test_a_value_outside_is_encoded_as_the_nearest(kind: str, outside: Any, nearest: Any) -> None:
    encoding = Encoding({"x": KINDS[kind]})
    encoded = encoding.encode([{"x": outside}])
    assert 0 <= encoded[0, 0] <= 1
    assert encoding.decode(encoded[0])["x"] == pytest.approx(nearest)


def test_a_parameter_that_a_point_lacks_is_in_the_middle() -> None:
    encoding = Encoding({"a": KINDS["float"], "b": KINDS["words"]})
    assert encoding.encode([{}])[0] == pytest.approx([0.5, 1 / 3, 1 / 3, 1 / 3])
    assert encoding.encode([{"b": "unknown"}])[0] == pytest.approx([0.5, 1 / 3, 1 / 3, 1 / 3])


def test_no_points_have_the_columns_too() -> None:
    assert Encoding(KINDS).encode([]).shape == (0, len(Encoding(KINDS).groups))
    assert Encoding({"x": KINDS["one word"]}).encode([{}, {}]).shape == (2, 0)


def test_parameters_are_decoded_from_their_own_columns() -> None:
    encoding = Encoding(KINDS)
    for point in encoding.draw(np.random.default_rng(3), 20):
        back = encoding.decode(encoding.encode([point])[0])
        assert back == {
            name: pytest.approx(value) if isinstance(value, float) else value for name, value in point.items()
        }


@given(
    low=st.integers(-1000, 1000),
    span=st.integers(0, 1000),
    step=st.integers(1, 7),
    log=st.booleans(),
    share=st.floats(0, 1),
)
def test_every_vector_of_the_cube_decodes_to_an_int_that_is_allowed(
    low: int, span: int, step: int, log: bool, share: float
) -> None:
    low, step = (abs(low) + 1, 1) if log else (low, step)
    distribution = IntDistribution(low, low + span * step, log=log, step=step)
    encoding = Encoding({"x": distribution})
    value = encoding.decode(np.array([share]))["x"]
    assert distribution._contains(value)
    assert encoding.decode(encoding.encode([{"x": value}])[0])["x"] == value


def test_a_distribution_of_another_kind_is_refused() -> None:
    class Odd(BaseDistribution):
        pass

    with pytest.raises(TypeError, match="Odd"):
        Encoding({"x": Odd()})


def test_a_prior_on_a_log_scale_is_uniform_there() -> None:
    drawn = [
        math.log10(point["x"]) for point in Encoding({"x": KINDS["log float"]}).draw(np.random.default_rng(0), 4000)
    ]
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx([-5, -4, -3], abs=0.15)

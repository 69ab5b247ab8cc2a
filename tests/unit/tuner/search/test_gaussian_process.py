from __future__ import annotations

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tuner.search.gaussian_process import MOST_POINTS, fit, most_telling
from tuner.search.log_posterior import LogPosterior, covariance_of


def smooth(points: np.ndarray) -> np.ndarray:
    return np.sin(3 * points[:, 0]) + points[:, 1] ** 2


def in_cube(seed: int, count: int, columns: int) -> np.ndarray:
    return np.random.default_rng(seed).random((count, columns))


@pytest.mark.parametrize("groups", [[0, 1, 2], [0, 1, 1], [0, 0, 0]])
def test_the_gradient_is_that_of_finite_differences(groups: list[int]) -> None:
    points = in_cube(0, 12, 3)
    points[1] = points[0]  # a distance of zero has a derivative too
    posterior = LogPosterior(points, np.random.default_rng(1).normal(size=12), np.array(groups))
    theta = posterior.centres + np.linspace(-0.7, 0.9, len(posterior.centres))
    _, gradient = posterior.negative(theta)
    assert gradient.shape == (max(groups) + 3,)
    for index, step in enumerate(np.eye(len(theta)) * 1e-5):
        slope = (posterior.negative(theta + step)[0] - posterior.negative(theta - step)[0]) / 2e-5
        assert gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_the_density_is_that_of_a_normal_distribution_and_the_priors() -> None:
    points, values = in_cube(0, 6, 3), np.random.default_rng(1).normal(size=6)
    posterior = LogPosterior(points, values, np.array([0, 1, 1]))
    for widths_away in (0, 2):
        theta = posterior.centres + widths_away * posterior.widths * [1, 0, 0, 0]
        lengths, signal, noise = posterior.unpack(theta)
        covariance = covariance_of(points, points, lengths[[0, 1, 1]], signal) + noise * np.eye(6)
        negative = (values @ np.linalg.solve(covariance, values) + np.linalg.slogdet(covariance)[1]) / 2
        assert posterior.negative(theta)[0] == pytest.approx(negative + widths_away**2 / 2)


def test_the_kernel_is_matern_five_halves() -> None:
    distance = math.sqrt(0.5**2 + 0.25**2)
    found = covariance_of(np.array([[0.0, 0.0]]), np.array([[1.0, 0.5]]), np.array([2.0, 2.0]), 3.0)
    root = math.sqrt(5) * distance
    assert found == pytest.approx(np.array([[3 * (1 + root + root**2 / 3) * math.exp(-root)]]))


def test_a_smooth_function_is_interpolated() -> None:
    points, unseen = in_cube(0, 60, 3), in_cube(1, 200, 3)
    mean, deviation = fit(points, 10 + 100 * smooth(points)).predict(unseen)
    error = mean - 10 - 100 * smooth(unseen)
    assert np.abs(error).mean() < 3
    assert np.mean(np.abs(error) < 3 * deviation) > 0.9
    assert mean.shape == deviation.shape == (200,)


def test_a_column_that_changes_nothing_gets_a_long_scale() -> None:
    points = in_cube(0, 60, 3)
    scales = fit(points, smooth(points)).length_scales
    assert scales[2] > 3 * max(scales[:2])


def test_columns_of_one_group_share_a_length_scale() -> None:
    points = in_cube(0, 20, 3)
    scales = fit(points, smooth(points), np.array([0, 1, 1])).length_scales
    assert scales[1] == scales[2] != scales[0]


def test_noise_is_told_from_the_function() -> None:
    points = in_cube(0, 150, 1)
    values = np.sin(6 * points[:, 0]) + np.random.default_rng(1).normal(size=150) * 0.4
    model = fit(points, values)
    assert 0.3 < math.sqrt(model.noise) * model.scale < 0.5
    mean, deviation = model.predict(np.linspace(0.1, 0.9, 50)[:, None])
    assert np.abs(mean - np.sin(6 * np.linspace(0.1, 0.9, 50))).max() < 0.4
    assert deviation.max() < 0.3  # of the function, without the noise


def test_uncertainty_grows_with_the_distance_from_the_points() -> None:
    model = fit(np.array([[0.1], [0.2], [0.3]]), np.array([0.0, 1.0, 0.0]))
    _, deviation = model.predict(np.array([[0.2], [0.5], [1.0]]))
    assert deviation[0] < deviation[1] < deviation[2]


@pytest.mark.parametrize(
    ("points", "values"),
    [
        pytest.param([[0.5, 0.5]], [3.0], id="one point"),
        pytest.param([[0.5, 0.5]] * 30, [1.0] * 30, id="duplicates with one value"),
        pytest.param([[0.5, 0.5]] * 30, list(range(30)), id="duplicates with many values"),
        pytest.param(np.linspace(0, 1, 20).reshape(10, 2), [0.1 + 0.2] * 9 + [0.3], id="rounding alone"),
        pytest.param(np.linspace(0, 1, 20).reshape(10, 2), [1e100] + [0.0] * 9, id="huge"),
        pytest.param(np.zeros((5, 0)), [1.0, 2.0, 3.0, 4.0, 5.0], id="no column"),
    ],
)
def test_degenerate_points_are_fitted(points: list[list[float]], values: list[float]) -> None:
    points = np.array(points)
    model = fit(points, np.array(values, dtype=float))
    for each in (model, model.believing(points[:3])):
        mean, deviation = each.predict(points)
        assert np.isfinite(mean).all()
        assert np.isfinite(deviation).all()
        assert (deviation > 0).all()
        assert min(values) - 1 <= mean.mean() <= max(values) + 1


def test_values_that_differ_by_rounding_alone_are_taken_as_equal() -> None:
    assert fit(np.array([[0.1], [0.9]]), np.array([0.1 + 0.2, 0.3])).scale == 1


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf]])
def test_no_point_and_values_that_are_not_finite_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one point"):
        fit(np.zeros((len(values), 2)), np.array(values))


def test_a_seed_fits_the_same_model_again() -> None:
    points = in_cube(0, 30, 4)
    values = smooth(points) + np.random.default_rng(1).normal(size=30)
    first, again = (fit(points, values, seed=5).predict(in_cube(2, 50, 4)) for _ in range(2))
    assert np.array_equal(first, again)


def test_a_fit_computes_in_one_thread_and_leaves_the_limit_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, negative = [], LogPosterior.negative

    def watched(self: LogPosterior, theta: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append({each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"})
        return negative(self, theta)

    monkeypatch.setattr(LogPosterior, "negative", watched)
    with threadpool_limits(2, user_api="blas"):
        fit(np.array([[0.5]]), np.array([1.0]))
        assert {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"} == {2}
    assert seen
    assert all(each == {1} for each in seen)


def test_believed_points_change_no_mean_and_take_uncertainty() -> None:
    points, further = in_cube(0, 20, 2), np.array([[0.9, 0.1], [0.2, 0.8]])
    model = fit(points, 5 + 2 * smooth(points))
    before, unsure = model.predict(np.concatenate([further, points]))
    after, sure = model.believing(further).predict(np.concatenate([further, points]))
    assert after == pytest.approx(before, abs=1e-6)
    assert (sure[:2] < 0.8 * unsure[:2]).all()
    assert (sure <= unsure + 1e-9).all()


def test_believing_nothing_is_the_same_model() -> None:
    model = fit(np.array([[0.5]]), np.array([1.0]))
    assert model.believing(np.empty((0, 1))) is model


def test_of_many_points_the_best_half_and_the_newest_of_the_others_are_fitted() -> None:
    values = np.random.default_rng(0).permutation(MOST_POINTS + 100).astype(float)
    kept = most_telling(values)
    assert len(set(kept)) == MOST_POINTS
    assert (np.diff(kept) > 0).all()
    half = MOST_POINTS // 2
    assert set(range(half)) <= set(values[kept])
    others = [index for index in range(len(values)) if values[index] >= half]
    assert set(others[-half:]) <= set(kept)


def test_no_more_points_are_fitted_than_the_most() -> None:
    points = in_cube(0, MOST_POINTS + 1, 1)
    assert len(fit(points, smooth(np.repeat(points, 2, axis=1))).points) == MOST_POINTS


def test_as_many_points_as_the_most_are_all_kept() -> None:
    assert list(most_telling(np.ones(MOST_POINTS))) == list(range(MOST_POINTS))

"""Each metric against scikit-learn, scipy or figures worked out by hand."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from marketlab.data.labels import Label, Task
from marketlab.experiments.metrics import (
    cell_loss,
    classification,
    correlation,
    loss_name,
    quantiles,
    regression,
    score,
)
from scipy import stats
from sklearn import metrics as oracle

Floats = npt.NDArray[np.float64]


def label(task: Task = "regression", **changes: Any) -> Label:
    return Label("t", 1, "lead(close, 1)", task, 1, **changes)


@pytest.fixture
def numbers() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, 7)) * np.arange(1, 8)
    f = 0.5 * y + rng.normal(size=y.shape)
    y[rng.random(y.shape) < 0.1] = np.nan
    f[rng.random(f.shape) < 0.1] = np.nan
    return y, f


@pytest.fixture(params=[2, 4])
def classes(request: pytest.FixtureRequest) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(request.param), size=500)
    y = np.array([rng.choice(request.param, p=row) for row in p]).astype(float)
    return y, p


def test_errors_equal_scikit_learn(numbers: tuple[Floats, Floats]) -> None:
    y, f = (side[np.isfinite(numbers[0]) & np.isfinite(numbers[1])] for side in numbers)
    assert regression.mae(y, f) == pytest.approx(oracle.mean_absolute_error(y, f))
    assert regression.rmse(y, f) == pytest.approx(oracle.root_mean_squared_error(y, f))
    assert regression.pooled_r2(y, f) == pytest.approx(oracle.r2_score(y, f))


def test_symbol_r2_equals_scikit_learn_by_symbol(
    numbers: tuple[Floats, Floats],
) -> None:
    y, f = numbers
    own = regression.symbol_r2(y, f)
    for n in range(y.shape[1]):
        there = np.isfinite(y[:, n]) & np.isfinite(f[:, n])
        assert own[n] == pytest.approx(oracle.r2_score(y[there, n], f[there, n]))


def test_symbol_r2_is_undefined_without_variation() -> None:
    y = np.array([[1.0, 0.1, np.nan], [1.0, 0.1, 3.0], [1.0, 0.1, np.nan]])
    assert np.isnan(regression.symbol_r2(y, np.zeros_like(y))).all()
    assert np.isnan(regression.pooled_r2(y[:, 1], np.zeros(3)))


def test_levels_of_symbols_inflate_only_the_pooled_r2() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=(100, 5)) + 10 * np.arange(5)
    f = np.broadcast_to(y.mean(0), y.shape).copy()
    times, symbols = (side.ravel() for side in np.indices(y.shape))
    found = score(label(), y.ravel(), f.reshape(-1, 1), times, symbols)
    assert found["R2"] == pytest.approx(0)
    assert found["R2 pooled"] > 0.9


def test_direction_leaves_out_zero_truths_and_counts_zero_forecasts_half() -> None:
    y = np.array([1.0, -1.0, 0.0, 2.0])
    assert regression.direction(y, np.array([3.0, 1.0, 1.0, 0.0])) == pytest.approx(1.5 / 3)
    assert np.isnan(regression.direction(np.zeros(3), np.ones(3)))


def test_qlike_by_hand() -> None:
    truth, forecast = np.log([2.0, 1.0]), np.log([1.0, 1.0])
    assert regression.qlike(truth, forecast) == pytest.approx((2 - np.log(2) - 1) / 2)
    assert np.isfinite(regression.qlike(np.array([0.0]), np.array([-1e4])))


def test_information_coefficients_equal_scipy(numbers: tuple[Floats, Floats]) -> None:
    y, f = numbers
    ic, ranks = correlation.cross_correlation(y, f), correlation.rank_correlation(y, f)
    counted = 0
    for t in range(len(y)):
        there = np.isfinite(y[t]) & np.isfinite(f[t])
        if there.sum() < 5:
            assert np.isnan(ic[t])
            assert np.isnan(ranks[t])
            continue
        counted += 1
        assert ic[t] == pytest.approx(stats.pearsonr(y[t, there], f[t, there])[0])
        assert ranks[t] == pytest.approx(stats.spearmanr(y[t, there], f[t, there])[0])
    assert 50 < counted < 200


def test_rank_correlation_averages_ties() -> None:
    y, f = np.array([[1.0, 1, 2, 3, 4]]), np.array([[2.0, 1, 1, 5, 5]])
    assert correlation.rank_correlation(y, f)[0] == pytest.approx(stats.spearmanr(y[0], f[0])[0])


def test_a_constant_forecast_orders_nothing() -> None:
    y = np.random.default_rng(3).normal(size=(20, 6))
    assert np.isnan(correlation.cross_correlation(y, np.full_like(y, 0.1))).all()
    assert np.isnan(correlation.mean_and_ratio(np.full(4, np.nan))).all()


def test_icir_is_mean_over_standard_deviation() -> None:
    mean, ratio = correlation.mean_and_ratio(np.array([0.1, np.nan, 0.3]))
    assert mean == pytest.approx(0.2)
    assert ratio == pytest.approx(0.2 / np.std([0.1, 0.3], ddof=1))


def test_class_metrics_equal_scikit_learn(classes: tuple[Floats, Floats]) -> None:
    y, p = classes
    named, counts = p.argmax(1), classification.confusion(y, p)
    assert classification.accuracy(counts) == pytest.approx(oracle.accuracy_score(y, named))
    balanced = oracle.balanced_accuracy_score(y, named)
    assert classification.balanced_accuracy(counts) == pytest.approx(balanced)
    assert classification.matthews(counts) == pytest.approx(oracle.matthews_corrcoef(y, named))
    assert classification.log_loss(y, p) == pytest.approx(oracle.log_loss(y, p))
    expected = oracle.brier_score_loss(y, p[:, 1] if p.shape[1] == 2 else p)
    assert classification.brier(y, p).mean() == pytest.approx(expected)
    assert classification.majority_accuracy(counts) == np.bincount(y.astype(int)).max() / len(y)


def test_a_constant_class_has_no_correlation_and_a_certain_error_a_finite_log_loss() -> None:
    y, p = np.array([0.0, 1, 1]), np.array([[0.0, 1]] * 3)
    counts = classification.confusion(y, p)
    assert classification.matthews(counts) == 0
    assert classification.accuracy(counts) == classification.majority_accuracy(counts)
    assert classification.log_loss(y, p) == pytest.approx(-np.log(2.0**-52) / 3)


def test_calibration_error_by_hand() -> None:
    p = np.array([[0.3, 0.7], [0.3, 0.7], [0.05, 0.95], [0.0, 1.0]])
    y = np.array([1.0, 0.0, 1.0, 1.0])
    # bin (0.6, 0.7]: accuracy 0.5, confidence 0.7; bin (0.9, 1]: accuracy 1, confidence 0.975
    expected = (2 * 0.2 + 2 * 0.025) / 4
    assert classification.calibration_error(y, p) == pytest.approx(expected)


def test_pinball_equals_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    y, q, levels = rng.normal(size=300), rng.normal(size=(300, 3)), (0.1, 0.5, 0.9)
    found = quantiles.pinball(y, q, levels).mean(0)
    for k, level in enumerate(levels):
        assert found[k] == pytest.approx(oracle.mean_pinball_loss(y, q[:, k], alpha=level))


def test_coverage_of_levels_and_of_central_intervals() -> None:
    y = np.arange(10.0)
    q = np.tile([0.0, 4.0, 8.0], (10, 1))
    assert quantiles.below(y, q).tolist() == [0.1, 0.5, 0.9]
    assert quantiles.central_coverage(y, q, (0.05, 0.5, 0.95)) == {0.9: 0.9}


def test_cell_loss_is_missing_where_either_side_is() -> None:
    y = np.array([1.0, np.nan, 0.0])
    assert loss_name(label()) == "squared error"
    mean = cell_loss(label(), y, np.array([[3.0], [1.0], [np.nan]]))
    np.testing.assert_array_equal(mean, [4.0, np.nan, np.nan])
    binary = label("binary", edges=(0.0,))
    assert loss_name(binary) == "Brier score"
    found = cell_loss(binary, y, np.array([[0.2, 0.8], [0.5, 0.5], [0.4, 0.6]]))
    np.testing.assert_allclose(found, [0.04, np.nan, 0.36])
    levels = label("quantile", levels=(0.25, 0.75))
    assert loss_name(levels) == "pinball loss"
    found = cell_loss(levels, y[:1], np.array([[0.0, 3.0]]))
    np.testing.assert_allclose(found, [(0.25 + 0.5) / 2])


def test_score_names_the_metrics_of_each_task() -> None:
    t, n = (side.ravel() for side in np.indices((4, 5)))
    y = np.arange(20.0)
    assert "direction" in score(label(measure="return"), y, y[:, None], t, n)
    assert "QLIKE" in score(label(measure="log_variance"), y, y[:, None], t, n)
    assert score(label(), y, y[:, None], t, n)["rank IC"] == pytest.approx(1)
    levels = label("quantile", levels=(0.05, 0.95))
    found = score(levels, y, np.stack([y - 1, y + 1], 1), t, n)
    assert found["cover 0.9"] == 1
    assert {"pinball", "pinball q0.05", "below q0.95"} <= set(found)

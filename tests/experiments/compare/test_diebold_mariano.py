"""The test of two forecasts agrees with an independent library, and claims what it should."""

import math

import numpy as np
import pytest
from marketlab.experiments.compare.diebold_mariano import diebold_mariano, long_run_variance


def made(T=300, seed=0, gain=0.0):
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(T + 1)
    noise = common[1:] + 0.5 * common[:-1]  # serially correlated
    return 2 + noise, 2 + noise * 0.5 + 0.3 * rng.standard_normal(T) - gain


@pytest.mark.parametrize("horizon", [1, 5, 22])
def test_it_is_a_regression_on_a_constant_with_newey_west_errors(horizon):
    statsmodels = pytest.importorskip("statsmodels.api")
    a, b = made()
    T = len(a)
    lags = max(horizon - 1, int(4 * (T / 100) ** (2 / 9)))
    fit = statsmodels.OLS(a - b, np.ones(T)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    small = (T + 1 - 2 * horizon + horizon * (horizon - 1) / T) / T
    statistic, _ = diebold_mariano(a, b, horizon)
    assert statistic == pytest.approx(float(fit.tvalues[0]) * math.sqrt(small), rel=1e-10)


def test_a_known_value_by_hand():
    """Differences 1, 2, ... with lag 0 alone: their variance over T."""
    series = np.array([1.0, 2.0, 3.0, 4.0])
    assert long_run_variance(series, 0) == pytest.approx(1.25)
    # Autocovariance at lag 1: (-1.5*-.5 + -.5*.5 + .5*1.5) / 4 = 0.3125; weight 1/2, twice.
    assert long_run_variance(series, 1) == pytest.approx(1.25 + 0.3125)


def test_the_sign_says_who_loses_more_and_swaps():
    a, b = made(gain=0.5)
    statistic, p = diebold_mariano(a, b, 1)
    assert statistic > 3
    assert p < 0.01
    assert diebold_mariano(b, a, 1) == pytest.approx((-statistic, p))


def test_equal_forecasts_are_rejected_about_as_often_as_said():
    rejected = sum(
        diebold_mariano(*(losses[k : k + 250] for losses in series), 1)[1] < 0.05
        for seed in range(50)
        for series in [made(1000, seed)]
        for k in range(0, 1000, 250)
    )
    assert 2 <= rejected <= 24  # 10 expected of 200


def test_what_cannot_be_said_is_nan():
    a, b = made(T=29)
    assert np.isnan(diebold_mariano(a, b, 1)).all()
    a, b = made(T=60)
    assert np.isnan(diebold_mariano(a, b, 31)).all()
    assert np.isnan(diebold_mariano(a + 1, a, 1)).all()
    assert diebold_mariano(a, a, 1) == (0.0, 1.0)

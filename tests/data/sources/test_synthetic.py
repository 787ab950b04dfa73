"""Made-up bars have the properties that they state."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.schema import validate_bars
from marketlab.data.sources.synthetic import Synthetic
from marketlab.errors import DataError


def log_returns(raw: pd.DataFrame) -> np.ndarray:
    """(N, T - 1)."""
    close = np.log(raw["close"].to_numpy()).reshape(raw["symbol"].nunique(), -1)
    return np.diff(close, axis=1)


@pytest.mark.parametrize("planted", [0.02, 0.2])
def test_the_planted_signal_has_the_stated_determination(planted: float) -> None:
    raw = Synthetic(symbols=20, rows=8000, seed=3, planted_r2=planted, correlation=0.0).load()
    signal = raw["signal"].to_numpy().reshape(20, -1)[:, :-1]
    found = [np.corrcoef(s, r)[0, 1] ** 2 for s, r in zip(signal, log_returns(raw), strict=True)]
    assert np.mean(found) == pytest.approx(planted, rel=0.1)
    later = np.corrcoef(signal[0, 1:], log_returns(raw)[0, :-1])[0, 1]
    assert abs(later) < 0.05  # the signal of a day says nothing about that day's own return


def test_nothing_is_planted_by_default() -> None:
    assert "signal" not in Synthetic(symbols=2, rows=50).load()


def test_shocks_are_correlated_clustered_and_fat_tailed() -> None:
    raw = Synthetic(symbols=10, rows=8000, seed=1, correlation=0.4).load()
    returns = log_returns(raw)
    correlations = np.corrcoef(returns)[np.triu_indices(10, 1)]
    assert correlations.mean() == pytest.approx(0.4, abs=0.05)
    z = returns / returns.std(axis=1, keepdims=True)
    assert (z**4).mean() > 4
    absolute = np.abs(returns).mean(axis=0)
    assert np.corrcoef(absolute[:-1], absolute[1:])[0, 1] > 0.1


def test_a_walk_is_gaussian_and_without_memory() -> None:
    returns = log_returns(Synthetic(symbols=10, rows=8000, seed=1, walk=True).load())
    z = returns / returns.std(axis=1, keepdims=True)
    assert (z**4).mean() == pytest.approx(3, abs=0.1)
    squares = (z**2).mean(axis=0)
    assert abs(np.corrcoef(squares[:-1], squares[1:])[0, 1]) < 0.05


def test_ranges_tell_the_volatility() -> None:
    raw = Synthetic(symbols=5, rows=8000, seed=2, walk=True, correlation=0.0).load()
    parkinson = np.log(raw["high"] / raw["low"]) ** 2 / (4 * np.log(2))
    intraday = np.log(raw["close"] / raw["open"]) ** 2
    assert parkinson.mean() / intraday.mean() == pytest.approx(1, abs=0.15)
    gaps = np.log(raw["open"].to_numpy().reshape(5, -1)[:, 1:]) - np.log(
        raw["close"].to_numpy().reshape(5, -1)[:, :-1]
    )
    assert gaps.var() / log_returns(raw).var() == pytest.approx(0.2, abs=0.02)


def test_bars_are_sound_repeatable_and_dated_on_sessions() -> None:
    source = Synthetic(symbols=3, rows=600, seed=5, planted_r2=0.1)
    raw = source.load()
    pd.testing.assert_frame_equal(raw, source.load())
    assert not raw["close"].equals(Synthetic(symbols=3, rows=600, seed=6).load()["close"])
    raw["time"] = raw["date"].dt.tz_localize("UTC")
    assert len(validate_bars(raw, name="synthetic").bars) == 1800
    assert raw["date"][0] == pd.Timestamp("2000-01-03")
    assert pd.Timestamp("2000-07-04") not in set(raw["date"])
    assert list(raw["symbol"].cat.categories) == ["SYN00", "SYN01", "SYN02"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"symbols": 0}, "symbols=0, rows=5000 are too few"),
        ({"rows": 1}, "rows=1 are too few"),
        ({"planted_r2": 1.0}, "planted_r2=1.0 and correlation=0.3 must be at least 0 and below 1"),
        ({"correlation": -0.1}, "must be at least 0 and below 1"),
    ],
)
def test_parameters_that_make_no_sense_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Synthetic(**options)


def test_a_start_that_is_no_date_is_told() -> None:
    with pytest.raises(DataError, match="start=soon is not a date"):
        Synthetic(start="soon").load()

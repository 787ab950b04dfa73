from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from marketlab.experiments.report import LabelPredictions, ReportContent
from marketlab.experiments.report.series import (
    calibration,
    chosen_symbols,
    mean_interval,
    newest,
    skill_over_time,
    thin,
)

Make = Callable[..., ReportContent]


@pytest.mark.parametrize("kind", ["regression", "variance", "classification", "quantile"])
def test_the_curve_ends_at_the_skill(make: Make, kind: str) -> None:
    content = make(kind, edge=0.2, symbols=5)
    (entry,) = content.evaluation.labels
    times, share = skill_over_time(entry.label, content.predictions[entry.label.name])
    assert len(times) == entry.times
    assert share[-1] == pytest.approx(entry.skill)


def test_thinning_keeps_the_ends() -> None:
    assert thin(5, 10).tolist() == [0, 1, 2, 3, 4]
    kept = thin(10_001, 100)
    assert len(kept) == 100
    assert (kept[0], kept[-1]) == (0, 10_000)


def test_intervals_hold_the_mean_of_correlated_rows() -> None:
    rng = np.random.default_rng(0)
    times = pd.date_range("2020-01-01", periods=300, tz="UTC")
    inside, naive = [], []
    for _ in range(200):
        daily = np.convolve(rng.standard_normal(304), np.ones(5) / 5, "valid")
        values = (daily[:, None] + 0.3 * rng.standard_normal((300, 8))).ravel()
        when = times.repeat(8)
        mean, half = mean_interval(values, when, when, lag=4)
        inside.append(abs(mean) < half)
        naive.append(abs(mean) < 1.96 * values.std() / len(values) ** 0.5)
    assert 0.85 < np.mean(inside) < 0.99
    assert np.mean(naive) < 0.4


def test_calibration_of_a_true_forecast_lies_on_the_diagonal() -> None:
    rng = np.random.default_rng(1)
    times = pd.date_range("2020-01-01", periods=5000, tz="UTC")
    forecast = rng.standard_normal(5000)
    bins = calibration(forecast, forecast + rng.standard_normal(5000), times, lag=0)
    assert len(bins.x) == 10
    assert (np.abs(bins.y - bins.x) < 2 * bins.half).all()
    assert len(calibration(np.full(50, 0.5), forecast[:50], times[:50], lag=0).x) == 1
    assert len(calibration(np.full(50, np.nan), forecast[:50], times[:50], lag=0).x) == 0


def test_symbols_with_most_rows_come_first() -> None:
    times = pd.date_range("2024-01-01", periods=100, tz="UTC")
    symbols = np.repeat(np.array(["new", "b", "a"], dtype=object), 100)
    truth = np.zeros(300)
    truth[:60] = np.nan
    truth[100] = np.nan
    made = LabelPredictions(
        pd.DatetimeIndex([*times, *times, *times]),
        symbols,
        truth,
        np.zeros((300, 1)),
        np.zeros((300, 1)),
    )
    assert chosen_symbols(made) == ["b", "a"]
    assert chosen_symbols(made, 3) == ["b", "a", "new"]
    assert chosen_symbols(replace(made, truth=truth * np.nan)) == []


def test_newest_rows_are_in_time_and_the_later_forecast_wins() -> None:
    times = pd.DatetimeIndex(["2024-01-03", "2024-01-01", "2024-01-02", "2024-01-02"], tz="UTC")
    made = LabelPredictions(
        times,
        np.array(["a"] * 4, dtype=object),
        np.array([3.0, 1.0, 2.0, 2.0]),
        np.array([[3.0], [1.0], [2.0], [np.inf]]),
        np.zeros((4, 1)),
    )
    rows = newest(made, "a", 2)
    assert rows.truth.tolist() == [2.0, 3.0]
    assert np.isnan(rows.forecast[0, 0])

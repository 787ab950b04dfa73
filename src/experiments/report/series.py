"""The arithmetic behind the figures: arrays of forecasts in, the points that are drawn out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.labels import Label
from ..metrics import cell_loss
from .content import LabelPredictions

Floats = npt.NDArray[np.float64]
BINS = 10


class Bins(NamedTuple):
    """Points of a calibration curve: mean forecast, mean truth, half of its 95% interval (B,)."""

    x: Floats
    y: Floats
    half: Floats


def skill_over_time(label: Label, predictions: LabelPredictions) -> tuple[pd.DatetimeIndex, Floats]:
    """Accumulate the loss difference against the best yardstick, as a share of its total loss.

    Losses are averaged over symbols at each time, as in the evaluation, so that the last point is
    the skill of the whole test period.

    Returns
    -------
    times (T,), share (T,)
    """
    ours = cell_loss(label, predictions.truth, predictions.forecast)
    theirs = cell_loss(label, predictions.truth, predictions.yardstick)
    both = np.isfinite(ours) & np.isfinite(theirs)
    mean = (
        pd.DataFrame({"ours": ours[both], "theirs": theirs[both]})
        .groupby(predictions.times[both], sort=True)
        .mean()
    )
    times = pd.DatetimeIndex(mean.index)
    total = float(mean["theirs"].sum())
    if not total > 0:
        return times[:0], np.empty(0)
    gain = (mean["theirs"] - mean["ours"]).to_numpy(dtype=np.float64)
    return times, np.cumsum(gain) / total


def thin(count: int, most: int) -> npt.NDArray[np.int64]:
    """Choose at most about `most` of `count` positions, evenly, the last always among them."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))


def calibration(
    forecast: Floats, truth: Floats, times: pd.DatetimeIndex, lag: int, bins: int = BINS
) -> Bins:
    """Mean truth within each quantile group of a forecast.

    Parameters
    ----------
    forecast, truth : (S,)
    times : (S,)
    lag : int
        Rows over which neighbouring truths overlap.
    """
    finite = np.isfinite(forecast) & np.isfinite(truth)
    x, y, when = forecast[finite], truth[finite], times[finite]
    if not len(x):
        return Bins(np.empty(0), np.empty(0), np.empty(0))
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    group = np.searchsorted(edges[1:-1], x, side="right")
    points = [
        (float(x[rows].mean()), *mean_interval(y[rows], when[rows], when, lag))
        for rows in (group == g for g in range(max(len(edges) - 1, 1)))
        if rows.any()
    ]
    columns = np.asarray(points, dtype=np.float64).T
    return Bins(columns[0], columns[1], columns[2])


def mean_interval(
    values: Floats, times: pd.DatetimeIndex, calendar: pd.DatetimeIndex, lag: int
) -> tuple[float, float]:
    """Mean of `values` and half of its 95% interval.

    Rows of one time count as one observation, and sums of neighbouring times are correlated up to
    `lag` (Newey and West, 1987): symbols move together and labels overlap, and an interval that
    took rows for independent would be several times too narrow. The weights fall to 0 at twice the
    overlap; at the overlap itself they would cut away a third of the variance.
    """
    mean = float(values.mean())
    if len(values) < 5:
        return mean, float("nan")
    clock = np.unique(calendar.asi8)
    u = np.bincount(np.searchsorted(clock, times.asi8), weights=values - mean, minlength=len(clock))
    spread = float(u @ u)
    reach = 2 * lag + 2 if lag else 1
    for step in range(1, min(reach, len(u))):
        spread += 2 * (1 - step / reach) * float(u[step:] @ u[:-step])
    return mean, 1.96 * max(spread, 0.0) ** 0.5 / len(values)


def chosen_symbols(predictions: LabelPredictions, most: int = 2) -> list[str]:
    """First symbols among those with nearly the most rows that have both truth and forecast."""
    scored = np.isfinite(predictions.truth) & np.isfinite(predictions.forecast).all(axis=1)
    counts = pd.Series(scored).groupby(predictions.symbols, sort=False).sum()
    counts = counts[counts > 0]
    full = counts >= 0.9 * counts.max()
    ordered = [*counts.index[full], *counts[~full].sort_values(ascending=False).index]
    return [str(symbol) for symbol in ordered[:most]]


def newest(predictions: LabelPredictions, symbol: str, rows: int) -> LabelPredictions:
    """Keep the last `rows` times of one symbol, in time; of a time forecast twice, the later."""
    at = np.flatnonzero(predictions.symbols == symbol)
    at = at[np.argsort(predictions.times.asi8[at], kind="stable")]
    clock = predictions.times.asi8[at]
    last = np.append(clock[1:] != clock[:-1], True)
    at = at[last][-rows:]
    return LabelPredictions(
        times=predictions.times[at],
        symbols=predictions.symbols[at],
        truth=_finite(predictions.truth[at]),
        forecast=_finite(predictions.forecast[at]),
        yardstick=_finite(predictions.yardstick[at]),
    )


def _finite(values: Floats) -> Floats:
    """Leave a gap where a model diverged."""
    return np.where(np.isfinite(values), values, np.nan)

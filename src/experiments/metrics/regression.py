"""Metrics of a forecast number.

In: truths and forecasts, (S,) cells or (T, N) grids with NaN. Out: figures.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def mae(truth: Floats, forecast: Floats) -> float:
    """Return the mean absolute error of (S,) cells."""
    return float(np.abs(forecast - truth).mean())


def rmse(truth: Floats, forecast: Floats) -> float:
    """Return the root of the mean squared error of (S,) cells."""
    return math.sqrt(float(((forecast - truth) ** 2).mean()))


def pooled_r2(truth: Floats, forecast: Floats) -> float:
    """Return R2 of all (S,) cells about their one mean; NaN if the truth does not vary.

    Between symbols of different levels it is high for whoever knows the levels: `symbol_r2` is the
    figure to read.
    """
    total = float(((truth - truth.mean()) ** 2).sum())
    if np.ptp(truth) == 0:
        return math.nan
    return 1 - float(((forecast - truth) ** 2).sum()) / total


def symbol_r2(truth: Floats, forecast: Floats) -> Floats:
    """Return each symbol's own R2, about the mean of its test cells.

    Parameters
    ----------
    truth, forecast : (T, N), NaN where missing

    Returns
    -------
    (N,)
        NaN for a symbol with fewer than two cells or a truth that does not vary.
    """
    there = np.isfinite(truth) & np.isfinite(forecast)
    count = there.sum(0)
    y = np.where(there, truth, 0.0)
    mean = y.sum(0) / np.maximum(count, 1)
    total = np.where(there, (truth - mean) ** 2, 0.0).sum(0)
    errors = np.where(there, (forecast - truth) ** 2, 0.0).sum(0)
    spread = np.where(there, truth, -np.inf).max(0) > np.where(there, truth, np.inf).min(0)
    usable = spread & (total > 0)
    share: Floats = np.divide(errors, total, out=np.full(len(total), np.nan), where=usable)
    return 1 - share


def direction(truth: Floats, forecast: Floats) -> float:
    """Return the share of (S,) cells whose sign is right; NaN if every truth is 0.

    Truths of exactly 0 are left out. A forecast of exactly 0 names no direction and counts half.
    """
    moved = truth != 0
    if not moved.any():
        return math.nan
    agreement = np.sign(truth[moved]) * np.sign(forecast[moved])
    return float((1 + agreement).mean() / 2)


def qlike(truth: Floats, forecast: Floats) -> float:
    """Return the mean of v/f - log(v/f) - 1 of (S,) log variances (Patton 2011).

    v = exp(truth), f = exp(forecast). A forecast of the mean log variance lies below the log of the
    mean variance, and nothing is added for that here: forecasters are scored as they stand.
    """
    ratio = truth - forecast
    # Beyond exp(700) a float64 overflows; such a forecast is as bad as a number can say.
    return float((np.exp(np.minimum(ratio, 700.0)) - ratio - 1).mean())

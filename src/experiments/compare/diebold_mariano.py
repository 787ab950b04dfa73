"""Diebold-Mariano: the losses of two forecasts at the same times in; whether they differ, out."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from ..bootstrap import LEAST_TIMES

Floats = npt.NDArray[np.float64]


def diebold_mariano(losses: Floats, others: Floats, horizon: int) -> tuple[float, float]:
    """Test that two forecasts lose the same on average (Diebold and Mariano 1995).

    The variance of the mean difference is that of Newey and West (1987), with the Bartlett kernel
    over the larger of ``horizon - 1`` and ``4 (T / 100) ** (2 / 9)`` lags. The statistic is
    corrected for small samples, and read from Student's t with T - 1 degrees of freedom, as Harvey,
    Leybourne and Newbold (1997) do.

    Parameters
    ----------
    losses, others : (T,)
        At the same times, in time order, averaged over symbols at each.
    horizon : rows
        That the forecasts look ahead: so far their errors overlap.

    Returns
    -------
    statistic, p
        Positive where `losses` are the larger; p is two-sided. NaN below 30 times, below twice the
        horizon, or where the difference is always the same; (0, 1) where it is always 0.
    """
    difference, T = losses - others, len(losses)
    if T and not difference.any():
        return 0.0, 1.0
    h = max(1, horizon)
    constant = T and np.ptp(difference) <= 1e-12 * np.abs(difference).max()
    if constant or max(LEAST_TIMES, 2 * h) > T:
        return math.nan, math.nan
    lags = min(max(h - 1, int(4 * (T / 100) ** (2 / 9))), T - 1)
    variance = long_run_variance(difference, lags) / T
    if not variance > 0:
        return math.nan, math.nan
    small = math.sqrt((T + 1 - 2 * h + h * (h - 1) / T) / T)
    statistic = float(small * difference.mean() / math.sqrt(variance))
    return statistic, float(2 * student.sf(abs(statistic), T - 1))


def long_run_variance(series: Floats, lags: int) -> float:
    """Return the Newey-West variance of (T,), with the Bartlett kernel; autocovariances over T.

    >>> long_run_variance(np.array([1.0, -1.0, 1.0, -1.0]), 0)
    1.0
    """
    centred = series - series.mean()
    T = len(series)
    total = float(centred @ centred) / T
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        total += 2 * weight * float(centred[lag:] @ centred[:-lag]) / T
    return total

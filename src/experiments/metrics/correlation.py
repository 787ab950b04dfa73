"""Information coefficients: how well a forecast orders the symbols of a time.

In: (T, N) grids with NaN. Out: one correlation across symbols a time, and their summary.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

LEAST_SYMBOLS = 5
"""A correlation over fewer symbols than this is not counted."""


def cross_correlation(truth: Floats, forecast: Floats) -> Floats:
    """Return Pearson's correlation across symbols at each time (the IC).

    Parameters
    ----------
    truth, forecast : (T, N)

    Returns
    -------
    (T,)
        NaN at times with fewer than `LEAST_SYMBOLS` symbols, or where either side does not vary.
    """
    there = np.isfinite(truth) & np.isfinite(forecast)
    count = there.sum(1)
    sides = []
    varies = count >= LEAST_SYMBOLS
    for side in (truth, forecast):
        mean = np.where(there, side, 0.0).sum(1) / np.maximum(count, 1)
        centred = np.where(there, side - mean[:, None], 0.0)
        widest = np.where(there, side, -np.inf).max(1, initial=-np.inf)
        varies = varies & (widest > np.where(there, side, np.inf).min(1, initial=np.inf))
        # A scale of 1 keeps the squares of tiny numbers from vanishing.
        scale = np.abs(centred).max(1, initial=0.0)
        sides.append(centred / np.where(scale > 0, scale, 1.0)[:, None])
    y, f = sides
    below = np.sqrt((y**2).sum(1) * (f**2).sum(1))
    usable = varies & (below > 0)
    nothing = np.full(len(y), np.nan)
    return np.asarray(np.divide((y * f).sum(1), below, out=nothing, where=usable))


def rank_correlation(truth: Floats, forecast: Floats) -> Floats:
    """Return Spearman's correlation across symbols at each time (the rank IC), ties averaged."""
    there = np.isfinite(truth) & np.isfinite(forecast)
    y, f = (
        pd.DataFrame(np.where(there, side, np.nan)).rank(axis=1).to_numpy()
        for side in (truth, forecast)
    )
    return cross_correlation(y, f)


def mean_and_ratio(coefficients: Floats) -> tuple[float, float]:
    """Return the mean over times, and it over the standard deviation (IC and ICIR)."""
    there = coefficients[np.isfinite(coefficients)]
    if len(there) == 0:
        return math.nan, math.nan
    mean = float(there.mean())
    spread = float(there.std(ddof=1)) if len(there) > 1 else 0.0
    # Correlations are of order 1: a spread below rounding error is none.
    return mean, mean / spread if spread > 1e-12 else math.nan

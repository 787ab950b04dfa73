"""Skill and its interval, from losses that were already averaged over symbols at each time.

In: two loss series (T,), the model's and a yardstick's. Out: 1 - their ratio, with a 95% interval
by the stationary bootstrap. Times are resampled, never rows: rows of correlated symbols are not
independent, and resampling them finds skill in noise.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
from arch.bootstrap import StationaryBootstrap, optimal_block_length

Floats = npt.NDArray[np.float64]

LEAST_TIMES = 30
"""Fewer times than this say nothing about an interval."""


def skill(model: Floats, other: Floats) -> float:
    """Return 1 - mean(model) / mean(other): the share of the other's loss that the model saves.

    Parameters
    ----------
    model, other : (T,) losses, not negative

    Returns
    -------
    float
        NaN if `other` is without any loss and the model is not: nothing can be saved; 0 if neither
        has any.

    Examples
    --------
    >>> skill(np.array([3.0, 3.0]), np.array([4.0, 4.0]))
    0.25
    """
    mine, theirs = float(model.mean()), float(other.mean())
    if theirs > 0:
        return float(_rounded(np.array(1 - mine / theirs)))
    return 0.0 if mine == 0 else math.nan


def _rounded(draws: Floats) -> Floats:
    """Take for 0 what float32 arithmetic alone can make of two equal forecasts."""
    return np.where(np.abs(draws) < 1e-6, 0.0, draws)


def block_length(differential: Floats, lookahead: int) -> float:
    """Return the mean block length, in times, for resampling a loss differential.

    The automatic choice of Politis and White (2004), corrected by Patton, Politis and White (2009),
    and at least the label's lookahead: labels that overlap share their errors.

    Parameters
    ----------
    differential : (T,) loss of the yardstick minus loss of the model, in time order
    lookahead : rows
    """
    least = float(max(1, lookahead))
    if len(differential) < LEAST_TIMES or np.ptp(differential) == 0:
        return least
    # A scale near 1 keeps the estimator's squares from underflowing on tiny losses.
    scaled = (differential - differential.mean()) / differential.std()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        best = float(optimal_block_length(scaled)["stationary"].iloc[0])
    return max(least, best) if math.isfinite(best) else least


def skill_interval(
    model: Floats,
    other: Floats,
    block: float,
    seed: int,
    replications: int = 1000,
    coverage: float = 0.95,
) -> tuple[float, float]:
    """Return the bootstrap percentile interval of `skill` (Politis and Romano 1994).

    Parameters
    ----------
    model, other : (T,) losses of the same times, in time order
    block : mean block length, in times
    seed : int
        The same seed gives the same interval.

    Returns
    -------
    low, high : float
        NaN below `LEAST_TIMES` times, or if `other` has no loss to save.
    """
    if len(model) < LEAST_TIMES or not other.mean() > 0:
        return math.nan, math.nan
    T, both = len(model), np.stack([model, other], axis=1)
    sampler = StationaryBootstrap(block, np.arange(T), seed=seed)
    sums = np.stack(
        [
            np.bincount(sampler.update_indices(), minlength=T).astype(np.float64) @ both
            for _ in range(replications)
        ]
    )
    mine, theirs = sums[:, 0], sums[:, 1]
    # A replication may draw only times at which the yardstick was perfect.
    empty = np.where(mine > 0, -np.inf, 0.0)
    draws = _rounded(1 - np.divide(mine, theirs, out=1 - empty, where=theirs > 0))
    tail = (1 - coverage) / 2
    # An order statistic, since interpolation next to an infinity is NaN.
    low, high = np.quantile(draws, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)

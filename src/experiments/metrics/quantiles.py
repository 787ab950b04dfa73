"""Metrics of quantile forecasts.

In: truths (S,) and quantiles (S, Q), all finite. Out: losses and coverages.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def pinball(truth: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Return the (S, Q) pinball losses, whose expectation each true quantile minimises.

    Examples
    --------
    >>> pinball(np.array([1.0]), np.array([[0.0, 3.0]]), [0.25, 0.75])
    array([[0.25, 0.5 ]])
    """
    error = truth[:, None] - quantiles
    level = np.asarray(levels)
    return np.maximum(level * error, (level - 1) * error)


def below(truth: Floats, quantiles: Floats) -> Floats:
    """Return, for each of the (Q,) levels, the share of truths at or below the forecast."""
    return np.asarray((truth[:, None] <= quantiles).mean(0))


def central_coverage(
    truth: Floats, quantiles: Floats, levels: Sequence[float]
) -> dict[float, float]:
    """Return nominal coverage -> share of truths inside, for each pair of levels a and 1 - a."""
    inside: dict[float, float] = {}
    for i, low in enumerate(levels):
        for j, high in enumerate(levels):
            if low < high and abs(low + high - 1) < 1e-9:
                hits = (truth >= quantiles[:, i]) & (truth <= quantiles[:, j])
                inside[round(high - low, 9)] = float(hits.mean())
    return inside

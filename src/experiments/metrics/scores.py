"""All metrics of one forecaster on one label.

In: truths (S,), forecasts (S, Q), each cell's place on the (time, symbol) grid. Out: figures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...data.labels import Label
from . import classification, correlation, quantiles, regression

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def score(
    label: Label, truth: Floats, values: Floats, times: Ints, symbols: Ints
) -> dict[str, float]:
    """Return the metrics of the label's task, in display order.

    Parameters
    ----------
    truth : (S,) finite, own units or class index
    values : (S, Q) finite, as `label.quantities`
    times, symbols : (S,) places on the grid, no two cells the same

    Returns
    -------
    dict
        regression: RMSE, MAE, R2, R2 pooled, direction (returns), QLIKE (log variances), IC, ICIR,
        rank IC, rank ICIR. Classes: accuracy, majority, balanced accuracy, MCC, log loss, Brier,
        ECE. Quantiles: pinball, pinball and share below each level, cover of each central interval.
    """
    if label.classes:
        return _class_scores(truth, values)
    if label.task == "quantile":
        return _quantile_scores(label, truth, values)
    return _regression_scores(label, truth, values[:, 0], times, symbols)


def _regression_scores(
    label: Label, truth: Floats, forecast: Floats, times: Ints, symbols: Ints
) -> dict[str, float]:
    y, f = (_grid(side, times, symbols) for side in (truth, forecast))
    own = regression.symbol_r2(y, f)
    figures = {
        "RMSE": regression.rmse(truth, forecast),
        "MAE": regression.mae(truth, forecast),
        "R2": float(own[np.isfinite(own)].mean()) if np.isfinite(own).any() else np.nan,
        "R2 pooled": regression.pooled_r2(truth, forecast),
    }
    if label.measure == "return":
        figures["direction"] = regression.direction(truth, forecast)
    if label.measure == "log_variance":
        figures["QLIKE"] = regression.qlike(truth, forecast)
    figures["IC"], figures["ICIR"] = correlation.mean_and_ratio(correlation.cross_correlation(y, f))
    ranks = correlation.rank_correlation(y, f)
    figures["rank IC"], figures["rank ICIR"] = correlation.mean_and_ratio(ranks)
    return figures


def _class_scores(truth: Floats, probabilities: Floats) -> dict[str, float]:
    counts = classification.confusion(truth, probabilities)
    return {
        "accuracy": classification.accuracy(counts),
        "majority": classification.majority_accuracy(counts),
        "balanced accuracy": classification.balanced_accuracy(counts),
        "MCC": classification.matthews(counts),
        "log loss": classification.log_loss(truth, probabilities),
        "Brier": float(classification.brier(truth, probabilities).mean()),
        "ECE": classification.calibration_error(truth, probabilities),
    }


def _quantile_scores(label: Label, truth: Floats, values: Floats) -> dict[str, float]:
    losses = quantiles.pinball(truth, values, label.levels).mean(0)
    figures = {"pinball": float(losses.mean())}
    for name, loss in zip(label.quantities, losses, strict=True):
        figures[f"pinball {name}"] = float(loss)
    for name, share in zip(label.quantities, quantiles.below(truth, values), strict=True):
        figures[f"below {name}"] = float(share)
    for nominal, share in quantiles.central_coverage(truth, values, label.levels).items():
        figures[f"cover {nominal:.4g}"] = share
    return figures


def _grid(cells: Floats, times: Ints, symbols: Ints) -> Floats:
    """Lay (S,) cells out as (T, N), NaN where there is none."""
    grid = np.full((times.max() + 1, symbols.max() + 1), np.nan)
    grid[times, symbols] = cells
    return grid

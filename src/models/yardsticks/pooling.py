"""Pooling: one set of a shape's parameters for all symbols, or each symbol its own.

In: train cells. Out: parameters as JSON, and forecasts from them.

Neither choice is right everywhere. Where symbols differ (levels of volatility), pooling is a weak
yardstick; where they do not (mean returns), each symbol's own estimate carries noise that a pooled
model beats without knowing anything. So the train rows decide: both are fitted on their first two
thirds and the one with the lower loss on the last third is fitted again on all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.labels import Label
from .base import Cells, one_hot
from .shapes import Shape

Floats = npt.NDArray[np.float64]

LEAST_CELLS = 50
"""A symbol with fewer train cells than this takes the pooled parameters."""


def fit_shape(shape: Shape, cells: Cells, x: Floats | None = None) -> dict[str, Any] | None:
    """Fit a shape, pooled or per symbol, to the cells where y and x (C,) are finite.

    Returns
    -------
    dict or None
        ``pooled``: parameters (P,); ``own``: symbol -> parameters, empty where pooling is better.
        None if no cell is finite.
    """
    x = np.zeros(len(cells.y)) if x is None else x
    there = np.isfinite(cells.y) & np.isfinite(x)
    if not there.any():
        return None
    y, x, rows, cols = cells.y[there], x[there], cells.rows[there], cells.cols[there]
    own: dict[str, list[float]] = {}
    if len(np.unique(cols)) > 1 and _own_is_better(shape, cells.label, y, x, rows, cols):
        found = _estimate_each(shape, y, x, cols)
        own = {cells.symbols[n]: values.tolist() for n, values in found.items()}
    return {"pooled": shape.estimate(y, x).tolist(), "own": own}


def forecast_shape(
    shape: Shape, fitted: dict[str, Any], cells: Cells, x: Floats | None = None
) -> Floats:
    """Return (C, Q) forecasts, NaN where x (C,) is; an unknown symbol takes the pooled fit."""
    x = np.zeros(len(cells.rows)) if x is None else x
    table = np.array([fitted["own"].get(name, fitted["pooled"]) for name in cells.symbols])
    answers = np.full((len(x), len(cells.label.quantities)), np.nan)
    there = np.isfinite(x)
    answers[there] = shape.forecast(table[cells.cols[there]], x[there])
    return answers


def mean_loss(label: Label, y: Floats, forecast: Floats) -> float:
    """Return the mean loss of finite cells: squared error, Brier (over classes) or pinball."""
    if label.task == "quantile":
        level = np.asarray(label.levels)
        error = y[:, None] - forecast
        return float(np.maximum(level * error, (level - 1) * error).mean())
    target = one_hot(y, label.classes) if label.classes else y[:, None]
    return float(((forecast - target) ** 2).sum(1).mean())


def _own_is_better(
    shape: Shape,
    label: Label,
    y: Floats,
    x: Floats,
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
) -> bool:
    cut = np.quantile(rows, 2 / 3)
    late = rows >= cut
    early = rows < cut - label.lookahead
    if not early.any():
        return False
    pooled = shape.estimate(y[early], x[early])
    table = np.tile(pooled, (int(cols.max()) + 1, 1))
    each = _estimate_each(shape, y[early], x[early], cols[early])
    for n, values in each.items():
        table[n] = values
    shared = np.tile(pooled, (int(late.sum()), 1))
    loss_shared = mean_loss(label, y[late], shape.forecast(shared, x[late]))
    loss_own = mean_loss(label, y[late], shape.forecast(table[cols[late]], x[late]))
    return loss_own < loss_shared


def _estimate_each(
    shape: Shape, y: Floats, x: Floats, cols: npt.NDArray[np.int64]
) -> dict[int, Floats]:
    """Return symbol index -> parameters, of the symbols with enough cells."""
    order = np.argsort(cols, kind="stable")
    names, starts = np.unique(cols[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {
        int(n): shape.estimate(y[part], x[part])
        for n, part in zip(names, parts, strict=True)
        if len(part) >= LEAST_CELLS
    }

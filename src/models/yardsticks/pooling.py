"""Pooling: one set of a shape's parameters for all symbols, or each symbol its own.

In: train cells. Out: parameters as JSON, and forecasts from them.

Neither choice is right everywhere. Where symbols differ (levels of volatility), pooling is a weak
yardstick; where they do not (mean returns), each symbol's own estimate carries noise that a pooled
model beats without knowing anything. So the train rows decide: each third of their time is forecast
from the other two, and symbols get parameters of their own if that lowers the loss in every third.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.labels import Label
from .base import Cells, one_hot
from .shapes import Shape

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLOCKS = 3
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
    shape: Shape, label: Label, y: Floats, x: Floats, rows: Ints, cols: Ints
) -> bool:
    edges = np.quantile(rows, np.linspace(0, 1, BLOCKS + 1))
    edges[-1] += 1
    for start, stop in pairwise(edges):
        held = (rows >= start) & (rows < stop)
        rest = (rows < start - label.lookahead) | (rows >= stop + label.lookahead)
        if not held.any() or not rest.any():
            return False
        pooled = shape.estimate(y[rest], x[rest])
        shared = np.tile(pooled, (int(cols.max()) + 1, 1))
        own = shared.copy()
        for n, values in _estimate_each(shape, y[rest], x[rest], cols[rest]).items():
            own[n] = values
        loss_own, loss_shared = (
            mean_loss(label, y[held], shape.forecast(table[cols[held]], x[held]))
            for table in (own, shared)
        )
        if loss_own >= loss_shared:
            return False
    return True


def _estimate_each(shape: Shape, y: Floats, x: Floats, cols: Ints) -> dict[int, Floats]:
    """Return symbol index -> parameters, of the symbols with enough cells."""
    order = np.argsort(cols, kind="stable")
    names, starts = np.unique(cols[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {
        int(n): shape.estimate(y[part], x[part])
        for n, part in zip(names, parts, strict=True)
        if len(part) >= LEAST_CELLS
    }

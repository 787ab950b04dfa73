"""EWMA: the target's known past, the newest weighing the most.

In: the target's known history. Out: its exponentially weighted mean, class shares or quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...data.labels import Label
from ...errors import ConfigError
from ...ranges import Share
from .base import Cells, Floats, Yardstick, one_hot
from .pooling import fit_shape, forecast_shape, mean_loss
from .shapes import QuantilesAbout, QuantilesTimes, Shape

ALPHAS = (0.01, 0.03, 0.06, 0.12, 0.25, 0.5)
"""Weights of the newest value; 0.06 is RiskMetrics' for daily returns (J. P. Morgan 1996)."""


class Ewma(Yardstick):
    """Exponentially weighted mean of what is known of the target, by its task.

    A number: the mean of its values. Classes: the mean of their indicators. Quantiles: train
    quantiles of y / v, times the v of the day (v the root of the mean of squares), or the mean plus
    train quantiles of y less it. The weight, one for all symbols so that it is well determined, and
    for quantiles the form, are those of the lowest loss on the train rows; the quantiles are of
    each symbol or of all together, as the train rows say (see `pooling`).

    Parameters
    ----------
    alphas : numbers in (0, 1)
        Weights of the newest value to choose from.
    """

    def __init__(self, alphas: Sequence[Share] = ALPHAS) -> None:
        super().__init__()
        if not isinstance(alphas, Sequence) or not alphas or not all(_share(a) for a in alphas):
            raise ConfigError(
                f"model.alphas={alphas} must be a list of numbers between 0 and 1, both excluded"
            )
        self.alphas = tuple(alphas)

    @property
    def past(self) -> int | None:
        """All of the target's past: a mean with these weights never ends."""
        return None

    def fit_label(self, cells: Cells) -> dict[str, Any] | None:
        """Choose the weight and, for quantiles, the form."""
        if cells.label.task == "quantile":
            return self._fit_quantiles(cells)
        losses = {}
        for alpha in self.alphas:
            forecast = _weighted(cells, alpha)
            there = np.isfinite(cells.y) & np.isfinite(forecast).all(1)
            if there.any():
                losses[alpha] = mean_loss(cells.label, cells.y[there], forecast[there])
        return {"alpha": min(losses, key=losses.__getitem__)} if losses else None

    def _fit_quantiles(self, cells: Cells) -> dict[str, Any] | None:
        losses = {}
        for alpha in self.alphas:
            for form in ("scale", "level"):
                x = _condition(cells, form, alpha)
                there = np.isfinite(cells.y) & np.isfinite(x)
                if there.any():
                    shape, y, x = _shape(cells.label, form), cells.y[there], x[there]
                    shared = np.tile(shape.estimate(y, x), (len(y), 1))
                    losses[alpha, form] = mean_loss(cells.label, y, shape.forecast(shared, x))
        if not losses:
            return None
        alpha, form = min(losses, key=losses.__getitem__)
        fitted = fit_shape(_shape(cells.label, form), cells, _condition(cells, form, alpha))
        return {"alpha": alpha, "form": form, "quantiles": fitted}

    def predict_label(self, cells: Cells, fitted: dict[str, Any]) -> Floats:
        """Forecast from all that is known at each row."""
        if cells.label.task != "quantile":
            return _weighted(cells, fitted["alpha"])
        x = _condition(cells, fitted["form"], fitted["alpha"])
        return forecast_shape(_shape(cells.label, fitted["form"]), fitted["quantiles"], cells, x)


def _share(alpha: Any) -> bool:
    return isinstance(alpha, int | float) and 0 < alpha < 1


def ewma(history: Floats, alpha: float) -> Floats:
    """Return the weighted mean (T, N) of the rows up to each, a missing one taking no weight.

    NaN before the first value. Weights are normalised, so that early rows are plain means.
    """
    weighted = pd.DataFrame(history).ewm(alpha=alpha, adjust=True, ignore_na=True).mean()
    return np.asarray(weighted.to_numpy(dtype=np.float64))


def _weighted(cells: Cells, alpha: float) -> Floats:
    """Return (C, 1) means of a number, or (C, classes) mean indicators."""
    if not cells.label.classes:
        return ewma(cells.history, alpha)[cells.rows, cells.cols][:, None]
    indicators = one_hot(cells.history.reshape(-1), cells.label.classes)
    shares = [
        ewma(indicators[:, k].reshape(cells.history.shape), alpha)[cells.rows, cells.cols]
        for k in range(cells.label.classes)
    ]
    return np.stack(shares, axis=1)


def _condition(cells: Cells, form: str, alpha: float) -> Floats:
    if form == "level":
        return np.asarray(ewma(cells.history, alpha)[cells.rows, cells.cols])
    return np.sqrt(ewma(cells.history**2, alpha)[cells.rows, cells.cols])


def _shape(label: Label, form: str) -> Shape:
    return QuantilesTimes(label.levels) if form == "scale" else QuantilesAbout(label.levels)

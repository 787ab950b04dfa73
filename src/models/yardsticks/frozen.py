"""Frozen future: the part of a target that is known already, were every price to stand still.

In: the frozen-future values of the windows. Out: they themselves, or what train rows make of them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ...data.labels import Label, Task
from .base import Cells, Floats, Yardstick, one_hot
from .pooling import fit_shape, forecast_shape
from .shapes import FrequenciesGiven, Line, QuantilesAbout, Shape


class FrozenFuture(Yardstick):
    """The frozen-future value as it is, or certainty of its class.

    It has no parameters. Not applicable to quantiles, since one value is no distribution, nor where
    no train row has a finite value (the log variance of a bar that stands still).
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"regression", "binary", "classification"})

    def fit_label(self, cells: Cells) -> dict[str, Any] | None:
        """Learn nothing but whether it applies."""
        applies = cells.label.task != "quantile" and bool(np.isfinite(cells.frozen).any())
        return {} if applies else None

    def predict_label(self, cells: Cells, fitted: dict[str, Any]) -> Floats:
        """Return the frozen value, NaN where it is not finite."""
        if cells.label.classes:
            return one_hot(cells.frozen, cells.label.classes)
        return np.where(np.isfinite(cells.frozen), cells.frozen, np.nan)[:, None]


class FrozenFutureFitted(Yardstick):
    """What train rows make of the frozen-future value.

    A number: a line on it, which is the mean where it never varies (a next-day return). Classes:
    Laplace-smoothed frequencies given its class. Quantiles: it plus the train quantiles of what was
    realised minus it. Of each symbol or of all together, as the train rows say (see `pooling`).
    """

    def fit_label(self, cells: Cells) -> dict[str, Any] | None:
        """Estimate from train cells with a finite frozen value; None without any."""
        return fit_shape(_shape(cells.label), cells, cells.frozen)

    def predict_label(self, cells: Cells, fitted: dict[str, Any]) -> Floats:
        """Return the forecast given the frozen value, NaN where that is not finite."""
        return forecast_shape(_shape(cells.label), fitted, cells, cells.frozen)


def _shape(label: Label) -> Shape:
    if label.classes:
        return FrequenciesGiven(label.classes)
    return QuantilesAbout(label.levels) if label.task == "quantile" else Line()

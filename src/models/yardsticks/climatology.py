"""Climatology: what usually happens, whatever happens now.

In: the train rows' labels. Out: their mean, class frequencies or quantiles, the same at all times.
"""

from __future__ import annotations

from typing import Any

from ...data.labels import Label
from .base import Cells, Floats, Yardstick
from .pooling import fit_shape, forecast_shape
from .shapes import Frequencies, Mean, Quantiles, Shape


class Climatology(Yardstick):
    """Train mean, Laplace-smoothed class frequencies, or quantiles.

    Of each symbol or of all together, as the train rows themselves say (see `pooling`).
    """

    def fit_label(self, cells: Cells) -> dict[str, Any] | None:
        """Estimate from the train cells."""
        return fit_shape(_shape(cells.label), cells)

    def predict_label(self, cells: Cells, fitted: dict[str, Any]) -> Floats:
        """Repeat the symbol's estimate at each time."""
        return forecast_shape(_shape(cells.label), fitted, cells)


def _shape(label: Label) -> Shape:
    if label.classes:
        return Frequencies(label.classes)
    return Quantiles(label.levels) if label.task == "quantile" else Mean()

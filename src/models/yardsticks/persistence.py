"""Persistence: the newest realised value of the target comes again.

In: the target's known past. Out: its newest value, as certain class, or amid train quantiles.
"""

from __future__ import annotations

from typing import Any

from .base import RECENT, Cells, Floats, Yardstick, one_hot
from .pooling import fit_shape, forecast_shape
from .shapes import QuantilesAbout


class Persistence(Yardstick):
    """Repeat the newest realised value, at most 22 rows old; what overlaps t is not yet realised.

    Classes: certainty of the newest class. Quantiles: the newest value plus the train quantiles of
    what was realised minus it, of each symbol or of all together as the train rows say.
    """

    @property
    def past(self) -> int | None:
        """Rows of the target's own past that a forecast reads."""
        return RECENT

    def fit_label(self, cells: Cells) -> dict[str, Any] | None:
        """Learn quantiles; a number or a class needs nothing."""
        if cells.label.task == "quantile":
            return fit_shape(QuantilesAbout(cells.label.levels), cells, cells.newest())
        return {}

    def predict_label(self, cells: Cells, fitted: dict[str, Any]) -> Floats:
        """Return the newest value, NaN where there is none."""
        newest = cells.newest()
        if cells.label.classes:
            return one_hot(newest, cells.label.classes)
        if cells.label.task == "quantile":
            return forecast_shape(QuantilesAbout(cells.label.levels), fitted, cells, newest)
        return newest[:, None]

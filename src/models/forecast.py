"""Forecast: what every model returns, in the target's own units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..data.labels import Label


@dataclass(frozen=True)
class Forecast:
    """Forecasts for S samples, each a (time, symbol).

    Attributes
    ----------
    times : (S,) datetime64[ns, UTC]
        Decision times: each forecast uses only what was knowable then.
    symbols : (S,) names
    labels : what was forecast
    values : label name -> (S, Q) float64
        Q follows ``label.quantities``: the mean; the quantiles; or the class probabilities, which
        sum to 1. NaN where the model has no answer.
    """

    times: pd.DatetimeIndex
    symbols: npt.NDArray[np.object_]
    labels: tuple[Label, ...]
    values: Mapping[str, npt.NDArray[np.float64]]

    def frame(self) -> pd.DataFrame:
        """Return the long table: time, symbol, target, horizon, quantity, value."""
        parts = []
        for label in self.labels:
            values = self.values[label.name]
            for q, quantity in enumerate(label.quantities):
                parts.append(
                    pd.DataFrame(
                        {
                            "time": self.times,
                            "symbol": self.symbols,
                            "target": label.target,
                            "horizon": label.horizon,
                            "quantity": quantity,
                            "value": values[:, q],
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)


def concatenate(forecasts: Sequence[Forecast]) -> Forecast:
    """Join the forecasts of several folds, in their order."""
    first = forecasts[0]
    return Forecast(
        times=pd.DatetimeIndex(first.times.append([f.times for f in forecasts[1:]])),
        symbols=np.concatenate([f.symbols for f in forecasts]),
        labels=first.labels,
        values={
            label.name: np.concatenate([f.values[label.name] for f in forecasts])
            for label in first.labels
        },
    )

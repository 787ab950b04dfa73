"""Forecast: what every model returns, in the target's own units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..data.labels import Label
from ..errors import DataError

if TYPE_CHECKING:
    from ..data.windows import Windows


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


def in_own_units(
    windows: Windows, raw: Mapping[str, npt.NDArray[np.floating]], *, scaled: bool = True
) -> Forecast:
    """Turn a model's output into a Forecast of the same samples.

    Parameters
    ----------
    windows : Windows of S samples
    raw : label name -> (S, n_out, Q)
    scaled : bool
        Whether numbers and quantiles are in the fold's scaled units, and are turned back.

    Raises
    ------
    DataError
        If the model answered another shape.
    """
    values = {}
    for k, label in enumerate(windows.labels):
        answers = np.asarray(raw[label.name], dtype=np.float64)
        expected = (len(windows), windows.n_out, len(label.quantities))
        if answers.shape != expected:
            raise DataError(f"the model answered {answers.shape} for {label.name}, not {expected}")
        if scaled and not label.classes:
            columns = np.arange(windows.n_out) * len(windows.labels) + k
            center = windows.scalers.labels.center[columns]
            scale = windows.scalers.labels.scale[columns]
            answers = answers * scale[None, :, None] + center[None, :, None]
        values[label.name] = answers.reshape(-1, answers.shape[2])
    return Forecast(windows.times, windows.symbols, windows.labels, values)


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

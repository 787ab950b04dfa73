"""Tables of forecasts: predictions.parquet of a run, and what predict shows on the screen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.table import Table

from ..models.forecast import Forecast


def predictions_table(
    truth: Mapping[str, npt.NDArray[np.float64]],
    forecasts: Mapping[str, Forecast],
    folds: npt.NDArray[np.int64],
) -> pd.DataFrame:
    """Return the long table of several forecasters.

    Parameters
    ----------
    truth : label name -> (S,)
    forecasts : forecaster's name -> Forecast of the same S samples
    folds : (S,)

    Returns
    -------
    DataFrame
        model, fold, time, symbol, target, horizon, quantity, value, truth. `truth` is the realised
        value in the target's units, or the number of the realised class.
    """
    parts = []
    for name, forecast in forecasts.items():
        frame = forecast.frame()
        repeats = [len(label.quantities) for label in forecast.labels]
        frame.insert(0, "model", name)
        frame.insert(1, "fold", np.tile(folds, sum(repeats)))
        frame["truth"] = np.concatenate(
            [
                np.tile(truth[label.name], times)
                for label, times in zip(forecast.labels, repeats, strict=True)
            ]
        )
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def render(table: pd.DataFrame, limit: int = 60) -> Table:
    """Show the newest `limit` forecasts, one row a time, symbol, target and horizon."""
    wide = table.pivot_table(
        index=["time", "symbol", "target", "horizon"],
        columns="quantity",
        values="value",
        sort=False,
    ).reset_index()
    wide = wide.sort_values("time", kind="stable")
    title = (
        f"forecasts, the newest {limit} of {len(wide)} rows" if len(wide) > limit else "forecasts"
    )
    screen = Table(title=title, title_justify="left")
    for name in wide.columns:
        number = name not in ("time", "symbol", "target")
        screen.add_column(str(name), justify="right" if number else "left")
    for row in wide.tail(limit).itertuples(index=False):
        time, symbol, target, horizon, *values = row
        screen.add_row(
            f"{time:%Y-%m-%d %H:%M} UTC",
            symbol,
            target,
            str(horizon),
            *(f"{v:.5g}" for v in values),
        )
    return screen

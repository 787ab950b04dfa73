"""Suspected splits: bars flow in, the moves that look like a split which nobody adjusted flow out.

A split shows at the open, by a simple ratio, and the day goes on quietly. A crash falls within the
day, or by any amount. Spin-offs and mergers that were not adjusted can look like splits, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .companion import DAY, UTC_ALONE, Zones, session_days

LEAST = 0.25
"""A close that moved no further than this share from the one before is not looked at."""
WHOLE = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 100.0)
PARTS = (4 / 3, 3 / 2, 5 / 3, 5 / 2)
"""New shares for an old one; shares are consolidated by whole numbers only."""
OVERNIGHT = 0.09
"""How far, in logs, the open may lie from the split: news come overnight as well."""
NEAR = {"whole": 0.05, "parts": 0.03}
"""How far, in logs, the closer of open and close may lie from it: parts of a share are so many that
a wider net would catch any crash."""
QUIET = 0.25
"""How far the price may go from open to close, as a share of the split in logs."""
PAUSE = 31 * DAY
"""A move over a longer pause says nothing about a split."""

RATIOS = np.array([*WHOLE, *PARTS, *(1 / whole for whole in WHOLE)])
TOLERANCE = np.array(
    [NEAR["whole"]] * len(WHOLE) + [NEAR["parts"]] * len(PARTS) + [NEAR["whole"]] * len(WHOLE)
)

Floats = npt.NDArray[np.float64]


def suspected_splits(bars: pd.DataFrame, zones: Zones = UTC_ALONE) -> pd.DataFrame:
    """List moves of the close that look like splits which nobody adjusted.

    Parameters
    ----------
    bars : DataFrame
        As `validate_bars` returns them.
    zones : symbol -> time zone
        Of the exchange that dates it; UTC where it is not named.

    Returns
    -------
    DataFrame
        date (of the session, without a zone), symbol, move (close over the close before, less 1),
        ratio (new shares for an old one: the nearest simple one). Written as CSV it is what
        `attach_ratios` reads.
    """
    close = bars["close"].to_numpy()
    codes = bars["symbol"].cat.codes.to_numpy()
    before, now = close[:-1], close[1:]
    # Without a division: prices of zero and below have no ratio.
    far = (now > (1 + LEAST) * before) | (now < (1 - LEAST) * before)
    row = np.flatnonzero(far & (codes[1:] == codes[:-1]) & (before > 0) & (now > 0)) + 1
    if not len(row):
        return _table(bars, row, np.empty(0), np.empty(0), zones)
    time = pd.DatetimeIndex(bars["time"]).asi8
    row = row[time[row] - time[row - 1] <= PAUSE]
    by_close = np.log(close[row - 1] / close[row])
    opens = bars["open"].to_numpy()[row]
    opens = np.where(opens > 0, opens, np.nan)
    by_open = np.log(close[row - 1] / opens)
    opened = ~np.isnan(by_open)
    shown = np.where(opened, by_open, by_close)
    logs = np.log(RATIOS)
    nearest = np.abs(shown[:, None] - logs).argmin(axis=1)
    size, slack = logs[nearest], TOLERANCE[nearest]
    off_open, off_close = np.abs(shown - size), np.abs(by_close - size)
    alike = (np.minimum(off_open, off_close) <= slack) & (off_open <= OVERNIGHT)
    alike &= np.abs(by_close - shown) <= QUIET * np.abs(size)
    kept = row[alike]
    return _table(bars, kept, close[kept] / close[kept - 1] - 1, RATIOS[nearest[alike]], zones)


def _table(
    bars: pd.DataFrame, rows: npt.NDArray[np.int64], move: Floats, ratio: Floats, zones: Zones
) -> pd.DataFrame:
    there = bars.iloc[rows]
    columns: dict[str, Any] = {
        "date": pd.DatetimeIndex((session_days(there, zones) * DAY).view("datetime64[ns]")),
        "symbol": there["symbol"].astype("str").to_numpy(dtype=object),
        "move": move,
        "ratio": ratio,
    }
    return pd.DataFrame(columns)

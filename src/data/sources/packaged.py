"""Real bars that are installed with arch: S&P 500 and NASDAQ, closes of VIX and WTI.

Nothing flows in; daily rows of US sessions flow out. They need no network and no account.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import pandas as pd

from ...errors import DataError, nearest
from .source import Source

MODULES = {"SP500": "sp500", "NASDAQ": "nasdaq", "VIX": "vix", "WTI": "wti"}

NAMES = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
    "vix": "close",
    "DCOILWTICO": "close",
}


class Packaged(Source):
    """The market data of arch.data.

    SP500 and NASDAQ have OHLCV from 1999 to 2018; VIX (2014 to 2019) and WTI (1986 to 2019) have
    closes. Two dates flatter: VIX is quoted for 15 minutes after the close in New York that dates
    it here, and WTI is a spot price that the EIA publishes some days after the date it bears.

    Parameters
    ----------
    symbols : names
        Which of SP500, NASDAQ, VIX and WTI to load.
    """

    exchange = "XNYS"

    def __init__(self, symbols: Sequence[str] = ("SP500", "NASDAQ")) -> None:
        for symbol in symbols:
            if symbol not in MODULES:
                raise DataError(f"arch.data has no bars of {symbol!r}{nearest(symbol, MODULES)}")
        self.symbols = tuple(symbols)

    @property
    def description(self) -> str:
        """Name the package and the symbols."""
        return f"arch.data: {', '.join(self.symbols)}"

    def load(self) -> pd.DataFrame:
        """Return the rows of all symbols; days without a quote are left out."""
        parts: list[pd.DataFrame] = []
        for symbol in self.symbols:
            rows = import_module(f"arch.data.{MODULES[symbol]}").load().rename(columns=NAMES)
            rows = rows[rows["close"].notna()].rename_axis("date").reset_index()
            parts.append(rows.assign(symbol=symbol))
        return pd.DataFrame(pd.concat(parts, ignore_index=True))

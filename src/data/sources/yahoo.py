"""Yahoo Finance: tickers flow in, their daily or intraday bars flow out.

Prices are as Yahoo gives them: adjusted for splits, but not for dividends (``adj_close`` is).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...errors import DataError
from ..bars.markets import Market
from .source import Fetched, Fetching, RemoteSource
from .yahoo_markets import market_of
from .yahoo_request import MINUTES, requests_of, window_of

COLUMNS = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
    "Adj Close": "adj_close",
    "Dividends": "dividends",
    # Not "ratio": Yahoo has already adjusted the prices for them.
    "Stock Splits": "stock_splits",
}

IN_A_ROW = 4
"""How many symbols may fail one after the other before the fault is taken to be Yahoo's."""


class Yahoo(RemoteSource):
    """Bars of Yahoo Finance.

    Parameters
    ----------
    symbols : list of tickers, or name -> ticker, or name -> {ticker, interval, period, start}
        What to ask for, and the names that the bars are to have.
    interval : str
        1m, 2m, 5m, 15m, 30m, 60m, 1h or 1d, for symbols that do not say otherwise.
    start : date, optional
        From when on. Default: all that Yahoo has: of 1m some 8 days, of other minutes 60 days, of
        hours two years.
    period : str, optional
        In place of a start: a window that ends now and moves with it, such as 5d, 6mo or 2y.
    """

    def __init__(
        self,
        symbols: Sequence[str] | Mapping[str, str | Mapping[str, Any]],
        interval: str = "1d",
        start: str | None = None,
        period: str | None = None,
    ) -> None:
        self._request = requests_of(
            symbols, {"interval": interval, "start": start, "period": period}
        )

    @property
    def description(self) -> str:
        """One line on where the bars are from."""
        return "Yahoo Finance"

    @property
    def request(self) -> Mapping[str, Mapping[str, Any]]:
        """What is asked for each symbol: its ticker, interval, period and start."""
        return self._request

    def fetch(self, since: Mapping[str, pd.Timestamp | None], how: Fetching) -> Fetched:
        """Return the rows of some symbols, each from an instant (UTC) on, or from the beginning.

        Raises
        ------
        DataError
            Yahoo's rate limit does not end, or Yahoo does not answer at all.
        """
        # Imported here: they take a second, and only a fetch needs them.
        from . import yahoo_http
        from .asking import (
            RateLimitError,
            RefusedError,
            UnavailableError,
            UnreachableError,
            ask_all,
        )

        frames: dict[str, pd.DataFrame] = {}
        missing: dict[str, str] = {}
        markets: dict[str, Market] = {}
        unfinished: list[str] = []
        given_up = 0
        tries = f"after {how.retries + 1} tries" if how.retries else "at the first try"

        def ask(symbol: str) -> pd.DataFrame:
            return self._ask(symbol, since[symbol], how.timeout, yahoo_http.ask_chart)

        def answered(symbol: str, answer: pd.DataFrame | UnavailableError | RefusedError) -> None:
            nonlocal given_up
            given_up = given_up + 1 if isinstance(answer, UnavailableError) else 0
            if isinstance(answer, RateLimitError):
                raise DataError(
                    f"Yahoo's rate limit (HTTP 429) did not end, {tries} of {symbol}: wait some "
                    "minutes, then ask more slowly, as with fetch.requests=1 fetch.pause=2"
                )
            if isinstance(answer, UnreachableError):
                raise DataError(f"Yahoo cannot be reached: {answer}; check the network")
            if given_up > max(how.requests, IN_A_ROW):
                raise DataError(
                    f"Yahoo does not answer: {symbol}: {answer}, {tries}, and so for the "
                    f"{given_up - 1} symbols before; try again later"
                )
            if isinstance(answer, RefusedError):
                missing[symbol] = str(answer)
            elif isinstance(answer, UnavailableError):
                missing[symbol] = f"{answer}, {tries}"
            elif answer.empty:
                missing[symbol] = "no bars; unknown or delisted"
            else:
                if answer.attrs.pop("unfinished", False):
                    unfinished.append(symbol)
                markets[symbol] = answer.attrs.pop("market")
                frames[symbol] = answer
            how.progress(symbol, len(frames) + len(missing), len(since))

        ask_all(list(since), ask, answered, how)
        rows = pd.concat(
            [frames[symbol].assign(symbol=symbol) for symbol in since if symbol in frames]
            or [pd.DataFrame(columns=["date", "symbol", *COLUMNS.values()])],
            ignore_index=True,
        )
        if unfinished:
            names = ", ".join(sorted(unfinished))
            rows.attrs["notes"] = [f"the newest bar has no close yet and was dropped: {names}"]
        ordered = {symbol: missing[symbol] for symbol in since if symbol in missing}
        return Fetched(rows, ordered, markets)

    def _ask(
        self,
        symbol: str,
        since: pd.Timestamp | None,
        timeout: float,
        ask_chart: Callable[..., pd.DataFrame],
    ) -> pd.DataFrame:
        asked = self._request[symbol]
        start, period = window_of(asked, since)
        chart = ask_chart(
            asked["ticker"], asked["interval"], start=start, period=period, timeout=timeout
        )
        opened = pd.DatetimeIndex(chart.index)
        if asked["start"] is not None:
            chart = chart[opened.tz_localize(None) >= pd.Timestamp(asked["start"])]
        rows = chart_rows(chart, asked["interval"])
        rows.attrs["market"] = market_of(chart.attrs.get("meta", {}), str(opened.tz))
        return rows


def chart_rows(chart: pd.DataFrame, interval: str) -> pd.DataFrame:
    """Turn yfinance's frame into a source's rows.

    Parameters
    ----------
    chart : DataFrame
        One row a bar, its index when the bar opened, with the exchange's time zone.
    interval : str

    Returns
    -------
    DataFrame
        `COLUMNS` and ``date``, the exchange's own, or ``time`` and ``opened``. Newest bars without
        a close are left out, and ``attrs["unfinished"]`` is then true.
    """
    closed = np.flatnonzero(chart["Close"].notna())
    finished = int(closed[-1]) + 1 if len(closed) else 0
    unfinished = finished < len(chart)
    chart = chart.iloc[:finished]
    opened = pd.DatetimeIndex(chart.index)
    rows = chart[list(COLUMNS)].rename(columns=COLUMNS).reset_index(drop=True)
    if interval == "1d":
        rows.insert(0, "date", opened.tz_localize(None).normalize().as_unit("ns"))
    else:
        opened = opened.tz_convert("UTC").as_unit("ns")
        rows.insert(0, "time", opened + pd.Timedelta(minutes=MINUTES[interval]))
        rows.insert(1, "opened", opened)
    rows.attrs = {"unfinished": unfinished}
    return rows

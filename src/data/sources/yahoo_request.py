"""What to ask Yahoo Finance: symbols as a config states them in, a checked request for each out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...errors import ConfigError, nearest

MINUTES = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60}
INTERVALS = (*MINUTES, "1d")

PERIOD = re.compile(r"([1-9]\d*)(d|wk|mo|y)")
COUNTED_BY_YAHOO = re.compile(r"[1-9]\d*d|[136]mo|[125]y|10y")
"""Periods that Yahoo counts itself, days in sessions; others become a start."""

DAYS_KEPT = {"1m": 8, "2m": 60, "5m": 60, "15m": 60, "30m": 60, "60m": 730, "1h": 730}
"""For how many days Yahoo serves intraday bars; it refuses to be asked for older ones."""

Request = dict[str, Any]
"""Of one symbol: ticker, interval, period and start, as JSON values."""


def requests_of(
    symbols: Sequence[str] | Mapping[str, str | Mapping[str, Any]], usual: Mapping[str, Any]
) -> dict[str, Request]:
    """Return what is asked for each symbol.

    Parameters
    ----------
    symbols
        As `Yahoo` takes them.
    usual
        Interval, start and period of symbols that do not say otherwise.

    Raises
    ------
    ConfigError
    """
    named: Mapping[Any, Any]
    if isinstance(symbols, str):
        raise ConfigError(f"source.symbols={symbols} must be a list, as in [{symbols}]")
    if isinstance(symbols, Mapping):
        named = symbols
    else:
        named = {ticker: ticker for ticker in symbols}
        if len(named) < len(symbols):
            twice = next(t for t in named if list(symbols).count(t) > 1)
            raise ConfigError(f"source.symbols names {twice} twice")
    if not named:
        raise ConfigError("source.symbols must name at least one symbol")
    return {_text(name, "a symbol"): _asked(name, one, usual) for name, one in named.items()}


def window_of(asked: Request, since: pd.Timestamp | None) -> tuple[pd.Timestamp | None, str | None]:
    """Return the start, or the period that Yahoo counts, or neither: all that it has.

    Parameters
    ----------
    asked : Request
    since : instant, optional
        From when on; it takes the place of the request's own start and period.

    Returns
    -------
    start, period
        The start is a day before the request's own, which is a date of the exchange's zone: there,
        it may begin before it does in UTC.
    """
    period = asked["period"]
    if since is None and asked["start"] is not None:
        since = pd.Timestamp(asked["start"], tz="UTC") - pd.Timedelta(days=1)
    if since is None:
        counted = period is None or COUNTED_BY_YAHOO.fullmatch(period)
        return (None, period) if counted else (_start_of(period), None)
    kept = DAYS_KEPT.get(asked["interval"])
    if kept is not None and since < pd.Timestamp.now("UTC") - pd.Timedelta(days=kept):
        return None, None
    return since, None


def _asked(name: Any, one: Any, usual: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked for one symbol, checked, as JSON values."""
    own: Mapping[str, Any] = one if isinstance(one, Mapping) else {"ticker": one}
    where = f"source.symbols.{name}"
    for key in own:
        if key not in ("ticker", *usual):
            raise ConfigError(f"{where} has the key {key!r}{nearest(str(key), ('ticker', *usual))}")
    # A window of its own takes the place of the usual one, however that is stated.
    window = own if own.get("start") or own.get("period") else usual
    start, period = window.get("start"), window.get("period")
    if start is not None and period is not None:
        raise ConfigError(f"{where}: give start={start} or period={period}, not both")
    interval = str(own.get("interval") or usual["interval"])
    if interval not in INTERVALS:
        raise ConfigError(f"{where}: interval={interval}: choose {', '.join(INTERVALS)}")
    if period is not None and not PERIOD.fullmatch(str(period)):
        raise ConfigError(f"{where}: period={period} is none; write it as 5d, 6mo or 2y")
    return {
        "ticker": _text(own.get("ticker", name), f"the ticker of {name}").upper(),
        "interval": interval,
        "period": None if period is None else str(period),
        "start": None if start is None else _date(start, where),
    }


def _text(name: Any, what: str) -> str:
    if isinstance(name, bool):
        raise ConfigError(f"source.symbols: YAML reads {what} as {name}; put it in quotes, as 'ON'")
    if not str(name or "").strip():
        raise ConfigError(f"source.symbols: {what} is empty")
    return str(name)


def _date(text: Any, where: str) -> str:
    try:
        return str(pd.Timestamp(str(text)).date())
    except ValueError:
        raise ConfigError(f"{where}: start={text} is not a date; write it as 2015-01-31") from None


def _start_of(period: str) -> pd.Timestamp:
    count, unit = PERIOD.fullmatch(period).groups()  # type: ignore[union-attr]
    today = pd.Timestamp.now("UTC").normalize()
    if unit in ("mo", "y"):
        return today - pd.DateOffset(months=int(count) * (12 if unit == "y" else 1))
    return today - pd.Timedelta(days=int(count) * (7 if unit == "wk" else 1))

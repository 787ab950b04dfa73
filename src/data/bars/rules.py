"""The rules that no bar may break: typed bars flow in, marks of the broken ones flow out.

A later rule may assume that the earlier ones hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..panel import PRICE_FIELDS

ROUNDING = 1e-6
"""How far, relative to the price, open and close may lie outside low and high: adjusted prices
are rounded."""

LARGEST = 1e30
"""No price and no volume comes near it; windows are float32, which end at 3e38."""

FIRST_ZONE = pd.Timedelta(hours=14)
"""The earth's first time zone, where a day begins before it does elsewhere."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """One thing that cannot be true of a bar.

    Attributes
    ----------
    summary : str
        It, in a few words.
    broken : frame of B bars -> (B,) bool
    text : one bar -> str
        How this bar breaks the rule.
    """

    summary: str
    broken: Callable[[pd.DataFrame], Mask]
    text: Callable[[Any], str]


def bar_rules(allow_negative: bool, made_up: bool = False) -> tuple[Rule, ...]:
    """Return the rules in the order in which they are tried; made-up bars may lie in the future."""
    return (
        INFINITE,
        TOO_LARGE,
        *(() if allow_negative else (NOT_POSITIVE,)),
        *CONSISTENT,
        REPEATED,
        *(() if made_up else (FUTURE,)),
    )


def _any(frame: pd.DataFrame, columns: list[str], test: Callable[[Any], Any]) -> Mask:
    mask = np.zeros(len(frame), dtype=bool)
    for column in columns:
        mask |= test(frame[column].to_numpy())
    return mask


def _first(row: Any, test: Callable[[Any], Any]) -> str:
    column = next(c for c, value in row.items() if isinstance(value, float) and test(value))
    return f"{column} {row[column]:g}"


def _not_positive(frame: pd.DataFrame) -> Mask:
    prices = [c for c in PRICE_FIELDS if c in frame]
    return _any(frame, prices, lambda values: values <= 0)


def _infinite(frame: pd.DataFrame) -> Mask:
    return _any(frame, list(frame.columns[frame.dtypes == "float64"]), np.isinf)


def _too_large(values: Any) -> Any:
    return np.abs(values) > LARGEST


def _future(frame: pd.DataFrame) -> Mask:
    """Mark daily bars of a day that has begun nowhere, and other bars that have not closed."""
    now = pd.Timestamp.now("UTC")
    ahead = (frame["time"] > now).to_numpy()
    if not ahead.any() or frame["date"].dt.tz is not None:
        return np.asarray(ahead)
    today = (now + FIRST_ZONE).tz_localize(None).normalize()
    dates = frame["date"]
    return np.asarray(np.where(dates.notna(), dates > today, ahead))


def _high_below_low(frame: pd.DataFrame) -> Mask:
    high, low = frame["high"].to_numpy(), frame["low"].to_numpy()
    return np.asarray(high < low - ROUNDING * np.abs(low))


def _outside(frame: pd.DataFrame) -> Mask:
    high, low = frame["high"].to_numpy(), frame["low"].to_numpy()

    def test(price: Any) -> Any:
        slack = ROUNDING * np.abs(price)
        return (price > high + slack) | (price < low - slack)

    return _any(frame, ["open", "close"], test)


def _repeated(frame: pd.DataFrame) -> Mask:
    """Mark the second of two bars with one symbol and one time; bars are sorted by both."""
    codes, time = frame["symbol"].cat.codes.to_numpy(), pd.DatetimeIndex(frame["time"]).asi8
    mask = np.zeros(len(frame), dtype=bool)
    mask[1:] = (codes[1:] == codes[:-1]) & (time[1:] == time[:-1])
    return mask


INFINITE = Rule("infinite", _infinite, lambda r: f"{_first(r, np.isinf)} is infinite")
TOO_LARGE = Rule(
    "too large a number",
    lambda frame: _any(frame, list(frame.columns[frame.dtypes == "float64"]), _too_large),
    lambda r: f"{_first(r, _too_large)} is too large to be true",
)
NOT_POSITIVE = Rule(
    "price not positive",
    _not_positive,
    lambda r: (
        f"{_first(r.loc[r.index.intersection(PRICE_FIELDS)], lambda v: v <= 0)} is not positive "
        "(dataset.allow_negative=true accepts it)"
    ),
)
CONSISTENT = (
    Rule(
        "high below low",
        _high_below_low,
        lambda r: f"high {r['high']:g} is below low {r['low']:g}",
    ),
    Rule(
        "open or close outside low and high",
        _outside,
        lambda r: (
            f"open {r['open']:g} or close {r['close']:g} is outside "
            f"low {r['low']:g} and high {r['high']:g}"
        ),
    ),
    Rule(
        "negative volume",
        lambda frame: np.asarray(frame["volume"].to_numpy() < 0),
        lambda r: f"volume {r['volume']:g} is negative",
    ),
)
REPEATED = Rule("repeated", _repeated, lambda _: "this bar occurs twice")
FUTURE = Rule("in the future", _future, lambda _: "this bar lies in the future")

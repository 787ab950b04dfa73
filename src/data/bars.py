"""What a bar may be: a source's rows flow in, sorted bars that a pandera schema accepts flow out.

Every refusal is one line that names the symbol, the date and the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import DataError, nearest
from .panel import PRICE_FIELDS

BASE = ("open", "high", "low", "close", "volume")
"""The columns that bars always have; all but the close may be missing from a source, and are NaN."""

ROUNDING = 1e-6
"""How far, relative to the price, a close may lie outside low and high: adjusted prices are rounded."""

Mask = npt.NDArray[np.bool_]
OnInvalid = Literal["raise", "drop"]


@dataclass(frozen=True)
class Validated:
    """Bars and what was left out of them.

    Attributes
    ----------
    bars : DataFrame
        ``time`` (datetime64[ns, UTC]), ``symbol`` (categorical, categories sorted), then float64:
        open, high, low, close, volume and the source's other columns. Sorted by symbol and time.
    notes : sentences
        One for each kind of row that was dropped, with its count.
    """

    bars: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Rule:
    """`broken(frame)` marks the rows that break the rule; `text(row)` says how one row does."""

    summary: str
    broken: Callable[[pd.DataFrame], Mask]
    text: Callable[[Any], str]


def validate_bars(
    frame: pd.DataFrame,
    *,
    name: str,
    allow_negative: bool = False,
    on_invalid: OnInvalid = "raise",
) -> Validated:
    """Turn a source's rows into bars, or refuse them.

    Parameters
    ----------
    frame : DataFrame
        ``time`` (datetime64, UTC: the instant from which the bar was knowable), ``symbol``,
        ``close``, and any of open, high, low, volume and other numeric columns. A ``date`` column,
        if there is one, only names rows in messages.
    name : str
        The dataset, to begin each message with.
    allow_negative : bool
        Accept prices of zero and below (spreads, rates, oil in April 2020).
    on_invalid : "raise" or "drop"
        Whether a bar that breaks a rule ends the load, or is left out and counted.

    Raises
    ------
    DataError
        A column is missing or holds text, or a bar is infinite, not positive, repeated, has a
        negative volume or a high or low that the other prices contradict.
    """
    missing = [column for column in ("time", "symbol", "close") if column not in frame]
    if missing:
        hint = nearest(missing[0], [str(c) for c in frame.columns])
        raise DataError(f"{name}: there is no column {missing[0]!r}{hint}")
    bars, notes = _typed(frame, name)
    for rule in _rules(allow_negative) if on_invalid == "drop" else ():
        if (bad := rule.broken(bars)).any():
            notes.append(f"{bad.sum()} bars dropped: {rule.summary}")
            bars = bars[~bad].reset_index(drop=True)
    if bars.empty:
        raise DataError(f"{name}: there is not a single row with a close; check the source")
    _check(bars, name, allow_negative)
    return Validated(bars.drop(columns="date"), tuple(notes))


def _typed(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Give every column its type, drop rows without a close, and sort by symbol and time."""
    if frame["symbol"].isna().any():
        row = int(frame["symbol"].isna().to_numpy().argmax())
        raise DataError(f"{name}: row {row + 1} has no symbol")
    columns: dict[str, Any] = {
        "date": frame["date"] if "date" in frame else frame["time"],
        "time": frame["time"].dt.as_unit("ns"),
        "symbol": _categories(frame["symbol"]),
    }
    others = [str(c) for c in frame.columns if c not in ("time", "date", "symbol", *BASE)]
    for column in (*BASE, *others):
        columns[column] = _numbers(frame, column, name) if column in frame else np.nan
    bars = pd.DataFrame(columns, index=frame.index)
    notes = []
    if (lacking := bars["close"].isna().to_numpy()).any():
        notes.append(f"{lacking.sum()} rows without a close dropped")
        bars = bars[~lacking]
    codes = bars["symbol"].cat.codes.to_numpy()
    time = pd.DatetimeIndex(bars["time"]).asi8
    ahead = codes[1:] > codes[:-1]
    if not (ahead | ((codes[1:] == codes[:-1]) & (time[1:] >= time[:-1]))).all():
        bars = bars.take(np.lexsort((time, codes)))
    return bars.reset_index(drop=True), notes


def _categories(symbols: pd.Series[Any]) -> pd.Series[Any]:
    if not isinstance(symbols.dtype, pd.CategoricalDtype):
        symbols = symbols.astype(str).astype("category")
    categories = symbols.cat.categories
    if not categories.is_monotonic_increasing:
        symbols = symbols.cat.reorder_categories(sorted(categories))
    return symbols


def _numbers(frame: pd.DataFrame, column: str, name: str) -> pd.Series[Any]:
    values = frame[column]
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        numbers = pd.to_numeric(values, errors="coerce")
        if (text := (numbers.isna() & values.notna()).to_numpy()).any():
            row = frame[text].iloc[0]
            raise DataError(
                f"{name}: {_where(row)}: {row[column]!r} in column {column!r} is not a number"
            )
        values = numbers
    return values.astype(np.float64)


def _rules(allow_negative: bool) -> list[_Rule]:
    """Return the rules in the order in which they are tried; a later one may assume the earlier."""

    def numeric(f: pd.DataFrame) -> list[str]:
        return [c for c in f.columns if c not in ("date", "time", "symbol")]

    def prices(f: pd.DataFrame) -> list[str]:
        return [c for c in f.columns if c in PRICE_FIELDS]

    def any_of(f: pd.DataFrame, columns: list[str], test: Callable[[Any], Any]) -> Mask:
        mask = np.zeros(len(f), dtype=bool)
        for column in columns:
            mask |= test(f[column].to_numpy())
        return mask

    def first(row: Any, columns: list[str], test: Callable[[Any], Any]) -> str:
        column = next(c for c in columns if test(row[c]))
        return f"{column} {row[column]:g}"

    def low_over_high(f: pd.DataFrame) -> Mask:
        high, low = f["high"].to_numpy(), f["low"].to_numpy()
        return np.asarray(high < low - ROUNDING * np.abs(low))

    def outside(f: pd.DataFrame) -> Mask:
        high, low = f["high"].to_numpy(), f["low"].to_numpy()
        mask = np.zeros(len(f), dtype=bool)
        for column in ("open", "close"):
            price = f[column].to_numpy()
            slack = ROUNDING * np.abs(price)
            mask |= (price > high + slack) | (price < low - slack)
        return mask

    def repeated(f: pd.DataFrame) -> Mask:
        codes, time = f["symbol"].cat.codes.to_numpy(), pd.DatetimeIndex(f["time"]).asi8
        mask = np.zeros(len(f), dtype=bool)
        mask[1:] = (codes[1:] == codes[:-1]) & (time[1:] == time[:-1])
        return mask

    def not_positive(values: Any) -> Any:
        return values <= 0

    rules = [
        _Rule(
            "infinite",
            lambda f: any_of(f, numeric(f), np.isinf),
            lambda r: f"{first(r, numeric(r.to_frame().T), np.isinf)} is infinite",
        ),
        _Rule(
            "high below low",
            low_over_high,
            lambda r: f"high {r['high']:g} is below low {r['low']:g}",
        ),
        _Rule(
            "open or close outside low and high",
            outside,
            lambda r: (
                f"open {r['open']:g} or close {r['close']:g} is outside "
                f"low {r['low']:g} and high {r['high']:g}"
            ),
        ),
        _Rule(
            "negative volume",
            lambda f: np.asarray(f["volume"].to_numpy() < 0),
            lambda r: f"volume {r['volume']:g} is negative",
        ),
        _Rule("repeated", repeated, lambda _: "this bar occurs twice"),
    ]
    if not allow_negative:
        rules.insert(
            1,
            _Rule(
                "price not positive",
                lambda f: any_of(f, prices(f), not_positive),
                lambda r: (
                    f"{first(r, prices(r.to_frame().T), not_positive)} is not positive "
                    "(allow_negative=true accepts it)"
                ),
            ),
        )
    return rules


def _check(bars: pd.DataFrame, name: str, allow_negative: bool) -> None:
    # Imported here: it takes half a second, and reading a snapshot does without.
    import pandera.pandas as pa

    rules = {rule.summary: rule for rule in _rules(allow_negative)}
    schema = pa.DataFrameSchema(
        {
            "time": pa.Column("datetime64[ns, UTC]"),
            "symbol": pa.Column(pd.CategoricalDtype),
            **{c: pa.Column("float64", nullable=True) for c in bars.columns[3:]},
        },
        checks=[
            pa.Check(
                lambda f, rule=rule: pd.Series(~rule.broken(f), index=f.index),
                error=summary,
                n_failure_cases=1,
            )
            for summary, rule in rules.items()
        ],
    )
    try:
        schema.validate(bars, inplace=True)
    except pa.errors.SchemaError as error:
        rule = rules.get(getattr(error.check, "error", ""))
        if rule is None:
            raise DataError(f"{name}: {str(error).splitlines()[0]}") from None
        row = bars.iloc[int(rule.broken(bars).argmax())]
        raise DataError(
            f"{name}: {_where(row)}: {rule.text(row)}; mend the source, or leave such bars out "
            "with on_invalid=drop"
        ) from None


def _where(row: Any) -> str:
    stamp = pd.Timestamp(row["date"] if "date" in row else row["time"])
    midnight = stamp == stamp.normalize()
    return f"{row['symbol']} {stamp.date() if midnight else stamp.strftime('%Y-%m-%d %H:%M')}"

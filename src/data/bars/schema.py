"""What a bar may be: a source's rows flow in, sorted bars that a pandera schema accepts flow out.

Every refusal is one line that names the symbol, the date and the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ...errors import DataError, nearest
from ..wording import counted
from .rules import Rule, bar_rules

BASE = ("open", "high", "low", "close", "volume")
"""The columns that bars always have; all but the close may be missing from a source, hence NaN."""

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


def validate_bars(
    frame: pd.DataFrame,
    *,
    name: str,
    allow_negative: bool = False,
    on_invalid: OnInvalid = "raise",
    made_up: bool = False,
) -> Validated:
    """Turn a source's rows into bars, or refuse them.

    Parameters
    ----------
    frame : DataFrame
        ``time`` (datetime64, UTC: the instant from which the bar was knowable), ``symbol``,
        ``close``, and any of open, high, low, volume and other numeric columns. A ``date`` column,
        if there is one, is the session of a daily bar; it names rows in messages.
    name : str
        The dataset, to begin each message with.
    allow_negative : bool
        Accept prices of zero and below (spreads, rates, oil in April 2020).
    on_invalid : "raise" or "drop"
        Whether a bar that breaks a rule ends the load, or is left out and counted.
    made_up : bool
        Invented bars may lie in the future.

    Raises
    ------
    DataError
        A column is missing or holds text, or a bar is infinite, not positive, repeated, has a
        negative volume or a high or low that the other prices contradict, or lies in the future.
    """
    for column in ("time", "symbol", "close"):
        if column not in frame:
            known = [str(c) for c in frame.columns]
            raise DataError(f"{name}: there is no column {column!r}{nearest(column, known)}")
    bars, notes = _typed(frame, name)
    if bars.empty:
        raise DataError(f"{name}: there is not a single row with a close; check the source")
    rules = bar_rules(allow_negative, made_up=made_up)
    broken: dict[str, int] = {}
    for rule in rules if on_invalid == "drop" else ():
        if (bad := rule.broken(bars)).any():
            broken[rule.summary] = int(bad.sum())
            notes.append(f"{counted(broken[rule.summary])} dropped: {rule.summary}")
            bars = bars[~bad].reset_index(drop=True)
    if bars.empty:
        told = ", ".join(f"{summary} ({count:,})" for summary, count in broken.items())
        raise DataError(f"{name}: every bar breaks a rule: {told}; check the source")
    _accept(bars, rules, name)
    return Validated(bars.drop(columns="date"), tuple(notes))


def _typed(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Give every column its type, drop rows without a close, and sort by symbol and time."""
    if (nameless := frame["symbol"].isna().to_numpy()).any():
        raise DataError(f"{name}: row {int(nameless.argmax()) + 1} has no symbol")
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
        notes.append(f"{counted(int(lacking.sum()), 'row')} without a close dropped")
        bars = bars[~lacking]
    codes = bars["symbol"].cat.codes.to_numpy()
    time = pd.DatetimeIndex(bars["time"]).asi8
    same = codes[1:] == codes[:-1]
    if not ((codes[1:] > codes[:-1]) | (same & (time[1:] >= time[:-1]))).all():
        bars = bars.take(np.lexsort((time, codes)))
    return bars.reset_index(drop=True), notes


def _categories(symbols: pd.Series[Any]) -> pd.Series[Any]:
    if not isinstance(symbols.dtype, pd.CategoricalDtype):
        symbols = symbols.astype("str").astype("category")
    categories = symbols.cat.categories
    if not categories.is_monotonic_increasing:
        symbols = symbols.cat.reorder_categories(sorted(categories))
    return symbols.cat.remove_unused_categories()


def _numbers(frame: pd.DataFrame, column: str, name: str) -> pd.Series[Any]:
    values = frame[column]
    if not pd.api.types.is_numeric_dtype(values):
        numbers = pd.to_numeric(values, errors="coerce")
        if (text := (numbers.isna() & values.notna()).to_numpy()).any():
            row = frame[text].iloc[0]
            raise DataError(
                f"{name}: {_where(row)}: {row[column]!r} in column {column!r} is not a number"
            )
        values = numbers
    return values.astype("float64")


def _accept(bars: pd.DataFrame, rules: tuple[Rule, ...], name: str) -> None:
    """Refuse bars that break the schema, naming the first one."""
    # Imported here: it takes a moment, and reading a snapshot does without.
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {
            "time": pa.Column("datetime64[ns, UTC]"),
            "symbol": pa.Column(pd.CategoricalDtype),
            **{c: pa.Column("float64", nullable=True) for c in bars.columns[3:]},
        },
        checks=[
            pa.Check(
                lambda f, rule=rule: pd.Series(~rule.broken(f), index=f.index),
                error=rule.summary,
                n_failure_cases=1,
                ignore_na=False,
            )
            for rule in rules
        ],
    )
    try:
        schema.validate(bars, inplace=True)
    except pa.errors.SchemaError as error:
        broken = [rule for rule in rules if rule.summary == getattr(error.check, "error", None)]
        if not broken:
            raise DataError(f"{name}: {str(error).splitlines()[0]}") from None
        row = bars.iloc[int(broken[0].broken(bars).argmax())]
        raise DataError(
            f"{name}: {_where(row)}: {broken[0].text(row)}; mend the source, or leave such bars "
            "out with dataset.on_invalid=drop"
        ) from None


def _where(row: Any) -> str:
    daily = "date" in row and not pd.isna(row["date"])
    stamp = pd.Timestamp(row["date"] if daily else row["time"])
    midnight = stamp == stamp.normalize()
    return f"{row['symbol']} {stamp.date() if midnight else stamp.strftime('%Y-%m-%d %H:%M')}"

"""Export: series of bars flow in, the files that other programs read flow out, as bytes."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..bars.calendars import time_zone
from .file_names import file_names
from .series import Series

Floats = npt.NDArray[np.float64]
Columns = list[tuple[str, Any]]
"""Headers, which may occur twice, and the (B,) values below each."""

FIRST = ("open", "high", "low", "close", "adj_close", "volume")
"""Columns of a bar in the order of the files."""

CACHED = ("open", "high", "low", "close", "volume", "dividends", "stock_splits")
"""Values that every bar of the JSON cache has, null where the snapshot does not know them."""


def csv_files(
    series: tuple[Series, ...], combined: str, tidy: str, clock: str
) -> Iterator[tuple[str, bytes]]:
    """Write one file a symbol, one of all closes and one of all bars.

    The two files of all symbols hold the daily series; the intraday ones, stamped in the zone of
    the clock, where there are no others.

    Parameters
    ----------
    series : of any number of symbols
    combined, tidy : str
        Names of the files of all symbols. The combined one has a row a date and a column a symbol,
        then a column ``<symbol>_ROI``: close over the symbol's last close, less 1, and 0 at its
        first; both empty where there is no bar. The tidy one has a row a bar.
    clock : str

    Yields
    ------
    (name, bytes)
        UTF-8; numbers with all their digits, and nothing where there is no value.
    """
    names = file_names([s.symbol for s in series], ".csv", taken=[combined, tidy])
    for one in series:
        yield names[one.symbol], _csv(_bars(one))
    together = shared_series(series)
    if together and together[0].length is None:
        stamps = [one.dates.strftime("%Y-%m-%d") for one in together]
    else:
        zone = time_zone(clock)
        stamps = [one.stamps.tz_convert(zone).map(str) for one in together]
    yield combined, _csv(_closes(together, stamps))
    yield tidy, _csv(_tidy(together, stamps))


def shared_series(series: tuple[Series, ...]) -> tuple[Series, ...]:
    """Return the series that the files of all symbols hold: the daily ones, if there are any."""
    return tuple(one for one in series if one.length is None) or series


def json_cache(series: tuple[Series, ...], request: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Write all series as one cache: ``timestamp``, ``fetched_keys``, ``series.<key>.meta, data``.

    A daily bar has a ``Date``, midnight of its session in the zone of the exchange; an intraday one
    a ``Datetime``, its open. A value that is not known is null.
    """
    text = io.StringIO()
    stamp = json.dumps(datetime.now(UTC).isoformat())
    keys = json.dumps([one.symbol for one in series])
    text.write(f'{{\n "timestamp": {stamp},\n "fetched_keys": {keys},\n "series": {{')
    for number, one in enumerate(series):
        asked = {str(k): v for k, v in request.get(one.symbol, {}).items() if v is not None}
        interval = "1d" if one.length is None else _interval(one.length)
        meta = {"ticker": one.symbol, "interval": interval, **asked}
        text.write("," if number else "")
        text.write(
            f'\n  {json.dumps(one.symbol)}: {{\n   "meta": {json.dumps(meta)},\n   "data": ['
        )
        for place, row in enumerate(_records(one)):
            text.write(("," if place else "") + "\n    " + json.dumps(row, allow_nan=False))
        text.write("\n   ]\n  }")
    text.write("\n }\n}\n")
    return text.getvalue().encode()


def _interval(length: pd.Timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    return f"{minutes // 60}h" if minutes and minutes % 60 == 0 else f"{minutes}m"


def _title(column: str) -> str:
    return column.replace("_", " ").title()


def _columns(values: pd.DataFrame) -> list[str]:
    """Return the columns that have a value, those of every bar first."""
    known = [str(c) for c in values.columns if values[c].notna().any()]
    return [c for c in FIRST if c in known] + [c for c in known if c not in FIRST]


def _bars(one: Series) -> Columns:
    kept = [(_title(c), one.values[c].to_numpy()) for c in _columns(one.values)]
    if one.length is None:
        return [("Date", one.dates.strftime("%Y-%m-%d")), *kept]
    return [("Datetime", one.stamps.map(str)), *kept]


def _closes(together: tuple[Series, ...], stamps: list[pd.Index[Any]]) -> Columns:
    rows = pd.Index(sorted(set().union(*stamps)))
    closes, gains = [], []
    for one, stamp in zip(together, stamps, strict=True):
        close = one.values["close"].to_numpy()
        gain = np.zeros(len(close))
        with np.errstate(divide="ignore", invalid="ignore"):
            gain[1:] = close[1:] / close[:-1] - 1
        at = rows.get_indexer(stamp)
        closes.append((one.symbol, _placed(close, at, len(rows))))
        gains.append((f"{one.symbol}_ROI", _placed(gain, at, len(rows))))
    return [("", rows), *closes, *gains]


def _placed(values: Floats, at: Any, rows: int) -> Floats:
    placed = np.full(rows, np.nan)
    placed[at] = values
    return placed


def _tidy(together: tuple[Series, ...], stamps: list[pd.Index[Any]]) -> Columns:
    values = pd.concat([one.values for one in together], ignore_index=True)
    absent = np.full(len(values), np.nan)
    known = _columns(values)
    return [
        ("Date", np.concatenate([stamp.to_numpy(dtype=object) for stamp in stamps])),
        *((_title(c), values[c].to_numpy() if c in known else absent) for c in FIRST),
        ("Symbol", np.repeat([one.symbol for one in together], [len(s) for s in stamps])),
        *((_title(c), values[c].to_numpy()) for c in known if c not in FIRST),
    ]


def _csv(columns: Columns) -> bytes:
    """Write columns as CSV; pyarrow is many times as fast as pandas and gives every digit too."""
    import pyarrow as pa
    import pyarrow.csv

    sink = io.BytesIO()
    header = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    csv.writer(header, lineterminator="\n").writerow([name for name, _ in columns])
    arrays = []
    quoting = "none"
    for _, values in columns:
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            arrays.append(pa.array(values, from_pandas=True))
            continue
        words = [str(value) for value in values]
        arrays.append(pa.array(words, pa.string()))
        if any(set(word) & set(',"\r\n') for word in set(words)):
            quoting = "needed"
    table = pa.table(arrays, names=[str(n) for n in range(len(arrays))])
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style=quoting)
    pyarrow.csv.write_csv(table, sink, options)
    return sink.getvalue()


def _records(one: Series) -> Iterator[dict[str, Any]]:
    key = "Date" if one.length is None else "Datetime"
    known = _columns(one.values)
    names = [*CACHED, *(c for c in known if c not in CACHED)]
    columns = [
        [_number(v, c == "volume") for v in one.values[c].tolist()]
        if c in known
        else [None] * len(one.values)
        for c in names
    ]
    titles = [key, *(_title(c) for c in names)]
    for stamp, *values in zip(one.stamps, *columns, strict=True):
        yield dict(zip(titles, [str(stamp), *values], strict=True))


def _number(value: float, whole: bool) -> float | None:
    if not math.isfinite(value):
        return None
    return int(value) if whole and value.is_integer() else value

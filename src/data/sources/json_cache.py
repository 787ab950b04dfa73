"""A JSON cache of series, daily and intraday side by side: text flows in, raw rows flow out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import DataError, nearest
from ..disk import given_path
from .layouts import plain
from .numbers import shown
from .source import Source
from .stamps import date_or_time, length_of, parse_stamps
from .text import reason_of

DAILY = "1d"
STAMPS = ("Date", "Datetime")
SHORT = {"m": "min", "h": "h"}
"""Units of an interval such as 5m, as pandas calls them."""


class JsonCache(Source):
    """Series of bars in one JSON file: ``series.<key>.data``, with ``meta`` beside it.

    ``data`` is a list of ``{Date, Open, High, Low, Close, Volume, ...}``, and ``meta.interval`` is
    ``1d`` or a length such as ``5m``. A symbol is the key of its series. A daily series is dated
    as written; the stamp of an intraday one is the instant, with its offset, at which a bar opened.

    Parameters
    ----------
    path : str
    series : names, optional
        Read these only. Default: all of them.
    timezone : str, optional
        Whose days the stamps of daily series are, where they are not midnight as written.
    """

    def __init__(
        self, path: str, series: Sequence[str] | None = None, timezone: str | None = None
    ) -> None:
        self._path = given_path(path)
        self._series = None if series is None else tuple(str(key) for key in series)
        self._timezone = timezone

    @property
    def description(self) -> str:
        """Name the file, without the folder."""
        return f"JSON cache {self._path.name}"

    def load(self) -> pd.DataFrame:
        """Return the rows of all series.

        Raises
        ------
        DataError
            The file is no such cache, or lacks a series that was asked for.
        """
        name = self._path.name
        everything = self._read().get("series")
        if not isinstance(everything, dict) or not everything:
            raise DataError(f"{name} has no series; a cache has them under the key 'series'")
        for key in self._series or ():
            if key not in everything:
                raise DataError(f"{name} has no series {key!r}{nearest(key, everything)}")
        parts = [
            _rows(everything[key], key, name, self._timezone) for key in self._series or everything
        ]
        return pd.concat(parts, ignore_index=True)

    def _read(self) -> dict[str, Any]:
        try:
            text = self._path.read_text(encoding="utf-8-sig")
            cache = json.loads(text, object_pairs_hook=_unique)
        except FileNotFoundError:
            raise DataError(
                f"there is no file {self._path}; the path is relative to {Path.cwd()}"
            ) from None
        except OSError as error:
            raise DataError(f"{self._path} cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError) as error:  # what is no JSON, and what is no UTF-8
            raise DataError(
                f"{self._path.name} does not read as JSON: {reason_of(error)}"
            ) from None
        if not isinstance(cache, dict):
            raise DataError(f"{self._path.name} is no cache: it holds a {type(cache).__name__}")
        return cache


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says the same key twice, of which JSON's readers keep the last."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return made


def _rows(series: Any, key: str, name: str, timezone: str | None) -> pd.DataFrame:
    """Return the rows of one series."""
    where = f"{name}: series {key}"
    if not key.strip() or not key.isprintable():
        raise DataError(f"{name}: {shown(key)} cannot name a series")
    if not isinstance(series, dict) or not isinstance(series.get("meta"), dict):
        raise DataError(f"{where} has no meta beside its data")
    data, interval = series.get("data"), series["meta"].get("interval")
    if not isinstance(data, list) or not data:
        raise DataError(f"{where} has not a single row under the key 'data'")
    if not isinstance(interval, str):
        raise DataError(f"{where} has no meta.interval, such as 1d or 5m")
    for number, row in enumerate(data, start=1):
        if not isinstance(row, dict) or "Close" not in row:
            raise DataError(f"{where}: row {number} is no bar with a Close: {shown(row)}")
        _check_numbers(row, f"{where}: row {number}")
    stamp = next((column for column in STAMPS if column in data[0]), None)
    if stamp is None:
        raise DataError(f"{where}: row 1 has neither Date nor Datetime")
    frame = pd.DataFrame.from_records(data)
    stamps = frame.pop(stamp)
    if (wrong := [s for s in stamps if not isinstance(s, str)]) or set(STAMPS) & set(frame):
        raise DataError(f"{where}: {shown(wrong[0] if wrong else stamp)} is not the date of a row")
    rows = pd.DataFrame({**_when(stamps, interval, where, timezone), **_fields(frame, where)})
    return rows.assign(symbol=key)


def _check_numbers(row: dict[str, Any], where: str) -> None:
    for column, value in row.items():
        if column in STAMPS or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"{where}: {shown(value)} in {column!r} is not a number")


def _when(
    stamps: pd.Series[Any], interval: str, where: str, timezone: str | None
) -> dict[str, pd.Series[Any]]:
    read = parse_stamps(stamps, where, None)
    if interval == DAILY:
        return date_or_time(read, where, "date", None, timezone)
    length = length_of(interval[:-1] + SHORT.get(interval[-1:], "?"))
    if length is None:
        raise DataError(f"{where}: the interval {shown(interval)} is neither 1d nor as 5m or 1h")
    if read.dt.tz is None:
        raise DataError(f"{where}: {shown(stamps.iloc[0])} has no offset, such as +05:30")
    return date_or_time(read, where, "open", str(length), None)


def _fields(frame: pd.DataFrame, where: str) -> dict[str, pd.Series[Any]]:
    fields: dict[str, pd.Series[Any]] = {}
    for header in frame:
        field = plain(str(header))
        if field in fields or field in ("symbol", "date", "time", "opened"):
            raise DataError(f"{where} says {field!r} twice")
        if field.isidentifier():
            fields[field] = frame[header].astype("float64")
    return fields

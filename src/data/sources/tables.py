"""Tables of bars in files: what a CSV or a Parquet file holds flows in, raw rows flow out.

``tidy``: one row a bar, with a date, OHLCV columns and a symbol column (else the file is one
symbol). ``wide``: one row a date, and a column of closes for each symbol.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ...errors import DataError, nearest
from .source import Source
from .stamps import Stamps, date_or_time, parse_stamps

HEADERS: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "time", "datetime", "timestamp", "open_time", "close_time"),
    "symbol": ("symbol", "ticker", "instrument", "name", "asset"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close", "price"),
    "volume": ("volume", "vol"),
    "adj_close": ("adj_close", "adjclose", "adjusted_close"),
    "vwap": ("vwap",),
}
"""The headers that are recognised for each column, in any case and with any punctuation."""

RANGE = ("open", "high", "low")


class TableFile(Source):
    """Bars in one file, or in several of one kind.

    Parameters
    ----------
    path : str
        A file; ``*`` stands for anything, and reads every file that fits.
    layout : "auto", "tidy" or "wide"
        auto: tidy where there is a close, or open, high and low; else wide.
    columns : name -> header, optional
        Which header holds ``date``, ``symbol``, ``close``..., where it is not recognised.
    symbol : str, optional
        The symbol of a tidy file without a symbol column. Default: the file's name.
    symbols : names, optional
        Read these only. Default: every column (wide) or row (tidy).
    ignore : patterns
        Headers that are no symbols and no fields, such as ``*_ROI``.
    date_format, timezone, stamps, interval : optional
        How stamps are written; see `parse_stamps` and `date_or_time`.
    zero_is_missing : bool
        Take an open, high or low of 0 for a missing value, as some index histories mean it.
    """

    def __init__(
        self,
        path: str,
        layout: Literal["auto", "tidy", "wide"] = "auto",
        columns: Mapping[str, str] | None = None,
        symbol: str | None = None,
        symbols: Sequence[str] | None = None,
        ignore: Sequence[str] = ("*_ROI",),
        date_format: str | None = None,
        timezone: str | None = None,
        stamps: Stamps | None = None,
        interval: str | None = None,
        zero_is_missing: bool = False,
    ) -> None:
        if layout not in ("auto", "tidy", "wide"):
            raise DataError(f"layout: {layout} is unknown; choose auto, tidy or wide")
        self.path = Path(str(path))
        self.layout = layout
        self.columns = dict(columns or {})
        self.symbol = symbol
        self.symbols = None if symbols is None else tuple(str(symbol) for symbol in symbols)
        self.ignore = tuple(ignore)
        self.date_format = date_format
        self.timezone = timezone
        self.stamps: Stamps | None = stamps
        self.interval = interval
        self.zero_is_missing = zero_is_missing

    @property
    def description(self) -> str:
        """Name the file, without the folder, which differs from machine to machine."""
        return f"{type(self).__name__} file {self.path.name}"

    @abstractmethod
    def read(self, path: Path) -> pd.DataFrame:
        """Return one file as it stands.

        Raises
        ------
        DataError
            It is no such file.
        """

    def load(self) -> pd.DataFrame:
        """Return the rows of the file, or of every file that the pattern fits."""
        paths = [self.path]
        if "*" in self.path.name:
            paths = sorted(self.path.parent.glob(self.path.name))
        if self.path.is_dir():
            raise DataError(f"{self.path} is a folder; to read its files, write {self.path}/*")
        if not paths or not paths[0].is_file():
            raise DataError(f"there is no file {self.path}; the path is relative to {Path.cwd()}")
        parts = [self._rows(self.read(path), path) for path in paths]
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def _rows(self, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
        frame.columns = frame.columns.map(str)
        frame = frame[[c for c in frame.columns if not any(fnmatchcase(c, p) for p in self.ignore)]]
        if not len(frame) or not len(frame.columns):
            raise DataError(f"{path.name} has not a single row")
        found = self._recognise(frame, path.name)
        bars = "close" in found or found.keys() >= set(RANGE)
        tidy = self.layout == "tidy" or (self.layout == "auto" and bars)
        if not tidy:
            # A column of dates without a name comes first.
            found.setdefault("date", str(frame.columns[0]))
        for needed in ("date", "close") if tidy else ("date",):
            if needed not in found:
                raise DataError(
                    f"{path.name} has no {needed} column among {', '.join(frame.columns[:12])}; "
                    f"name it with columns: {{{needed}: ...}}, or set layout: wide"
                )
        stamps = parse_stamps(frame[found["date"]], path.name, self.date_format)
        kind, stamps = date_or_time(stamps, path.name, self.stamps, self.interval, self.timezone)
        return (
            self._tidy(frame, found, kind, stamps, path)
            if tidy
            else self._wide(frame.drop(columns=found["date"]), kind, stamps, path.name)
        )

    def _recognise(self, frame: pd.DataFrame, name: str) -> dict[str, str]:
        """Return which header holds each column that bars know."""
        for column, header in self.columns.items():
            if header not in frame:
                hint = nearest(header, list(frame.columns))
                raise DataError(f"{name} has no column {header!r} for {column}{hint}")
        plain = {_plain(header): header for header in reversed(frame.columns)}
        found = dict(self.columns)
        for column, headers in HEADERS.items():
            known = next((plain[h] for h in headers if h in plain), None)
            if column not in found and known is not None and known not in found.values():
                found[column] = known
        return found

    def _tidy(
        self,
        frame: pd.DataFrame,
        found: dict[str, str],
        kind: str,
        stamps: pd.Series[Any],
        path: Path,
    ) -> pd.DataFrame:
        rows: dict[str, Any] = {kind: stamps}
        for column, header in found.items():
            if column != "date" and (column in ("symbol", "close") or frame[header].notna().any()):
                rows[column] = frame[header]
        for header in frame.columns.difference(list(found.values()), sort=False):
            values, field = frame[header], _plain(header)
            number = pd.api.types.is_numeric_dtype(values) and values.notna().any()
            if number and field.isidentifier() and field not in rows and "unnamed" not in field:
                rows[field] = values
        raw = pd.DataFrame(rows)
        if "symbol" not in raw:
            again = stamps.duplicated()
            if self.symbol is None and again.any():
                raise DataError(
                    f"{path.name} has several bars of {stamps[again].iloc[0]:%Y-%m-%d} and no "
                    f"symbol column among {', '.join(frame.columns[:12])}; name it with columns: "
                    "{symbol: ...}"
                )
            raw["symbol"] = self.symbol or path.stem
        if pd.api.types.is_numeric_dtype(raw["symbol"]):
            raw["symbol"] = raw["symbol"].astype("str")
        if self.symbols is not None:
            self._require(raw["symbol"].unique(), path.name)
            raw = raw[raw["symbol"].isin(self.symbols)].reset_index(drop=True)
        if self.zero_is_missing:
            for column in [c for c in RANGE if c in raw]:
                raw[column] = raw[column].mask(raw[column] == 0)
        return raw

    def _wide(
        self, closes: pd.DataFrame, kind: str, stamps: pd.Series[Any], name: str
    ) -> pd.DataFrame:
        if self.symbols is not None:
            self._require(closes.columns, name)
            closes = closes[list(self.symbols)]
        names = [str(column) for column in closes]
        if not names:
            raise DataError(f"{name} has no column beside its dates; check layout and ignore")
        return pd.DataFrame(
            {
                kind: pd.concat([stamps] * len(names), ignore_index=True),
                "symbol": pd.Categorical.from_codes(
                    np.repeat(np.arange(len(names)), len(closes)), categories=pd.Index(names)
                ),
                "close": pd.concat([closes[column] for column in closes], ignore_index=True),
            }
        )

    def _require(self, known: Any, name: str) -> None:
        present = {str(symbol) for symbol in known}
        for symbol in self.symbols or ():
            if symbol not in present:
                raise DataError(f"{name} has no symbol {symbol!r}{nearest(symbol, present)}")


def _plain(header: str) -> str:
    """Return a header as a field's name: ``Adj Close`` is ``adj_close``."""
    return re.sub(r"[^0-9a-z]+", "_", header.lower()).strip("_")

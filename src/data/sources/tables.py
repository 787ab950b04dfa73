"""Tables of bars in files: what a CSV or a Parquet file holds flows in, raw rows flow out.

``tidy``: one row a bar, with a date, OHLCV columns and a symbol column (else the file is one
symbol). ``wide``: one row a date, and a column of closes for each symbol.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ...errors import DataError, nearest
from ..disk import given_path
from .cleaning import clean_symbols, only_symbols, without_zeros
from .fields import read_fields
from .files import files_of, stem_of
from .layouts import LAYOUTS, PUBLISHERS, RANGE, Layout, Publisher, option, plain, recognise
from .numbers import Numerals, mostly_numbers, numerals_of, read_numbers
from .renames import apply_renames, join_renamed
from .source import Source
from .stamps import Stamps, date_or_time, numbered_dates, parse_stamps


@dataclass(eq=False)
class TableFile(Source):
    """Bars in one file, or in several of one kind.

    Open, high and low of 0 beside a close above 0 are no bar but a close alone; they are read as
    missing, and counted in a note. Text columns that hold no numbers are left out.

    Parameters
    ----------
    path : str
        A file; a folder, whose files of this kind are all read; or a pattern, in whose last part
        ``*`` stands for anything. A file without a symbol column is named by itself.
    layout : "auto", "tidy", "wide", "investing", "nse_equity" or "nse_index"
        auto: tidy where there is a close, or open, high and low, or symbols; else wide. The columns
        of the publishers' exports are recognised by auto too; naming investing says that dates are
        m/d/Y, and nse_index that a single open, high or low of 0 is missing.
    columns : name -> header, optional
        Which header holds ``date``, ``symbol``, ``close``..., where it is not recognised.
        ``company`` says whose a row is where symbols change over time.
    symbol : str, optional
        The symbol of a tidy file without a symbol column. Default: the file's name.
    symbols : names, optional
        Read these only. Default: every column (wide) or row (tidy).
    renamed : old name -> new name, optional
        Symbols to join under the new name. Default: join the names of one company, which is a
        ``company`` (or ``File``) column's group, or else a file whose symbols follow each other
        within 10 days and without overlap. ``{}`` joins none.
    ignore : patterns
        Headers that are no symbols and no fields, such as ``*_ROI``.
    date_format, timezone, stamps, interval : optional
        How stamps are written; see `parse_stamps` and `date_or_time`.
    dates : {start, freq}, optional
        The dates of a file that has none, such as ``{start: 1990-01-01, freq: D}``.
    decimal : "." or ",", optional
        The decimal point; the other one may group thousands. Default: the point, and a file whose
        commas could be either is refused.
    zero_is_missing : bool
        Take any open, high or low of 0 for a missing value, as some index histories mean it.
    """

    path: str
    _: KW_ONLY
    layout: Layout = "auto"
    columns: Mapping[str, str] | None = None
    symbol: str | None = None
    symbols: Sequence[str] | None = None
    renamed: Mapping[str, str] | None = None
    ignore: Sequence[str] = ("*_ROI",)
    date_format: str | None = None
    timezone: str | None = None
    stamps: Stamps | None = None
    interval: str | None = None
    dates: Mapping[str, Any] | None = None
    decimal: str | None = None
    zero_is_missing: bool = False

    suffixes: ClassVar[tuple[str, ...]] = ()
    """The endings of the files that are read in a folder."""

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise DataError(f"dataset.source.layout={self.layout}: choose {', '.join(LAYOUTS)}")
        if self.decimal not in (None, ".", ","):
            raise DataError(f"dataset.source.decimal={self.decimal}: choose . or ','")
        self._path = given_path(self.path)
        self._columns = {str(k): str(v) for k, v in (self.columns or {}).items()}
        self._symbols = None if self.symbols is None else tuple(str(s) for s in self.symbols)
        self._publisher = PUBLISHERS.get(self.layout, Publisher(()))

    @property
    def description(self) -> str:
        """Name the file, without the folder, which differs from machine to machine."""
        return f"{type(self).__name__} file {self._path.name}"

    @abstractmethod
    def read(self, path: Path) -> pd.DataFrame:
        """Return one file as it stands.

        Raises
        ------
        DataError
            It is no such file.
        """

    def load(self) -> pd.DataFrame:
        """Return the rows of the file, or of all files of the folder or the pattern."""
        parts, notes = [], []
        for path in files_of(self._path, self.suffixes):
            rows, said = self._rows(self.read(path), path)
            parts.append(rows)
            notes += said
        frame = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
        when = "date" if "date" in frame else "time"
        if self.renamed:
            frame, said = apply_renames(frame, when, self.renamed, self._path.name)
            notes += said
        if self._symbols is not None:
            frame = only_symbols(frame, self._symbols, self._path.name)
        every = self.zero_is_missing or self._publisher.zero_is_missing
        frame, said = without_zeros(frame, every=every)
        frame.attrs["notes"] = (*notes, *said)
        return frame

    def _rows(self, frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
        """Return the rows of one file, and what was joined in it."""
        frame.columns = frame.columns.map(str)
        frame = frame[[c for c in frame.columns if not any(fnmatchcase(c, p) for p in self.ignore)]]
        if not len(frame) or not len(frame.columns):
            raise DataError(f"{path.name} has not a single row")
        found = self._recognise(frame, path.name)
        certain = Numerals(".", sure=True)
        named = "symbol" in found and not mostly_numbers(frame[found["symbol"]], certain)
        bars = named or "close" in found or found.keys() >= set(RANGE)
        tidy = self.layout not in ("auto", "wide") or (self.layout == "auto" and bars)
        when = self._when(frame, found, tidy, path.name)
        rest = frame.drop(columns=found["date"]) if "date" in found else frame
        known = [found[c] for c in ("symbol", "company") if c in found]
        numerals = numerals_of([rest[c] for c in rest if c not in known], self.decimal)
        if not tidy:
            return self._wide(rest, when, numerals, path.name), []
        if "close" not in found:
            raise _lacking("close", frame, path.name, wide=not named)
        return self._tidy(rest, found, when, numerals, path)

    def _recognise(self, frame: pd.DataFrame, name: str) -> dict[str, str]:
        headers = list(frame.columns)
        for header in headers:
            if headers.count(header) > 1:
                raise DataError(f"{name} has two columns {header!r}; rename or remove one")
        found = recognise(headers, self._columns, name)
        present = {plain(header) for header in headers}
        for needed in self._publisher.headers:
            if needed not in present and needed not in found:
                raise DataError(
                    f"{name} has no column {needed!r}, as dataset.source.layout={self.layout} has; "
                    "set dataset.source.layout=auto"
                )
        return found

    def _when(
        self, frame: pd.DataFrame, found: dict[str, str], tidy: bool, name: str
    ) -> dict[str, pd.Series[Any]]:
        """Return the columns that say when each row was."""
        if self.dates is not None:
            if "date" in found:
                raise DataError(
                    f"{name} has dates of its own in column {found['date']!r}; "
                    "remove dataset.source.dates"
                )
            return {"date": numbered_dates(len(frame), self.dates, name)}
        if not tidy:
            # A column of dates without a name comes first.
            found.setdefault("date", str(frame.columns[0]))
        if "date" not in found:
            raise _lacking("date", frame, name, wide=False)
        date_format = self.date_format or self._publisher.date_format
        stamps = parse_stamps(frame[found["date"]], name, date_format)
        return date_or_time(stamps, name, self.stamps, self.interval, self.timezone)

    def _tidy(
        self,
        frame: pd.DataFrame,
        found: dict[str, str],
        when: dict[str, pd.Series[Any]],
        numerals: Numerals,
        path: Path,
    ) -> tuple[pd.DataFrame, list[str]]:
        kind, stamps = next(iter(when.items()))
        symbols = self._symbol_of(frame, found, stamps, path)

        def at(row: int) -> str:
            return f"{path.name}: {symbols.iloc[row]} {_said(stamps.iloc[row], kind)}"

        fields = read_fields(frame, found, numerals, path.name, at)
        raw = pd.DataFrame({**when, **fields, "symbol": symbols})
        if self.renamed is not None or "symbol" not in found or len(symbols.cat.categories) == 1:
            return raw, []
        return join_renamed(raw, kind, frame[found["company"]] if "company" in found else None)

    def _symbol_of(
        self, frame: pd.DataFrame, found: dict[str, str], stamps: pd.Series[Any], path: Path
    ) -> pd.Series[Any]:
        if "symbol" in found:
            return clean_symbols(frame[found["symbol"]], path.name)
        again = stamps.duplicated()
        if self.symbol is None and again.any():
            raise DataError(
                f"{path.name} has several bars of {stamps[again].iloc[0]:%Y-%m-%d} and no "
                f"symbol column among {', '.join(frame.columns[:12])}; name it with "
                f"{option('columns', 'symbol')}"
            )
        return pd.Series(self.symbol or stem_of(path, self.suffixes), index=frame.index)

    def _wide(
        self, closes: pd.DataFrame, when: dict[str, pd.Series[Any]], numerals: Numerals, name: str
    ) -> pd.DataFrame:
        everything = [str(header) for header in closes]
        headers = [c for c in everything if self._symbols is None or c in self._symbols]
        if not everything:
            raise DataError(
                f"{name} has no column beside its dates; "
                "check dataset.source.layout and dataset.source.ignore"
            )
        if not headers:
            first = (self._symbols or ("",))[0]
            raise DataError(f"{name} has no symbol {first!r}{nearest(first, everything)}")
        kind, stamps = next(iter(when.items()))

        def at(row: int) -> str:
            return f"{name}: {_said(stamps.iloc[row], kind)}"

        values = [read_numbers(closes[c], numerals, c, at, suffixes=False) for c in headers]
        return pd.DataFrame(
            {
                **{
                    column: pd.concat([instants] * len(headers), ignore_index=True)
                    for column, instants in when.items()
                },
                "symbol": pd.Categorical.from_codes(
                    np.repeat(np.arange(len(headers)), len(closes)),
                    categories=pd.Index([header.strip() for header in headers], dtype="str"),
                ),
                "close": pd.concat(values, ignore_index=True),
            }
        )


def _said(stamp: pd.Timestamp, kind: str) -> str:
    return f"{stamp:%Y-%m-%d}" if kind == "date" else f"{stamp:%Y-%m-%d %H:%M} UTC"


def _lacking(needed: str, frame: pd.DataFrame, name: str, *, wide: bool) -> DataError:
    return DataError(
        f"{name} has no {needed} column among {', '.join(frame.columns[:12])}; name it with "
        f"{option('columns', needed)}" + (", or set dataset.source.layout=wide" if wide else "")
    )

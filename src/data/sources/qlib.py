"""A Qlib data directory: its calendar, instruments and binary features flow in, raw rows flow out.

``calendars/day.txt`` numbers the days; ``features/<symbol>/<field>.day.bin`` holds float32, first
the number of the first day and then one value a day; ``instruments/<market>.txt`` says when each
symbol belonged to a market.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import DataError, nearest
from ..disk import given_path
from ..panel import MEMBER
from .numbers import shown
from .source import Source

FREQ = "day"
ALL = "all"
RESERVED = {"con", "prn", "aux", "nul", *(f"{x}{n}" for x in ("com", "lpt") for n in range(10))}
"""Names that Windows forbids; Qlib puts _qlib_ before them."""

Days = npt.NDArray[np.datetime64]
Spans = dict[str, list[tuple[np.datetime64, np.datetime64]]]


class Qlib(Source):
    """Daily bars in the directory that Qlib's ``provider_uri`` names.

    Every row of an instrument is kept where it has a close. Where some lie outside the spans of its
    instruments file, `MEMBER` is 1 inside them and 0 outside. An instrument without features is
    left out, with a note.

    Parameters
    ----------
    path : str
    market : str
        Name of a file in ``instruments``, such as csi300.
    fields : names, optional
        Which features to read beside the close. Default: all that some instrument has.
    freq : "day"
        Qlib's name of the frequency.
    """

    def __init__(
        self, path: str, market: str = ALL, fields: Sequence[str] | None = None, freq: str = FREQ
    ) -> None:
        if freq != FREQ:
            raise DataError(f"dataset.source.freq={freq}: only day is read")
        self._path = given_path(path)
        self._market = str(market)
        self._fields = None if fields is None else tuple(str(f).lstrip("$") for f in fields)
        for name, key in ((self._market, "market"), *((f, "fields") for f in self._fields or ())):
            if not _names_a_file(name) or (key == "fields" and name[0] == "_"):
                raise DataError(f"dataset.source.{key}={shown(name)} cannot name a file")

    @property
    def description(self) -> str:
        """Name the directory and the market, without the folder that it is in."""
        return f"Qlib directory {self._path.name}, market {self._market}"

    def load(self) -> pd.DataFrame:
        """Return the rows of all instruments of the market.

        Raises
        ------
        DataError
            A file is missing, cut, or says what cannot be.
        """
        if not self._path.is_dir():
            raise DataError(
                f"there is no folder {self._path}; the path is relative to {Path.cwd()}"
            )
        days = self._calendar()
        spans = self._instruments()
        folders = {symbol: self._folder(symbol) for symbol in spans}
        absent = [symbol for symbol, folder in folders.items() if folder is None]
        present = {symbol: folder for symbol, folder in folders.items() if folder is not None}
        if not present:
            raise DataError(f"{self._path.name}: no instrument of {self._market} has features")
        frame = self._rows(present, days)
        member = _member(frame, spans)
        if self._market != ALL or not member.all():
            frame[MEMBER] = member
        if absent:
            some = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
            frame.attrs["notes"] = (
                f"{len(absent)} of {len(spans)} instruments of {self._market} have no features "
                f"and are left out: {some}",
            )
        return frame

    def _calendar(self) -> Days:
        path = self._path / "calendars" / f"{FREQ}.txt"
        lines = _lines(path)
        try:
            days = np.array(lines, dtype="datetime64[D]")
        except ValueError:
            wrong = next(line for line in lines if not _is_day(line))
            raise DataError(f"{_said(path)}: {shown(wrong)} is not a date") from None
        if len(late := np.flatnonzero(days[1:] <= days[:-1])):
            at = int(late[0])
            raise DataError(
                f"{_said(path)}: {days[at + 1]} follows {days[at]}; a calendar increases"
            )
        return days

    def _instruments(self) -> Spans:
        path = self._path / "instruments" / f"{self._market}.txt"
        if not path.is_file():
            known = sorted(p.stem for p in path.parent.glob("*.txt"))
            raise DataError(
                f"{self._path.name} has no instruments/{path.name}{nearest(self._market, known)}"
            )
        spans: Spans = {}
        for number, line in enumerate(_lines(path), start=1):
            where, cells = f"{_said(path)}: line {number}", line.split("\t")
            if len(cells) != 3 or not all(map(_is_day, cells[1:])):
                raise DataError(f"{where}: {shown(line)} is not symbol, from, to between tabs")
            symbol = cells[0].strip()
            if not _names_a_file(symbol):
                raise DataError(f"{where}: {shown(symbol)} cannot be a symbol")
            first, last = (np.datetime64(cell.strip()[:10], "D") for cell in cells[1:])
            if last < first:
                raise DataError(f"{where}: {symbol} ends on {last}, before it begins on {first}")
            spans.setdefault(symbol, []).append((first, last))
        return spans

    def _folder(self, symbol: str) -> Path | None:
        low = symbol.lower()
        folder = self._path / "features" / (f"_qlib_{low}" if low in RESERVED else low)
        return folder if folder.is_dir() else None

    def _rows(self, folders: dict[str, Path], days: Days) -> pd.DataFrame:
        ending = f".{FREQ}.bin"
        found = {
            # Names that begin with an underscore are those of a dataset's own columns.
            s: {p.name[: -len(ending)] for p in f.glob(f"[!_]*{ending}")}
            for s, f in folders.items()
        }
        wanted = self._fields or tuple(sorted(set().union(*found.values())))
        fields = ["close", *(field for field in wanted if field != "close")]
        parts: dict[str, list[npt.NDArray[np.float32]]] = {field: [] for field in fields}
        at: list[npt.NDArray[np.int64]] = []
        for symbol, folder in folders.items():
            start, close = _feature(folder / f"close{ending}", len(days))
            here = np.flatnonzero(~np.isnan(close))
            at.append(start + here)
            parts["close"].append(close[here])
            for field in fields[1:]:
                if field not in found[symbol] and self._fields is None:
                    parts[field].append(np.full(len(here), np.nan, dtype=np.float32))
                    continue
                first, values = _feature(folder / f"{field}{ending}", len(days))
                parts[field].append(_aligned(values, first, start + here))
        columns: dict[str, Any] = {"date": days.astype("datetime64[ns]")[np.concatenate(at)]}
        columns["symbol"] = pd.Categorical.from_codes(
            np.repeat(np.arange(len(folders)), [len(rows) for rows in at]),
            categories=pd.Index(list(folders), dtype="str"),
        )
        for field in fields:
            columns[field] = np.concatenate(parts.pop(field))
        return pd.DataFrame(columns)


def _feature(path: Path, days: int) -> tuple[int, npt.NDArray[np.float32]]:
    """Return the number of a feature's first day, and its values."""
    try:
        size = path.stat().st_size
        raw = np.fromfile(path, dtype="<f4")
    except OSError:
        raise DataError(f"{_said(path)} is missing or cannot be read") from None
    if not size or size % 4:
        raise DataError(f"{_said(path)} is cut: {size} bytes are no whole number of float32")
    first = raw[0]
    if not (first >= 0 and first == np.floor(first)):
        raise DataError(f"{_said(path)} begins with {first:g}, which numbers no day")
    if first + len(raw) - 1 > days:
        raise DataError(
            f"{_said(path)} has {len(raw) - 1} values from day {first:g} on, and the calendar only "
            f"{days} days"
        )
    return int(first), raw[1:]


def _aligned(
    values: npt.NDArray[np.float32], first: int, at: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return a feature's values on the days numbered `at`; NaN where it has none."""
    place = at - first
    if len(place) and place[0] >= 0 and place[-1] < len(values):
        return values[place]
    there = (place >= 0) & (place < len(values))
    filled = np.full(len(at), np.nan, dtype=np.float32)
    filled[there] = values[place[there]]
    return filled


def _member(frame: pd.DataFrame, spans: Spans) -> npt.NDArray[np.float32]:
    """Return 1 for rows inside a span of their symbol, else 0; a symbol's rows lie together."""
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    counts = np.bincount(frame["symbol"].cat.codes, minlength=len(frame["symbol"].cat.categories))
    member = np.zeros(len(frame), dtype=np.float32)
    stop = 0
    for symbol, count in zip(frame["symbol"].cat.categories, counts, strict=True):
        start, stop = stop, stop + int(count)
        for first, last in spans[symbol]:
            low, high = np.searchsorted(dates[start:stop], [first, last + 1])
            member[start + low : start + high] = 1
    return member


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise DataError(f"{_said(path)} is missing or is no text") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{_said(path)} is empty")
    return lines


def _is_day(text: str) -> bool:
    try:
        return not np.isnat(np.datetime64(text.strip()[:10], "D")) and len(text.strip()) >= 10
    except ValueError:
        return False


def _names_a_file(name: str) -> bool:
    return bool(name) and name.isprintable() and not set(name) & set("/\\:") and name[0] != "."


def _said(path: Path) -> str:
    """Return the end of a path, which says where in the directory a file is."""
    return "/".join(path.parts[-3:] if "features" in path.parts[-3:] else path.parts[-2:])

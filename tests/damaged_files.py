"""Damaged files of bars: each has a name, its bytes, and the words that refuse it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

Kind = Literal["csv", "parquet", "json", "qlib"]
Files = Mapping[str, bytes]

HEADER = "date,open,high,low,close,volume"
ROWS = (
    "2021-04-26,10,11,9,10.5,100",
    "2021-04-27,10.5,12,10,11.5,200",
    "2021-04-28,11.5,12,11,11.25,300",
)
TIMES = {"stamps": "close"}


@dataclass(frozen=True)
class Damage:
    """One damaged source.

    Attributes
    ----------
    name : str
    kind : str
        Which source reads it.
    files : path -> bytes
        What is written; the first path, or its folder for Qlib, is what the source is given.
    words : str or None
        What the refusal says, or None where the file must load as if it were sound.
    options : names to values
        Of the source.
    """

    name: str
    kind: Kind
    files: Files
    words: str | None
    options: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the files and return the path that the source is given."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder / next(iter(self.files)).split("/", maxsplit=1)[0]


def csv_text(*rows: str, header: str = HEADER) -> str:
    """Return a CSV file's text."""
    return "\n".join((header, *rows)) + "\n"


def csv(name: str, text: str | bytes, words: str | None, **options: Any) -> Damage:
    """Return a damaged CSV file."""
    data = text if isinstance(text, bytes) else text.encode()
    return Damage(name, "csv", {"bad.csv": data}, words, options)


def changed(name: str, row: str, words: str | None, **options: Any) -> Damage:
    """Return a CSV file whose second row is another."""
    return csv(name, csv_text(ROWS[0], row, ROWS[2]), words, **options)


SOUND = csv_text(*ROWS)
ZIPPED = gzip.compress(SOUND.encode() * 50)

TEXTS = (
    csv("zero bytes", b"", "bad.csv is empty"),
    csv("blanks alone", b"  \n\n \n", "bad.csv is empty"),
    csv("header alone", HEADER + "\n", "bad.csv has not a single row"),
    csv("cut in a line", SOUND[:-12], "line 4 has 4 cells and the first 6"),
    csv("one cell too many", csv_text(ROWS[0], ROWS[1] + ",7"), "line 3 has 7 cells"),
    csv("one cell too few", csv_text(ROWS[0], "2021-04-27,1,2", ROWS[2]), "line 3 has 3 cells"),
    csv("utf-16", SOUND.encode("utf-16"), "set dataset.source.encoding=utf-16"),
    csv("latin-1", SOUND.replace("close", "clôse").encode("latin-1"), "is no utf-8; set"),
    csv("unknown encoding", SOUND, "dataset.source.encoding=utf-7x is unknown", encoding="utf-7x"),
    csv("NUL bytes", SOUND.encode() + b"\0" * 64, "it holds NUL bytes"),
    csv("garbage", bytes(range(256)) * 4, "bad.csv does not read as CSV"),
    csv("a web page", "<!DOCTYPE html>\n<html>Too many requests</html>", "it is a web page"),
    csv("JSON", '{"chart": {"result": null}}', "it is JSON"),
    csv("a Parquet file", b"PAR1" + b"\0" * 40, "it is a Parquet file"),
    csv("a workbook", b"PK\x03\x04" + b"\0" * 40, "it is a zip archive or a workbook"),
    csv("compressed without saying so", ZIPPED, "give it a name that ends in .gz"),
    csv(
        "open quote",
        csv_text(ROWS[0], '2021-04-27,"10,12,10,11,1'),
        "after line 2: unexpected end of data",
    ),
    csv("two columns close", csv_text("2021-04-26,1,2", header="date,close,close"), "two columns"),
    csv("Close and close", csv_text("2021-04-26,1,2", header="date,Close,close"), "two columns of"),
    csv("no header", "\n".join(ROWS), "bad.csv has no header: its first line holds 2021-04-26"),
    csv("old Mac's line ends, cut", SOUND[:-12].replace("\n", "\r"), "line 4 has 4 cells"),
    csv(
        "an endless cell", csv_text("2021-04-26," + "1" * 200_000), "field larger than field limit"
    ),
    csv("no date", csv_text("1,2,3", header="open,close,volume"), "bad.csv has no date column"),
    csv(
        "date and time apart",
        csv_text("2021-04-26,09:15,1", header="date,time,close"),
        "two columns of dates, 'date' and 'time'",
    ),
    csv("several symbols, no column", csv_text(ROWS[0], ROWS[0]), "several bars of 2021-04-26"),
    csv(
        "empty symbol",
        csv_text("2021-04-26,A,1", "2021-04-27, ,2", header="date,symbol,close"),
        "bad.csv: row 2 has no symbol",
    ),
    csv(
        "line break in a symbol",
        csv_text("2021-04-26,A,1", '2021-04-27,"B\nC",2', header="date,symbol,close"),
        r"bad.csv: 'B\nC' cannot be a symbol",
    ),
    csv(
        "no close at all",
        csv_text("2021-04-26,", header="date,close"),
        "not a single row with a close",
    ),
)

DATES = (
    changed("mixed dates", "4/27/2021,10.5,12,10,11.5,200", "row 2: '4/27/2021' is not a date"),
    csv(
        "year, day, month",
        csv_text("2021-13-04,1", "2021-14-04,2", header="date,close"),
        "row 1: '2021-13-04' is not a date",
    ),
    csv(
        "ambiguous dates",
        csv_text("01/02/2021,1", "01/03/2021,2", header="date,close"),
        "'01/02/2021' can be read with the month or the day first",
    ),
    changed("no date in a row", ",10.5,12,10,11.5,200", "row 2: an empty cell is not a date"),
    changed("date of zeros", "0000-00-00,10.5,12,10,11.5,200", "'0000-00-00' is not a date"),
    changed("30 February", "2021-02-30,10.5,12,10,11.5,200", "'2021-02-30' is not a date"),
    changed("year 21", "0021-04-27,10.5,12,10,11.5,200", "the year 21 cannot be right"),
    csv("months", csv_text("2021-04,1", header="date,close"), "row 1: '2021-04' names no day"),
    changed("a word", "yesterday,10.5,12,10,11.5,200", "row 2: 'yesterday' is not a date"),
    changed("the future", "2199-04-27,10.5,12,10,11.5,200", "bad 2199-04-27: this bar lies in the"),
    csv(
        "repeated dates", csv_text(*ROWS, ROWS[2]), "bad 2021-04-28: this bar occurs", symbol="bad"
    ),
    csv(
        "time of day",
        csv_text("2021-04-26 09:15,1", header="date,close"),
        "say what it marks with dataset.source.stamps=open",
    ),
    csv(
        "no zone",
        csv_text("2021-04-26 09:15,1", header="date,close"),
        "set dataset.source.timezone=Asia/Kolkata",
        **TIMES,
    ),
    csv(
        "a zone in some rows",
        csv_text("2021-04-26 09:15+05:30,1", "2021-04-26 09:30,1", header="date,close"),
        "row 2: '2021-04-26 09:30' has no zone and other rows have one",
        **TIMES,
    ),
    csv(
        "a time that was skipped",
        csv_text("2021-03-28 02:30,1", header="date,close"),
        "times cannot be read as Europe/Berlin",
        timezone="Europe/Berlin",
        **TIMES,
    ),
    csv(
        "a time that came twice",
        csv_text("2021-10-31 02:30,1", header="date,close"),
        "times cannot be read as Europe/Berlin",
        timezone="Europe/Berlin",
        **TIMES,
    ),
    csv(
        "an unknown zone",
        csv_text("2021-04-26 09:15,1", header="date,close"),
        "times cannot be read as Asia/Bombai",
        timezone="Asia/Bombai",
        **TIMES,
    ),
)

NUMBERS = (
    csv(
        "decimal commas",
        csv_text('2021-04-26,"12,34"', header="date,close"),
        "'12,34' in column 'close' is not a number; set 'dataset.source.decimal=\",\"'",
    ),
    csv(
        "decimal commas, grouped by points",
        csv_text('2021-04-26,"1.234,56"', header="date,close"),
        "'1.234,56' in column 'close' is not a number; set 'dataset.source.decimal=\",\"'",
    ),
    csv(
        "decimal commas between semicolons",
        csv_text("26.04.2021;1,169", header="date;close"),
        "'1,169' in column 'close' is not a number beyond doubt",
    ),
    csv("bare decimal commas", csv_text("2021-04-26,12,34", header="date,close"), "3 cells"),
    changed("a word for a price", "2021-04-27,10.5,12,10,n.a.,200", "2021-04-27: 'n.a.' in column"),
    changed("a price with a currency", "2021-04-27,10.5,12,10,$11,200", "bad 2021-04-27: '$11' in"),
    changed("an error of a sheet", "2021-04-27,10.5,12,10,#REF!,200", "'#REF!' in column 'close'"),
    changed("infinite", "2021-04-27,10.5,12,10,inf,200", "bad 2021-04-27: close inf is infinite"),
    changed("beyond float64", "2021-04-27,10.5,12,10,1e999,200", "bad 2021-04-27: close inf is"),
    changed("huge", "2021-04-27,10.5,12,10,1e300,200", "close 1e+300 is too large to be true"),
    changed("zero", "2021-04-27,10.5,12,10,0,200", "close 0 is not positive"),
    changed("negative", "2021-04-27,10.5,12,-10,11.5,200", "low -10 is not positive"),
    changed("high below low", "2021-04-27,10.5,10,12,11.5,200", "high 10 is below low 12"),
    changed("close above high", "2021-04-27,10.5,12,10,13,200", "is outside low 10 and high 12"),
    changed("negative volume", "2021-04-27,10.5,12,10,11.5,-2", "volume -2 is negative"),
    changed("an open of 0", "2021-04-27,0,12,10,11.5,200", "open 0 is not positive"),
)

LOADING = (
    csv("shuffled", csv_text(ROWS[2], ROWS[0], ROWS[1]), None),
    csv("byte-order mark", b"\xef\xbb\xbf" + SOUND.encode(), None),
    csv("old Mac's line ends", SOUND.replace("\n", "\r"), None),
    csv("CR LF", SOUND.replace("\n", "\r\n"), None),
    csv("blank lines", SOUND.replace("\n", "\n\n"), None),
    csv("blanks around cells", SOUND.replace(",", " , "), None),
    csv("no line break at the end", SOUND.rstrip(), None),
    csv("semicolons", SOUND.replace(",", ";"), None),
    csv(
        "decimal commas, declared",
        SOUND.replace(",", ";").replace(".", ","),
        None,
        decimal=",",
    ),
    csv("utf-16, declared", SOUND.encode("utf-16"), None, encoding="utf-16"),
    csv("newest first, m/d/Y", csv_text(*(
        f"{int(r[5:7])}/{int(r[8:10])}/{r[:4]}{r[10:]}" for r in reversed(ROWS)
    )), None),
    csv("a close that is missing in a row", csv_text(*ROWS, "2021-04-29,11,12,10,,5"), None),
    csv("K, M and dashes", csv_text(*ROWS).replace(",100", ",0.1K").replace(",300", ",300"), None),
)  # fmt: skip


def _frame() -> pd.DataFrame:
    values = np.arange(1.0, 4.0)
    dates = pd.to_datetime(["2021-04-26", "2021-04-27", "2021-04-28"])
    return pd.DataFrame({"date": dates, "close": values})


def parquet(name: str, make: Callable[[bytes], bytes], words: str) -> Damage:
    """Return a Parquet file with other bytes."""
    return Damage(name, "parquet", {"bad.parquet": make(_frame().to_parquet())}, words)


def _flipped(data: bytes) -> bytes:
    return data[:-12] + b"\xff" * 4 + data[-8:]


PARQUETS = (
    parquet("half a Parquet file", lambda data: data[: len(data) // 2], "does not read as Parquet"),
    parquet("a Parquet file of zero bytes", lambda _: b"", "does not read as Parquet"),
    parquet("CSV as Parquet", lambda _: SOUND.encode(), "does not read as Parquet"),
    parquet("a damaged footer", _flipped, "does not read as Parquet"),
    parquet(
        "a Parquet file without rows",
        lambda _: _frame().iloc[:0].to_parquet(),
        "bad.parquet has not a single row",
    ),
    parquet(
        "text in a Parquet file",
        lambda _: _frame().astype({"close": "str"}).replace("2.0", "two").to_parquet(),
        "bad.parquet: bad 2021-04-27: 'two' in column 'close' is not a number",
    ),
    Damage(
        "half a gz", "csv", {"bad.csv.gz": ZIPPED[: len(ZIPPED) // 2]}, "bad.csv.gz does not read"
    ),
    Damage("a gz that is none", "csv", {"bad.csv.gz": SOUND.encode()}, "bad.csv.gz does not read"),
    Damage("half a zip", "csv", {"bad.zip": b"PK\x03\x04" + b"\0" * 9}, "bad.zip does not read"),
    Damage("a folder without files", "csv", {"bad/notes.md": b"none"}, "holds no file *.csv"),
    Damage(
        "a folder with one bad file",
        "csv",
        {"bad/A.csv": SOUND.encode(), "bad/B.csv": b"\0\1"},
        "B.csv does not read as CSV",
    ),
)


def cache(name: str, words: str, text: str | None = None, **series: Any) -> Damage:
    """Return a JSON cache whose one series differs from a sound one."""
    row = {"Date": "2021-04-26 00:00:00+05:30", "Close": 10.5, "Volume": 0}
    one = {"meta": {"interval": "1d"}, "data": [row]} | series
    written = text if text is not None else json.dumps({"series": {"nifty": one}})
    return Damage(name, "json", {"bad.json": written.encode()}, words)


def _row(**cells: Any) -> list[dict[str, Any]]:
    return [{"Date": "2021-04-26 00:00:00+05:30", "Close": 10.5} | cells]


FIVE = {"interval": "5m"}

CACHES = (
    cache("half a cache", "does not read as JSON", text='{"series": {"nifty": {"data": ['),
    cache("an empty cache", "bad.json does not read as JSON", text=""),
    cache("a cache of another kind", "bad.json is no cache: it holds a list", text="[1, 2]"),
    cache("a cache without series", "bad.json has no series", text='{"timestamp": 1}'),
    cache("a key twice", "the key 'a' occurs twice", text='{"series": {"a": 1, "a": 2}}'),
    cache("deep JSON", "bad.json does not read as JSON", text="[" * 200_000),
    cache("a series without meta", "series nifty has no meta", meta=None),
    cache("a series without an interval", "has no meta.interval", meta={}),
    cache("a weekly series", "'1wk' is neither 1d nor as 5m", meta={"interval": "1wk"}),
    cache("a series without rows", "series nifty has not a single row", data=[]),
    cache("a row without a close", "row 1 is no bar with a Close", data=[{"Date": "2021-04-26"}]),
    cache("a row without a date", "has neither Date nor Datetime", data=[{"Close": 1}]),
    cache("a word in a cache", "row 1: 'high' in 'Close' is not a number", data=_row(Close="high")),
    cache("a truth in a cache", "'True' in 'Close' is not a number", data=_row(Close=True)),
    cache(
        "an infinite close in a cache",
        "nifty 2021-04-26: close inf is infinite",
        data=_row(Close=float("inf")),
    ),
    cache("a date that is none", "'soon' is not a date", data=_row(Date="soon")),
    cache(
        "an instant without an offset",
        "'2021-04-26 09:15:00' has no offset",
        meta=FIVE,
        data=_row(Date="2021-04-26 09:15:00"),
    ),
)


def qlib_files(**changes: bytes | None) -> dict[str, bytes]:
    """Return the files of a Qlib directory of two instruments, some of them changed or removed."""
    days = pd.bdate_range("2021-04-26", periods=5)
    files: dict[str, bytes] = {
        "calendar": "\n".join(f"{day:%Y-%m-%d}" for day in days).encode(),
        "instruments": b"SH600000\t2021-04-26\t2021-04-30\nSH600004\t2021-04-27\t2021-04-30\n",
        "close": np.array([0, 1, 2, np.nan, 4, 5], dtype="<f4").tobytes(),
        "volume": np.array([0, 10, 20, 30, 40, 50], dtype="<f4").tobytes(),
        "other_close": np.array([1, 7, 8, 9], dtype="<f4").tobytes(),
    }
    paths = {
        "calendar": "bad/calendars/day.txt",
        "instruments": "bad/instruments/all.txt",
        "close": "bad/features/sh600000/close.day.bin",
        "volume": "bad/features/sh600000/volume.day.bin",
        "other_close": "bad/features/sh600004/close.day.bin",
    }
    merged = {**files, **changes}
    return {paths[key]: data for key, data in merged.items() if data is not None}


def qlib(name: str, words: str, options: Mapping[str, Any] | None = None, **changes: Any) -> Damage:
    """Return a Qlib directory with one file changed."""
    return Damage(name, "qlib", qlib_files(**changes), words, options or {})


ODD = b"\0\0\0\0\0\0\1"
MANY = np.arange(9, dtype="<f4").tobytes()
LATE = np.array([9, 1], dtype="<f4").tobytes()
ESCAPE = b"../../etc\t2021-04-26\t2021-04-30\n"

DIRECTORIES = (
    qlib("a feature cut in a number", "close.day.bin is cut: 7 bytes", close=ODD),
    qlib("a feature of zero bytes", "close.day.bin is cut: 0 bytes", close=b""),
    qlib("a feature too long", "has 8 values from day 0 on, and the calendar only 5", close=MANY),
    qlib("a feature beyond the calendar", "has 1 values from day 9 on", close=LATE),
    qlib("a feature of garbage", "which numbers no day", close=b"\xff" * 8),
    qlib("a close that is missing", "sh600000/close.day.bin is missing", close=None),
    qlib(
        "a field that is missing", "volume.day.bin is missing", {"fields": ["volume"]}, volume=None
    ),
    qlib("no calendar", "calendars/day.txt is missing", calendar=None),
    qlib("a calendar backwards", "a calendar increases", calendar=b"2021-04-27\n2021-04-26"),
    qlib("a day twice", "2021-04-26 follows 2021-04-26", calendar=b"2021-04-26\n2021-04-26"),
    qlib("a calendar of words", "'soon' is not a date", calendar=b"2021-04-26\nsoon"),
    qlib("an unknown market", "no instruments/csi30.txt", {"market": "csi30"}),
    qlib("an instrument without dates", "is not symbol, from, to", instruments=b"SH600000\n"),
    qlib("an escape", "'../../etc' cannot be a symbol", instruments=ESCAPE),
    qlib("no features", "has features", instruments=b"SH1\t2021-04-26\t2021-04-30\n"),
    qlib(
        "a span backwards",
        "ends on 2021-04-26, before it begins on 2021-04-30",
        instruments=b"SH600000\t2021-04-30\t2021-04-26\n",
    ),
)

DAMAGES = (*TEXTS, *DATES, *NUMBERS, *LOADING, *PARQUETS, *CACHES, *DIRECTORIES)

"""Dates as people write them: a column of stamps flows in, dates or instants flow out.

A stamp that could be read in two ways is refused and never guessed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from pandas.tseries.api import guess_datetime_format

from ...errors import DataError
from .numbers import shown

Stamps = Literal["date", "open", "close"]

OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"
FORMAT = "dataset.source.date_format="
MARKS = "say what it marks with dataset.source.stamps=open and dataset.source.interval=15min"
NO_DAY = r"\d{4}(?:[-/]?\d\d)?"


def parse_stamps(column: pd.Series[Any], name: str, date_format: str | None) -> pd.Series[Any]:
    """Return a column of dates or times as datetime64.

    Parameters
    ----------
    column : text, numbers such as 20150131, or datetime64
    name : str
        The file, to begin messages with.
    date_format : str, optional
        As in ``strptime``. Default: ISO 8601, else whichever of day first and month first fits.

    Raises
    ------
    DataError
        A stamp is missing, cannot be read, or can be read in two ways.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        stamps = column
    else:
        stamps = _read(column.astype("str").str.strip(), name, date_format)
    if (absent := stamps.isna().to_numpy()).any():
        row = int(absent.argmax())
        raise DataError(
            f"{name}: row {row + 1}: {shown(column.iloc[row])} is not a date"
            + (f" of the format {date_format}" if date_format else "")
            + f"; set {FORMAT}%d-%m-%Y or what fits"
        )
    years = stamps.dt.year
    if not ((years >= 1800) & (years <= 2200)).all():
        row = int(((years < 1800) | (years > 2200)).to_numpy().argmax())
        raise DataError(f"{name}: row {row + 1}: the year {years.iloc[row]} cannot be right")
    return pd.Series(stamps.dt.as_unit("ns"))


def date_or_time(
    stamps: pd.Series[Any],
    name: str,
    marks: Stamps | None,
    interval: str | None,
    timezone: str | None,
) -> dict[str, pd.Series[Any]]:
    """Say what stamps are.

    Parameters
    ----------
    stamps : (B,) datetime64[ns]
    name : str
    marks : "open", "close" or "date", optional
        Which end of an intraday bar is stamped. None: these are daily bars. date: they are, and
        a time of day means nothing.
    interval : str, optional
        Length of a bar, such as ``15min``; needed where the open is stamped.
    timezone : str, optional
        Of intraday stamps that do not carry one, and whose days daily stamps that carry one are.

    Returns
    -------
    dict
        Of daily bars ``date`` (naive days); of others ``time`` (UTC, the instant of the close) and,
        where the interval is known, ``opened`` (UTC).

    Raises
    ------
    DataError
        It cannot be said.
    """
    if marks is None or marks == "date":
        intraday = "" if marks else f"; of intraday ones {MARKS}, or stamps=close"
        own = local_stamps(stamps, timezone, name, intraday)
        days = own.dt.normalize()
        if marks is None and not (days == own).all():
            row = int((days != own).to_numpy().argmax())
            raise DataError(
                f"{name}: row {row + 1}: {own.iloc[row]} has a time of day; {MARKS}, or "
                "stamps=close, or stamps=date (it means nothing)"
            )
        return {"date": days}
    if marks not in ("open", "close"):
        raise DataError(f"{name}: dataset.source.stamps={marks}: choose open, close or date")
    if stamps.dt.tz is None:
        stamps = _zoned(stamps, name, timezone)
    stamps = stamps.dt.tz_convert("UTC").dt.as_unit("ns")
    if interval is None:
        if marks == "open":
            raise DataError(
                f"{name}: dataset.source.stamps=open needs the bar's length; "
                "set dataset.source.interval=15min or what it is"
            )
        return {"time": stamps}
    length = length_of(interval)
    if length is None:
        raise DataError(
            f"{name}: dataset.source.interval={interval} is no length; write 15min or 1h"
        )
    if marks == "open":
        return {"time": stamps + length, "opened": stamps}
    return {"time": stamps, "opened": stamps - length}


def local_stamps(
    stamps: pd.Series[Any], timezone: str | None, name: str, advice: str
) -> pd.Series[Any]:
    """Return daily stamps as naive ones, whose dates are those of their sessions.

    Midnight in Mumbai is 18:30 of the day before in UTC: a stamp with an offset names a day only
    where it is midnight of that offset, or where it is known whose days they are.

    Parameters
    ----------
    stamps : (B,) datetime64[ns]
        Naive ones are returned as they are.
    timezone : str, optional
        Whose days they are.
    name : str
        The file, to begin messages with.
    advice : str
        What else could be done, to end the message with.

    Raises
    ------
    DataError
        Without `timezone`, a stamp with an offset is not midnight; or there is no such zone.
    """
    if stamps.dt.tz is None:
        return stamps
    if timezone is not None:
        try:
            return pd.Series(stamps.dt.tz_convert(timezone).dt.tz_localize(None))
        except (ValueError, KeyError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{name}: times cannot be read as {timezone}: {reason}") from None
    own = stamps.dt.tz_localize(None)
    if (timed := (own.dt.normalize() != own).to_numpy()).any():
        row = int(timed.argmax())
        raise DataError(
            f"{name}: row {row + 1}: {stamps.iloc[row]} is no midnight, and its day depends on the "
            f"zone; of daily bars set dataset.source.timezone=Asia/Kolkata or what it is{advice}"
        )
    return pd.Series(own)


def length_of(interval: str) -> pd.Timedelta | None:
    """Return the length of a bar such as ``15min``, or None where it is none."""
    try:
        length = pd.Timedelta(interval)
    except ValueError:
        return None
    return length if not pd.isna(length) and length > pd.Timedelta(0) else None


def numbered_dates(rows: int, dates: Mapping[str, Any], name: str) -> pd.Series[Any]:
    """Date the rows of a file that has no dates: ``{start: 1990-01-01, freq: D}``.

    `freq` is one of pandas (D for days, B for weekdays).
    """
    unknown = set(dates) - {"start", "freq"}
    if unknown or "start" not in dates:
        raise DataError(f"{name}: dataset.source.dates must be {{start: 1990-01-01, freq: D}}")
    start, freq = str(dates["start"]), str(dates.get("freq", "D"))
    try:
        index = pd.date_range(start, periods=rows, freq=freq, unit="ns")
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{name}: dataset.source.dates={{start: {start}, freq: {freq}}}: {reason}"
        ) from None
    return pd.Series(index)


def _zoned(stamps: pd.Series[Any], name: str, timezone: str | None) -> pd.Series[Any]:
    if timezone is None:
        raise DataError(
            f"{name}: the times have no zone; set dataset.source.timezone=Asia/Kolkata "
            "or what it is"
        )
    try:
        return pd.Series(stamps.dt.tz_localize(timezone))
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{name}: times cannot be read as {timezone}: {reason}") from None


def _read(text: pd.Series[Any], name: str, date_format: str | None) -> pd.Series[Any]:
    if date_format:
        return _convert(text, name, date_format)
    if (vague := text.str.fullmatch(NO_DAY).fillna(False).to_numpy(dtype=bool)).any():
        row = int(vague.argmax())
        raise DataError(f"{name}: row {row + 1}: {shown(text.iloc[row])} names no day")
    stamps = _convert(text, name, "ISO8601")
    if not stamps.isna().any() or text.isna().all():
        return stamps
    sample = str(text[text.notna()].iloc[0])
    # A month in capitals is not recognised, though it is parsed.
    plain = re.sub(r"[A-Za-z]{3,}", lambda word: word[0].capitalize(), sample)
    readings: list[pd.Series[Any]] = []
    for day_first in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the order contradicts the sample
            guess = guess_datetime_format(plain, dayfirst=day_first)
        # Nobody writes the year first and the day before the month.
        if guess is not None and not re.match("%Y.?%d", guess):
            readings.append(_convert(text, name, guess))
    complete = [reading for reading in readings if not reading.isna().any()]
    if len(complete) == 2 and not complete[0].equals(complete[1]):
        raise DataError(
            f"{name}: {sample!r} can be read with the month or the day first; "
            f"set {FORMAT}%m/%d/%Y or %d/%m/%Y"
        )
    if complete:
        return complete[0]
    return min([stamps, *readings], key=lambda reading: int(reading.isna().sum()))


def _convert(text: pd.Series[Any], name: str, date_format: str) -> pd.Series[Any]:
    try:
        return pd.to_datetime(text, format=date_format, errors="coerce")
    except ValueError as error:
        if "timezone" not in str(error).lower() and "offset" not in str(error).lower():
            reason = str(error).splitlines()[0]
            raise DataError(f"{name}: dates do not read as {date_format}: {reason}") from None
    # The offset changes with the season; at midnight, as in daily files, the local date is meant.
    local = text.str.replace(OFFSET, "", regex=True)
    stamps = pd.to_datetime(local, format=date_format, errors="coerce")
    if (stamps == stamps.dt.normalize()).all():
        return stamps
    if (bare := (local == text).to_numpy(dtype=bool)).any():
        row = int(bare.argmax())
        raise DataError(
            f"{name}: row {row + 1}: {shown(text.iloc[row])} has no zone and other rows have one"
        )
    return pd.to_datetime(text, format=date_format, errors="coerce", utc=True)

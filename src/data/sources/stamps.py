"""Dates as people write them: a column of stamps flows in, dates or instants flow out.

A stamp that could be read in two ways is refused and never guessed.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import pandas as pd
from pandas.tseries.api import guess_datetime_format

from ...errors import DataError

Stamps = Literal["date", "open", "close"]


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
        stamps = _read(column.astype("str"), name, date_format)
    if (absent := stamps.isna().to_numpy()).any():
        row = int(absent.argmax())
        raise DataError(
            f"{name}: row {row + 1}: {_shown(column.iloc[row])} is not a date"
            + (f" of the format {date_format}" if date_format else "; set date_format, as %d-%m-%Y")
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
) -> tuple[str, pd.Series[Any]]:
    """Say what stamps are: ``("date", naive days)`` or ``("time", UTC instants of the close)``.

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
        Of stamps that do not carry one.

    Raises
    ------
    DataError
        It cannot be said.
    """
    if marks is None or marks == "date":
        own = stamps.dt.tz_localize(None) if stamps.dt.tz is not None else stamps
        days = own.dt.normalize()
        if marks is None and not (days == own).all():
            row = int((days != own).to_numpy().argmax())
            raise DataError(
                f"{name}: row {row + 1}: {stamps.iloc[row]} has a time of day; say what it marks "
                "with stamps: open (and interval: 15min), close, or date (it means nothing)"
            )
        return "date", days
    if marks not in ("open", "close"):
        raise DataError(f"{name}: stamps: {marks} is unknown; choose open, close or date")
    if stamps.dt.tz is None:
        if timezone is None:
            raise DataError(f"{name}: the times have no zone; set timezone, as Asia/Kolkata")
        try:
            stamps = stamps.dt.tz_localize(timezone)
        except (ValueError, KeyError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{name}: times cannot be read as {timezone}: {reason}") from None
    if marks == "open":
        if interval is None:
            raise DataError(f"{name}: stamps: open needs the bar's length; set interval, as 15min")
        try:
            length = pd.Timedelta(interval)
        except ValueError:
            raise DataError(
                f"{name}: interval: {interval} is no length; write 15min or 1h"
            ) from None
        stamps = stamps + length
    return "time", stamps.dt.tz_convert("UTC").dt.as_unit("ns")


def _read(text: pd.Series[Any], name: str, date_format: str | None) -> pd.Series[Any]:
    if date_format:
        return _convert(text, name, date_format)
    stamps = _convert(text, name, "ISO8601")
    if not stamps.isna().any() or text.isna().all():
        return stamps
    sample = str(text[text.notna()].iloc[0])
    readings: list[pd.Series[Any]] = []
    for day_first in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where the order contradicts the sample
            guess = guess_datetime_format(sample, dayfirst=day_first)
        if guess is not None:
            readings.append(_convert(text, name, guess))
    complete = [reading for reading in readings if not reading.isna().any()]
    if len(complete) == 2 and not complete[0].equals(complete[1]):
        raise DataError(
            f"{name}: {sample!r} can be read with the month or the day first; "
            "set date_format, as %m/%d/%Y or %d/%m/%Y"
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
    local = text.str.replace(r"(?:Z|[+-]\d\d:?\d\d)$", "", regex=True)
    stamps = pd.to_datetime(local, format=date_format, errors="coerce")
    if (stamps == stamps.dt.normalize()).all():
        return stamps
    return pd.to_datetime(text, format=date_format, errors="coerce", utc=True)


def _shown(value: Any) -> str:
    return "an empty cell" if pd.isna(value) else repr(str(value))

"""Tables that go with bars, such as splits or memberships: a small file of text in, a frame out.

Every refusal is one line that names the file, the row and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...errors import DataError
from ..sources.stamps import local_stamps, parse_stamps

DAY = 86_400_000_000_000

Zones = Mapping[str, tzinfo]
UTC_ALONE: Zones = MappingProxyType({})


def read_companion(path: Path, key: str, **reading: Any) -> pd.DataFrame:
    """Return a CSV file as text, an empty cell as missing.

    Parameters
    ----------
    path : Path
    key : str
        The option that named the file, for messages.
    reading : options of `pandas.read_csv`

    Raises
    ------
    DataError
        There is no such file, or it is no table of text.
    """
    if not path.is_file():
        raise DataError(
            f"{key}={path}: there is no such file; the path is relative to {Path.cwd()}"
        )
    try:
        # The symbols NA and NAN are companies.
        frame = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            encoding="utf-8-sig",
            **reading,
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name} is empty; {key} needs at least one row") from None
    except (ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{path.name} does not read as CSV: {reason}; save it as CSV") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(f"{path.name}: its rows have more cells than its header; drop the others")
    if frame.empty:
        raise DataError(f"{path.name} has not a single row; {key} needs at least one")
    return pd.DataFrame({header: frame[header].str.strip() for header in frame.columns})


def named_columns(
    frame: pd.DataFrame, wanted: Mapping[str, Sequence[str]], name: str
) -> pd.DataFrame:
    """Return the columns wanted, each found by one of its headers in any case.

    Raises
    ------
    DataError
        One of them is not there.
    """
    plain = {str(header).strip().lower(): header for header in reversed(frame.columns)}
    found = {}
    for column, headers in wanted.items():
        header = next((plain[h] for h in headers if h in plain), None)
        if header is None:
            raise DataError(
                f"{name} has no column {headers[0]!r} among {', '.join(map(str, frame.columns))}; "
                f"its header must name {', '.join(wanted)}"
            )
        found[column] = frame[header]
    return pd.DataFrame(found)


def require_symbols(symbols: pd.Series[Any], name: str) -> None:
    """Refuse a row without a symbol.

    Raises
    ------
    DataError
    """
    if (absent := symbols.isna().to_numpy()).any():
        raise DataError(f"{name}: row {int(absent.argmax()) + 1} has no symbol; name it")


def days_of(column: pd.Series[Any], name: str) -> npt.NDArray[np.int64]:
    """Return a column of dates as days since 1970, whatever their time of day.

    Raises
    ------
    DataError
        One of them is missing, or cannot be read in one way alone.
    """
    try:
        read = parse_stamps(column.reset_index(drop=True), name, None)
        stamps = local_stamps(read, None, name, "")
    except DataError as error:
        # What it advises is an option of a source, which this table is not.
        raise DataError(f"{str(error).partition(';')[0]}; write dates as 2015-01-31") from None
    return pd.DatetimeIndex(stamps.dt.as_unit("ns")).asi8 // DAY


def session_days(bars: pd.DataFrame, zones: Zones = UTC_ALONE) -> npt.NDArray[np.int64]:
    """Return the day of each validated bar's session, as days since 1970.

    It is the date on the clocks of its exchange. A session that closes at 24:00 is that of the day
    that ends then.

    Parameters
    ----------
    bars : DataFrame
        As `validate_bars` returns them.
    zones : symbol -> time zone
        Those of the exchanges; a symbol that is not named is on UTC.
    """
    instants = pd.DatetimeIndex(bars["time"]) - pd.Timedelta(1, "ns")
    places = [zones.get(str(symbol), UTC) for symbol in bars["symbol"].cat.categories]
    several = list(dict.fromkeys(places))
    if len(several) == 1:
        return _local_days(instants, several[0])
    days = np.empty(len(bars), dtype=np.int64)
    owner = np.array([several.index(place) for place in places])[bars["symbol"].cat.codes]
    for number, place in enumerate(several):
        here = np.flatnonzero(owner == number)
        days[here] = _local_days(instants[here], place)
    return days


def _local_days(instants: pd.DatetimeIndex, zone: tzinfo) -> npt.NDArray[np.int64]:
    local = instants.tz_convert(zone).tz_localize(None).as_unit("ns")
    days: npt.NDArray[np.int64] = local.asi8 // DAY
    return days


def shown_day(day: int) -> str:
    """Return a day since 1970 as people write it.

    >>> shown_day(12600)
    '2004-07-01'
    """
    return str(np.datetime64(int(day), "D"))

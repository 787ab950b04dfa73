"""Bars that lie in the future, and numbers that no market prints."""

import pandas as pd
import pytest
from marketlab.data.bars.schema import Validated, validate_bars
from marketlab.errors import DataError
from pandas.api.typing import NaTType

NOW = pd.Timestamp.now("UTC").floor("s")
TODAY = NOW.tz_localize(None).normalize()
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


def check(
    time: pd.Timestamp,
    date: pd.Timestamp | NaTType | None = None,
    name: str = "d",
    **options: object,
) -> Validated:
    """Validate a sound bar and one at this time, daily where it has a date."""
    frame = pd.DataFrame({"time": [NOW - 9 * DAY, time], "symbol": "A", "close": 1.0})
    if date is not None:
        frame["date"] = [TODAY - 9 * DAY, date]
    return validate_bars(frame, name=name, **options)  # type: ignore[arg-type]


def test_a_bar_that_has_not_closed_is_refused() -> None:
    with pytest.raises(DataError, match=r"this bar lies in the future; mend the source"):
        check(NOW + HOUR)
    assert len(check(NOW - HOUR).bars) == 2


def test_the_daily_bar_of_today_may_close_later_and_tomorrow_s_not() -> None:
    assert len(check(NOW + HOUR, TODAY).bars) == 2
    with pytest.raises(DataError, match="this bar lies in the future"):
        check(NOW + 3 * DAY, TODAY + 2 * DAY)


def test_an_intraday_row_beside_daily_ones_goes_by_its_time() -> None:
    with pytest.raises(DataError, match=r"^d: A 20.*this bar lies in the future"):
        check(NOW + HOUR, pd.NaT)


def test_it_may_be_dropped_and_is_counted() -> None:
    checked = check(NOW + HOUR, on_invalid="drop")
    assert checked.notes == ("1 bar dropped: in the future",)
    assert len(checked.bars) == 1


def test_made_up_bars_may_lie_in_the_future() -> None:
    assert len(check(NOW + HOUR, made_up=True).bars) == 2


def test_a_number_beyond_float32_is_refused() -> None:
    frame = pd.DataFrame({"time": [NOW - DAY], "symbol": "A", "close": 1.0, "volume": 1e39})
    with pytest.raises(DataError, match=r"volume 1e\+39 is too large to be true"):
        validate_bars(frame, name="d")

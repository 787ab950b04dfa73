"""What a panel lacks, on panels small enough to count by hand."""

import numpy as np
import pandas as pd
from marketlab.data.health.gaps import coverage, longest_gaps, row_dates
from marketlab.data.panel import Panel

NAN = np.nan


def panel(closes, start="2020-12-30"):
    """Closes (T, N) at 24:00 UTC of days in a row."""
    closes = np.asarray(closes, dtype=float)
    times = pd.date_range(start, periods=len(closes), tz="UTC", unit="ns") + pd.Timedelta(days=1)
    return Panel(times, tuple("ABC"[: closes.shape[1]]), {"close": closes}, "24/7")


def test_a_close_at_midnight_is_of_the_day_that_ends():
    assert [str(d.date()) for d in row_dates(panel([[1], [1]]))] == ["2020-12-30", "2020-12-31"]


def test_coverage_is_the_share_of_the_clocks_sessions_by_year():
    shares = coverage(panel([[1, 1], [NAN, 1], [1, NAN], [1, NAN], [NAN, NAN], [1, NAN]]))
    assert list(shares.columns) == [2020, 2021]
    assert shares.loc["A"].tolist() == [0.5, 0.75]
    assert shares.loc["B"].tolist() == [1.0, 0.0]


def test_gaps_lie_between_the_first_and_the_last_bar_and_the_longest_comes_first():
    a = [NAN, 1, NAN, 1, NAN, NAN, 1, NAN]
    b = [1, 1, 1, 1, 1, 1, NAN, NAN]
    gaps = longest_gaps(panel(np.column_stack([a, b])))
    assert gaps["symbol"].tolist() == ["A", "A"]
    assert gaps["sessions"].tolist() == [2, 1]
    assert [str(d.date()) for d in gaps["from"]] == ["2021-01-03", "2021-01-01"]
    assert [str(d.date()) for d in gaps["to"]] == ["2021-01-04", "2021-01-01"]
    assert len(longest_gaps(panel(np.column_stack([a, b])), most=1)) == 1


def test_symbols_that_lack_the_same_sessions_share_a_row():
    a = [1, NAN, NAN, 1, NAN, 1]
    b = [1, NAN, 1, 1, NAN, 1]
    c = [1, NAN, NAN, 1, NAN, 1]
    gaps = longest_gaps(panel(np.column_stack([a, b, c])))
    assert gaps["symbol"].tolist() == ["A, C", "all 3 symbols", "B"]
    assert gaps["sessions"].tolist() == [2, 1, 1]
    assert gaps["symbols"].tolist() == [2, 3, 1]
    assert [str(d.date()) for d in gaps["from"]] == ["2020-12-31", "2021-01-03", "2020-12-31"]


def test_a_gap_does_not_reach_from_one_symbol_to_the_next():
    late_then_early = np.column_stack([[1, 1, NAN, NAN, NAN], [NAN, NAN, NAN, 1, 1]])
    assert longest_gaps(panel(late_then_early)).empty


def test_a_symbol_without_bars_has_no_gap():
    empty = panel([[NAN, 1], [NAN, 1]])
    assert longest_gaps(empty).empty
    assert coverage(empty).loc["A"].tolist() == [0.0]

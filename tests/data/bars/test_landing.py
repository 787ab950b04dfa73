"""A bar lands on the first row at or after its time, and nowhere else."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from marketlab.data.bars.calendars import sessions
from marketlab.data.bars.landing import (
    MULTIPLIED,
    SUMMED,
    WEIGHTED,
    land_bars,
    panel_from_bars,
)
from marketlab.data.dataset import Dataset
from marketlab.data.snapshots.store import read_snapshot
from marketlab.data.sources.csv import Csv
from marketlab.errors import DataError

FIELDS = (
    *("open", "high", "low", "close", "volume", "vwap", "prev_close", "deliverable_volume"),
    *("deliverble", "stock_splits", "last", "trades"),
)


def bars(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Make bars of (time, symbol, close); the other fields follow from the close."""
    close = np.array([row[2] for row in rows])
    frame = pd.DataFrame(
        {
            "time": pd.to_datetime([row[0] for row in rows], utc=True).as_unit("ns"),
            "symbol": pd.Categorical([row[1] for row in rows]),
            "open": close - 1,
            "high": close + 2,
            "low": close - 2,
            "close": close,
            "volume": 10 * close,
        }
    )
    return frame.sort_values(["symbol", "time"], ignore_index=True)


def test_gold_of_new_york_belongs_to_mumbai_s_next_row() -> None:
    panel = panel_from_bars(
        bars(
            ("2021-04-27 10:00", "NSE", 100.0),
            ("2021-04-27 21:00", "GOLD", 7.0),  # Mumbai closed at 10:00
            ("2021-04-28 10:00", "NSE", 101.0),
            ("2021-04-29 10:00", "NSE", 102.0),
        ),
        "XBOM",
    )
    assert panel.symbols == ("GOLD", "NSE")
    assert [t.day for t in panel.times] == [27, 28, 29]
    np.testing.assert_array_equal(panel.fields["close"][:, 0], [np.nan, 7.0, np.nan])
    np.testing.assert_array_equal(panel.fields["close"][:, 1], [100.0, 101.0, 102.0])


def test_bars_on_one_row_merge_as_ohlcv() -> None:
    landed = land_bars(
        bars(
            ("2021-04-27 08:00", "A", 100.0),
            ("2021-04-27 09:00", "A", 90.0),
            ("2021-04-27 10:00", "A", 95.0),
        ),
        "XBOM",
    )
    row = {name: float(values[0, 0]) for name, values in landed.panel.fields.items()}
    assert row == {"open": 99.0, "high": 102.0, "low": 88.0, "close": 95.0, "volume": 2850.0}
    assert landed.merged == 2


def merged(**columns: list[float]) -> dict[str, float]:
    """Land bars of one morning on one row, with these further columns."""
    rows = len(next(iter(columns.values())))
    frame = bars(*((f"2021-04-27 {hour}:00", "A", float(hour)) for hour in range(11 - rows, 11)))
    panel = panel_from_bars(frame.assign(**columns), "XBOM")
    return {name: float(values[0, 0]) for name, values in panel.fields.items()}


@pytest.mark.parametrize(
    ("name", "values", "volume", "expected"),
    [
        ("prev_close", [9.0, 11.0], [1.0, 1.0], 9.0),
        ("prev_close", [np.nan, 11.0, 12.0], [1.0, 1.0, 1.0], np.nan),
        ("deliverable_volume", [4.0, 5.0], [8.0, 8.0], 9.0),
        ("trades", [4.0, 5.0], [8.0, 8.0], 9.0),
        ("turnover", [4.0, np.nan], [8.0, 8.0], 4.0),
        ("dividends", [0.5, 0.25], [8.0, 8.0], 0.75),
        ("vwap", [10.0, 20.0], [3.0, 1.0], 12.5),
        ("vwap", [10.0, 20.0, np.nan], [3.0, 1.0, 50.0], 12.5),
        ("vwap", [10.0, 20.0], [3.0, np.nan], 10.0),
        ("vwap", [10.0, 20.0], [0.0, 0.0], 20.0),
        ("vwap", [10.0, 20.0], [np.nan, np.nan], 20.0),
        ("deliverble", [0.25, 0.75], [3.0, 1.0], 0.375),
        ("stock_splits", [2.0, 0.0], [1.0, 1.0], 2.0),
        ("stock_splits", [2.0, 5.0], [1.0, 1.0], 10.0),
        ("stock_splits", [0.0, 0.0], [1.0, 1.0], 0.0),
        ("stock_splits", [np.nan, 0.0], [1.0, 1.0], 0.0),
        ("stock_splits", [np.nan, 5.0], [1.0, 1.0], 5.0),
        ("_ratio", [2.0, 1.5], [1.0, 1.0], 3.0),
        ("_ratio", [2.0, np.nan], [1.0, 1.0], 2.0),
        ("_member", [1.0, 0.0], [1.0, 1.0], 0.0),
        ("last", [1.0, 5.0], [1.0, 1.0], 5.0),
    ],
)
def test_each_field_merges_by_what_it_means(
    name: str, values: list[float], volume: list[float], expected: float
) -> None:
    found = merged(**{name: values, "volume": volume})
    if np.isnan(expected):
        assert np.isnan(found.get(name, np.nan))
    else:
        assert found[name] == expected


def test_the_merged_rows_of_real_shares(shared_data: Path, tmp_path: Path) -> None:
    """Saturdays and Sundays that the calendar does not know merge with the Monday after."""
    path = shared_data / "nifty/RELIANCE_2000_2021.csv"
    source = Csv(str(path))
    loaded = Dataset("r", source, "XBOM").load(tmp_path)
    raw = source.load().set_index("date")
    panel = loaded.panel
    taken, _ = read_snapshot(loaded.snapshot.path)
    row = panel.times.searchsorted(pd.DatetimeIndex(taken["time"]))
    shared = np.flatnonzero(np.bincount(row) > 1)
    assert len(shared) > 10
    for t in shared:
        dates = [time.tz_localize(None).normalize() for time in taken["time"][row == t]]
        parts = raw.loc[dates]
        found = {name: values[t, 0] for name, values in panel.fields.items()}
        assert found["prev_close"] == parts["prev_close"].iloc[0]
        assert found["deliverable_volume"] == pytest.approx(
            parts["deliverable_volume"].sum(min_count=1), nan_ok=True
        )
        assert found["vwap"] == pytest.approx(np.average(parts["vwap"], weights=parts["volume"]))
        share = parts["deliverable_volume"].sum() / parts["volume"].sum()
        if parts["deliverable_volume"].notna().all():
            assert found["deliverble"] == pytest.approx(share, abs=1e-4)


def test_rows_without_bars_are_there_and_empty() -> None:
    panel = panel_from_bars(
        bars(("2021-04-26 10:00", "A", 1.0), ("2021-04-30 10:00", "A", 2.0)), "XBOM"
    )
    np.testing.assert_array_equal(panel.fields["close"][:, 0], [1.0, np.nan, np.nan, np.nan, 2.0])


def test_a_bar_after_the_last_close_lands_nowhere_and_is_counted() -> None:
    frame = bars(
        ("2021-04-29 10:00", "NSE", 1.0),
        ("2021-04-30 10:00", "NSE", 2.0),
        ("2021-04-30 21:00", "GOLD", 3.0),
    )
    landed = land_bars(frame, "XBOM")
    assert landed.late == 1
    assert len(landed.panel.times) == 2
    assert np.isnan(landed.panel.fields["close"][:, 0]).all()


def test_start_and_end_are_sessions_and_included() -> None:
    frame = bars(*((f"2021-04-{day} 10:00", "A", float(day)) for day in (26, 27, 28, 29, 30)))
    landed = land_bars(frame, "XBOM", pd.Timestamp("2021-04-27"), pd.Timestamp("2021-04-29"))
    assert landed.panel.fields["close"][:, 0].tolist() == [27.0, 28.0, 29.0]
    assert landed.late == 0
    # The day of 24/7 that ends at midnight is still its own date.
    daily = bars(("2021-04-28 00:00", "A", 27.0), ("2021-04-29 00:00", "A", 28.0))
    cut = land_bars(daily, "24/7", pd.Timestamp("2021-04-28"))
    assert cut.panel.fields["close"][:, 0].tolist() == [28.0]


def test_what_is_empty_is_refused() -> None:
    frame = bars(("2021-04-29 10:00", "A", 1.0))
    with pytest.raises(DataError, match="there are no bars"):
        land_bars(frame.iloc[:0], "XBOM")
    with pytest.raises(DataError, match="the bars run from 2021-04-29 to 2021-04-29"):
        land_bars(frame, "XBOM", pd.Timestamp("2022-01-03"))
    with pytest.raises(DataError, match="no bar lands on a session of XBOM"):
        land_bars(bars(("2021-04-30 21:00", "A", 1.0)), "XBOM")


def test_a_field_without_any_value_is_left_out() -> None:
    frame = bars(("2021-04-29 10:00", "A", 1.0)).assign(open=np.nan, volume=np.nan)
    assert set(panel_from_bars(frame, "XBOM").fields) == {"high", "low", "close"}


def test_a_symbol_s_rows_lie_together_in_memory() -> None:
    frame = bars(*((f"2021-04-{d} 10:00", s, 1.0) for d in (28, 29, 30) for s in "AB"))
    assert panel_from_bars(frame, "XBOM").fields["close"].T.flags.c_contiguous


def test_rows_beyond_the_calendar_are_counted() -> None:
    frame = bars(("2098-12-29 10:00", "A", 1.0), ("2098-12-31 10:00", "A", 2.0))
    landed = land_bars(frame, "XBOM")
    assert (len(landed.panel.times), landed.guessed) == (3, 3)


def slow_reference(frame: pd.DataFrame, clock: str) -> dict[str, dict[tuple[int, str], float]]:
    """Land bars one by one, as the contract says it in words."""
    first, last = frame["time"].min(), frame["time"].max()
    day = pd.Timedelta(days=3)
    closes = sessions(clock, (first - day).tz_localize(None), (last + day).tz_localize(None)).closes
    cells: dict[tuple[int, str], list[int]] = {}
    for index, bar in frame.iterrows():
        after = [c for c in closes if bar["time"] <= c <= last]
        if after:
            cells.setdefault((after[0].value, bar["symbol"]), []).append(int(str(index)))
    merged: dict[str, dict[tuple[int, str], float]] = {name: {} for name in FIELDS}
    for cell, indices in cells.items():
        for name in FIELDS:
            values = frame.loc[indices, name].dropna().tolist()
            if not values:
                continue
            weights = frame.loc[indices, ["volume", name]].dropna()["volume"]
            if name == "prev_close":
                if not np.isnan(first_one := frame.loc[indices[0], name]):
                    merged[name][cell] = first_one
            elif name in SUMMED:
                merged[name][cell] = sum(values)
            elif name in MULTIPLIED and len(indices) > 1:
                splits = [value for value in values if value != 0]
                merged[name][cell] = float(np.prod(splits)) if splits else 0.0
            elif name in WEIGHTED and len(indices) > 1 and weights.sum() > 0:
                parts = frame.loc[weights.index, name] * weights
                merged[name][cell] = pytest.approx(parts.sum() / weights.sum())
            elif name in ("high", "low"):
                merged[name][cell] = max(values) if name == "high" else min(values)
            else:
                merged[name][cell] = values[0] if name == "open" else values[-1]
    return merged


@st.composite
def any_bars(draw: st.DrawFn) -> pd.DataFrame:
    hours = draw(
        st.lists(
            st.tuples(st.integers(0, 24 * 20), st.sampled_from("ABC")),
            min_size=1, max_size=40, unique=True,
        )
    )  # fmt: skip
    value = st.one_of(st.just(np.nan), st.integers(1, 9).map(float))
    frame = pd.DataFrame(
        {
            "time": pd.Timestamp("2020-12-18", tz="UTC").as_unit("ns")
            + pd.to_timedelta([h for h, _ in hours], unit="h"),
            "symbol": pd.Categorical([s for _, s in hours], categories=list("ABC")),
            **{
                name: draw(st.lists(value, min_size=len(hours), max_size=len(hours)))
                for name in FIELDS
            },
        }
    )
    frame["time"] = frame["time"].dt.as_unit("ns")
    frame["close"] = frame["close"].fillna(5.0)
    return frame.sort_values(["symbol", "time"], ignore_index=True)


@settings(max_examples=60, deadline=None)
@given(any_bars(), st.sampled_from(["XBOM", "XNYS", "24/7"]))
def test_landing_is_what_the_slow_reference_says(frame: pd.DataFrame, clock: str) -> None:
    expected = slow_reference(frame, clock)
    if not expected["close"]:
        with pytest.raises(DataError):
            land_bars(frame, clock)
        return
    panel = panel_from_bars(frame, clock)
    for name in FIELDS:
        found = {
            (panel.times[t].value, panel.symbols[n]): values[t, n]
            for values in [panel.fields.get(name, np.full(panel.shape, np.nan))]
            for t, n in zip(*np.nonzero(~np.isnan(values)), strict=True)
        }
        assert found == expected[name]

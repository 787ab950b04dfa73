"""A split is told from a crash by how it happens; real files show how well."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.schema import validate_bars
from marketlab.data.corrections.suspects import suspected_splits
from marketlab.data.sources.synthetic import Synthetic


def pair(opened: float | None, close: float, days: int = 1, before: float = 100.0) -> pd.DataFrame:
    """Make two bars: one that closes at `before`, and one some days later."""
    times = pd.Timestamp("2021-03-01 10:00", tz="UTC") + pd.to_timedelta([0, days], "D")
    frame = pd.DataFrame({"time": times, "symbol": "A", "close": [before, close]})
    if opened is not None:
        frame["open"] = [before, opened]
    return validate_bars(frame, name="made", allow_negative=True).bars


@pytest.mark.parametrize(
    ("opened", "close", "ratio"),
    [
        (51.0, 49.0, 2),  # a bonus of 1:1 on a day that falls by 4%
        (47.0, 48.0, 2),  # bad news overnight
        (33.0, 32.0, 3),
        (66.0, 67.5, 1.5),
        (73.5, 73.0, 4 / 3),
        (9.8, 10.1, 10),
        (5.1, 4.9, 20),
        (198.0, 205.0, 1 / 2),
        (1030.0, 1000.0, 1 / 10),
        (None, 50.5, 2),
    ],
)
def test_what_looks_like_a_split(opened: float | None, close: float, ratio: float) -> None:
    found = suspected_splits(pair(opened, close))
    assert found["ratio"].tolist() == [ratio]
    assert found["move"].iloc[0] == close / 100 - 1
    assert found["date"].tolist() == [pd.Timestamp("2021-03-02")]
    assert found["symbol"].tolist() == ["A"]


@pytest.mark.parametrize(
    ("opened", "close", "before"),
    [
        (97.0, 70.0, 100.0),  # falls within the day
        (99.0, 50.0, 100.0),  # by half, but within the day
        (70.0, 69.5, 100.0),  # at the open, by 30%
        (58.0, 57.0, 100.0),  # at the open, by 42%
        (66.0, 45.0, 100.0),  # at the open by a third, and further
        (101.0, 130.0, 100.0),
        (None, 69.0, 100.0),
        (135.0, 136.0, 100.0),  # a takeover
        (-50.0, -50.0, -100.0),
        (-37.0, -37.6, 18.3),  # crude oil on 2020-04-20
    ],
)
def test_what_does_not(opened: float | None, close: float, before: float) -> None:
    assert suspected_splits(pair(opened, close, before=before)).empty


def test_after_a_long_pause_nothing_is_said() -> None:
    assert len(suspected_splits(pair(50.0, 50.0, days=30))) == 1
    assert suspected_splits(pair(50.0, 50.0, days=400)).empty


def test_symbols_do_not_follow_one_another() -> None:
    times = pd.to_datetime(["2021-03-01 10:00", "2021-03-02 10:00"], utc=True)
    frame = pd.DataFrame(
        {
            "time": [*times, *times],
            "symbol": ["A", "A", "B", "B"],
            "open": [100.0, 100, 50, 50],
            "close": [100.0, 100, 50, 50],
        }
    )
    found = suspected_splits(validate_bars(frame, name="made").bars)
    assert found.empty
    assert list(found.columns) == ["date", "symbol", "move", "ratio"]


def daily(path: Path, **names: str) -> pd.DataFrame:
    """Read a real file as bars that close at 10:00 UTC."""
    raw = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    raw = raw.rename(columns=names).rename(columns=str.lower)
    raw["time"] = pd.to_datetime(raw["date"]).dt.tz_localize("UTC") + pd.Timedelta("10h")
    kept = raw[["time", "symbol", "open", "high", "low", "close", "volume"]]
    return validate_bars(kept, name=path.name, on_invalid="drop").bars


def found_in(bars: pd.DataFrame) -> dict[tuple[str, str], float]:
    table = suspected_splits(bars)
    days = table["date"].dt.strftime("%Y-%m-%d")
    return dict(zip(zip(table["symbol"], days, strict=True), table["ratio"], strict=True))


def test_raw_indian_shares(shared_data: Path) -> None:
    """Of 105 moves beyond 25% these 84 look like splits, and the well known ones are there."""
    path = shared_data / "nifty/constituents_raw_daily_2000_2021.parquet"
    bars = daily(path, File="symbol", Symbol="ticker")
    found = found_in(bars)
    assert len(found) == 84
    known = {
        ("RELIANCE", "2009-11-26"): 2,
        ("RELIANCE", "2017-09-07"): 2,
        ("INFY", "2004-07-01"): 4,
        ("INFY", "2018-09-04"): 2,
        ("TCS", "2009-06-16"): 2,
        ("TCS", "2018-05-31"): 2,
        ("WIPRO", "2004-06-25"): 3,
        ("WIPRO", "2010-06-15"): 5 / 3,
        ("SBIN", "2014-11-20"): 10,
        ("TITAN", "2011-06-23"): 20,
        ("LT", "2013-07-11"): 1.5,
        ("ONGC", "2011-02-08"): 4,
    }
    assert {key: found.get(key) for key in known} == known
    crashes = {
        ("INFY", "2003-04-10"),  # a profit warning
        ("AXISBANK", "2020-03-23"),
        ("ZEEL", "2019-01-25"),
        ("RELIANCE", "2006-01-18"),  # four businesses spun off
        ("HDFCBANK", "2004-05-18"),
        ("KOTAKBANK", "2001-07-02"),  # fifteen months without a bar
    }
    assert not crashes & found.keys()


def test_an_index_that_changed_its_base(shared_data: Path) -> None:
    path = shared_data / "nifty/NIFTY_IT_daily_to_2022_08.csv"
    raw = pd.read_csv(path).assign(Symbol="NIFTY_IT").replace({"Open": {0: np.nan}})
    raw.loc[raw["Open"].isna(), ["High", "Low"]] = np.nan
    raw["time"] = pd.to_datetime(raw["Date"]).dt.tz_localize("UTC") + pd.Timedelta("10h")
    raw = raw.rename(columns=str.lower)[["time", "symbol", "open", "high", "low", "close"]]
    found = found_in(validate_bars(raw, name=path.name, on_invalid="drop").bars)
    assert found == {("NIFTY_IT", "2004-05-28"): 10}


def test_adjusted_shares_show_next_to_none(shared_data: Path) -> None:
    us = daily(shared_data / "us/sp500_100names_daily_2013_2018.parquet", Name="symbol")
    # Agilent spun off Keysight, for which nobody adjusted the price.
    assert found_in(us) == {("A", "2014-11-03"): 4 / 3}
    china = daily(shared_data / "csi300/members_daily_2010_2020.parquet", instrument="symbol")
    found = found_in(china)
    # One of these companies is not adjusted at all; the others came back as another one.
    assert {symbol for symbol, _ in found} == {"SZ302132", "SH600688", "SZ000156", "SZ000776"}
    assert len(found) == 6


def test_made_up_shares_show_none() -> None:
    made = Synthetic(symbols=30, rows=5000).load()
    made["time"] = made["date"].dt.tz_localize("UTC") + pd.Timedelta("21h")
    assert suspected_splits(validate_bars(made.drop(columns="date"), name="made").bars).empty

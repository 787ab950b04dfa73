"""The JSON cache: daily and intraday series side by side."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from marketlab.data.sources.json_cache import JsonCache
from marketlab.errors import DataError

DAY = {"Date": "2021-04-26 00:00:00+05:30", "Open": 1.0, "Close": 2.0, "Stock Splits": 0.0}
BAR = {"Datetime": "2021-04-26 15:25:00+05:30", "Open": 1, "Close": None, "Volume": 3}


def write(folder: Path, **series: tuple[str, list[dict[str, Any]]]) -> str:
    made = {k: {"meta": {"interval": i}, "data": data} for k, (i, data) in series.items()}
    (folder / "cache.json").write_text(json.dumps({"timestamp": "x", "series": made}))
    return str(folder / "cache.json")


def test_daily_rows_have_dates_and_intraday_ones_instants(tmp_path: Path) -> None:
    raw = JsonCache(write(tmp_path, day=("1d", [DAY]), minutes=("5m", [BAR]))).load()
    assert raw["symbol"].tolist() == ["day", "minutes"]
    assert raw["date"].tolist() == [pd.Timestamp("2021-04-26"), pd.NaT]
    assert raw["time"].iloc[1] == pd.Timestamp("2021-04-26 10:00", tz="UTC")
    assert raw["opened"].iloc[1] == pd.Timestamp("2021-04-26 09:55", tz="UTC")
    assert raw["time"].isna().tolist() == [True, False]
    assert raw["close"].isna().tolist() == [False, True]
    assert raw["stock_splits"].iloc[0] == 0


def test_some_series_of_them(tmp_path: Path) -> None:
    path = write(tmp_path, day=("1d", [DAY]), minutes=("5m", [BAR]))
    raw = JsonCache(path, series=["day"]).load()
    assert "time" not in raw
    assert raw["symbol"].tolist() == ["day"]
    with pytest.raises(DataError, match=r"cache\.json has no series 'dya'; did you mean 'day'\?"):
        JsonCache(path, series=["dya"]).load()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file nowhere\.json"):
        JsonCache("nowhere.json").load()
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        JsonCache(str(tmp_path)).load()


def test_every_series_of_the_real_cache(shared_data: Path) -> None:
    raw = JsonCache(str(shared_data / "seeds/prediction_data.json")).load()
    counts = raw["symbol"].value_counts()
    assert len(counts) == 13
    assert counts["nifty_daily"] == 1235
    assert [counts[f"nifty_{days}d_5m"] for days in (1, 2, 3)] == [75, 150, 225]
    minutes = raw[raw["symbol"] == "nifty_1d_5m"]
    assert minutes["time"].iloc[-1] == pd.Timestamp("2025-11-14 10:00", tz="UTC")
    nifty = raw[raw["symbol"] == "nifty_daily"]
    assert nifty["date"].iloc[[0, -1]].tolist() == [
        pd.Timestamp("2020-11-17"),
        pd.Timestamp("2025-11-14"),
    ]

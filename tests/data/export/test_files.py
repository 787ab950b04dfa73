"""Exported files hold every bar, every digit and the dates that other programs expect."""

import csv
import io
import json

import numpy as np
import pandas as pd
from marketlab.data.dataset import Dataset
from marketlab.data.export.files import csv_files, json_cache
from marketlab.data.sources.csv import Csv
from marketlab.data.sources.json_cache import JsonCache

from made_series import MUMBAI, bars, daily, intraday, written


def files(frame, **how):
    made = csv_files(written(frame, **how), "all.csv", "tidy.csv", MUMBAI)
    return {name: data.decode() for name, data in made}


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def test_a_symbols_file_has_every_digit_and_only_columns_with_values():
    frame = bars(daily("A", adj_close=np.nan, vwap=1 / 3))
    table = rows(files(frame)["A.csv"])
    assert table[0] == ["Date", "Open", "High", "Low", "Close", "Volume", "Vwap"]
    assert table[1][0] == "2024-03-01"
    for column, name in enumerate(["open", "high", "low", "close", "volume", "vwap"], start=1):
        assert [float(row[column]) for row in table[1:]] == frame[name].tolist()
    assert table[2][5] == "1000"


def test_the_combined_file_has_gaps_and_returns():
    a, b = daily("A", rows=4), daily("B", rows=4, seed=3).drop(index=[0, 2])
    table = rows(files(bars(a, b))["all.csv"])
    assert table[0] == ["", "A", "B", "A_ROI", "B_ROI"]
    assert [row[0] for row in table[1:]] == ["2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06"]
    assert [row[2] == "" for row in table[1:]] == [True, False, True, False]
    assert [row[4] == "" for row in table[1:]] == [True, False, True, False]
    assert (table[1][3], table[2][4]) == ("0", "0")
    close = a["close"].to_numpy()
    assert [float(row[3]) for row in table[2:]] == (close[1:] / close[:-1] - 1).tolist()
    gain = b["close"].to_numpy()
    assert float(table[4][4]) == gain[1] / gain[0] - 1


def test_the_tidy_file_has_the_usual_columns_even_where_they_are_empty():
    table = rows(files(bars(daily("A", rows=2), daily("B,C", rows=1)))["tidy.csv"])
    assert table[0] == ["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume", "Symbol"]
    assert [row[7] for row in table[1:]] == ["A", "A", "B,C"]
    assert {row[5] for row in table[1:]} == {""}


def test_exported_files_read_back_as_the_same_bars(tmp_path):
    frame = bars(daily("A"), daily("B", seed=4).drop(index=[2]))
    for name, text in files(frame).items():
        (tmp_path / name).write_text(text)

    def load(name, **how):
        dataset = Dataset("back", Csv(str(tmp_path / name), **how), MUMBAI)
        taken = dataset.load(tmp_path / "data").snapshot
        return pd.read_parquet(taken.path)

    same = {"check_categorical": False}
    pd.testing.assert_frame_equal(load("tidy.csv"), frame, **same)
    wide = load("all.csv")
    pd.testing.assert_frame_equal(
        wide[["time", "symbol", "close"]], frame[["time", "symbol", "close"]]
    )
    one = load("A.csv", symbol="A").drop(columns="symbol")
    expected = frame[frame["symbol"] == "A"].drop(columns="symbol")
    pd.testing.assert_frame_equal(one, expected, **same)


def test_intraday_bars_are_stamped_with_their_open_and_stay_out_of_the_daily_files():
    made = files(bars(daily("A"), intraday("FIVE")))
    table = rows(made["FIVE.csv"])
    assert table[0] == ["Datetime", "Close", "Volume"]
    assert table[1][0] == "2024-03-04 09:15:00+05:30"
    assert "FIVE" not in made["all.csv"]
    assert "FIVE" not in made["tidy.csv"]
    assert "A_ROI" in made["all.csv"]


def test_intraday_bars_alone_are_in_the_files_of_all_symbols():
    made = files(bars(intraday("FIVE"), intraday("TOO", seed=2)))
    table = rows(made["all.csv"])
    assert table[0] == ["", "FIVE", "TOO", "FIVE_ROI", "TOO_ROI"]
    assert table[1][0] == "2024-03-04 09:15:00+05:30"
    assert len(table) == 149


def test_the_cache_is_dated_at_local_midnight_and_leaves_unknown_values_null():
    frame = bars(daily("A", rows=2, dividends=[0.0, 1.5]))
    cache = json.loads(json_cache(written(frame), {"A": {"ticker": "^A", "period": None}}))
    assert list(cache) == ["timestamp", "fetched_keys", "series"]
    assert cache["fetched_keys"] == ["A"]
    assert pd.Timestamp(cache["timestamp"]).tzinfo is not None
    assert cache["series"]["A"]["meta"] == {"ticker": "^A", "interval": "1d"}
    bar = cache["series"]["A"]["data"][1]
    assert bar == {
        "Date": "2024-03-04 00:00:00+05:30",
        "Open": frame["open"][1],
        "High": frame["high"][1],
        "Low": frame["low"][1],
        "Close": frame["close"][1],
        "Volume": 1000,
        "Dividends": 1.5,
        "Stock Splits": None,
    }


def test_the_cache_reads_back_as_the_same_bars(tmp_path):
    parts = [daily("A"), daily("B", seed=4).drop(index=[2]), intraday("FIVE")]
    frame = bars(*parts, intraday("HOUR", minutes=60))
    path = tmp_path / "cache.json"
    path.write_bytes(json_cache(written(frame), {}))
    taken = Dataset("back", JsonCache(str(path)), MUMBAI).load(tmp_path / "data").snapshot
    back = pd.read_parquet(taken.path).dropna(axis=1, how="all")
    pd.testing.assert_frame_equal(back, frame.dropna(axis=1, how="all"), check_categorical=False)


def test_the_cache_of_the_seed_comes_out_as_it_went_in(shared_data, tmp_path):
    path = shared_data / "seeds" / "prediction_data.json"
    dataset = Dataset("seed", JsonCache(str(path)), MUMBAI)
    frame = pd.read_parquet(dataset.load(tmp_path).snapshot.path)
    ours = json.loads(json_cache(written(frame), {}))["series"]
    theirs = json.loads(path.read_text())["series"]
    assert ours.keys() == theirs.keys()
    for key, series in theirs.items():
        assert ours[key]["meta"]["interval"] == series["meta"]["interval"]
        assert ours[key]["data"] == series["data"]


def test_splits_have_the_header_of_the_provider():
    frame = bars(daily("A", rows=2, dividends=0.0, stock_splits=[0.0, 2.0]))
    table = rows(files(frame)["A.csv"])
    assert table[0][-2:] == ["Dividends", "Stock Splits"]
    assert [row[-1] for row in table[1:]] == ["0", "2"]
    data = json.loads(json_cache(written(frame), {}))["series"]["A"]["data"]
    assert [bar["Stock Splits"] for bar in data] == [0.0, 2.0]

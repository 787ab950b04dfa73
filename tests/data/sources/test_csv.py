"""CSV files as people have them, and each fault of theirs in one line."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest
from marketlab.data.sources.csv import Csv
from marketlab.errors import DataError

OHLCV = "2020-01-06,1,2,0.5,1.5,10\n2020-01-07,1.5,2.5,1,2,20\n"


def load(folder: Path, text: str, name: str = "prices.csv", **options: Any) -> pd.DataFrame:
    (folder / name).write_text(text, encoding="utf-8")
    return Csv(str(folder / name), **options).load()


def refusal(folder: Path, text: str, **options: Any) -> str:
    with pytest.raises(DataError) as error:
        load(folder, text, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_tidy_file_of_one_symbol_is_named_by_the_file_or_by_hand(tmp_path: Path) -> None:
    text = "DATE,Open,HIGH,low,Close,Vol.\n" + OHLCV
    raw = load(tmp_path, text, "AAPL.csv")
    assert list(raw.columns) == ["date", "open", "high", "low", "close", "volume", "symbol"]
    assert raw["symbol"].tolist() == ["AAPL", "AAPL"]
    assert raw["date"].dtype == "datetime64[ns]"
    assert load(tmp_path, text, symbol="APPLE")["symbol"].unique() == ["APPLE"]


def test_other_numbers_become_fields_and_text_does_not(tmp_path: Path) -> None:
    raw = load(
        tmp_path,
        "Date,Symbol,Close,Adj Close,Prev Close,%Deliverble,Series,Empty,Unnamed: 7\n"
        "2020-01-06,A,1,,0.9,0.5,EQ,,3\n2020-01-07,A,2,,1,0.6,EQ,,4\n",
    )
    assert set(raw.columns) == {"date", "symbol", "close", "prev_close", "deliverble"}


def test_a_pattern_reads_every_file_that_fits(tmp_path: Path) -> None:
    for name in ("A", "B"):
        (tmp_path / f"{name}_daily.csv").write_text("date,close\n2020-01-06,1\n")
    raw = Csv(str(tmp_path / "*_daily.csv")).load()
    assert raw["symbol"].tolist() == ["A_daily", "B_daily"]


def test_a_wide_file_has_a_symbol_a_column(tmp_path: Path) -> None:
    text = ",A,B,A_ROI\n2020-01-06,1,2,-0.5\n2020-01-07,3,,0.5\n"
    raw = load(tmp_path, text)
    assert raw["symbol"].tolist() == ["A", "A", "B", "B"]
    assert raw["close"].tolist()[:3] == [1, 3, 2]
    assert raw["close"].isna().tolist() == [False, False, False, True]
    assert load(tmp_path, text, symbols=["B"])["symbol"].unique().tolist() == ["B"]
    assert load(tmp_path, text, ignore=["B"])["symbol"].unique().tolist() == ["A", "A_ROI"]


def test_tickers_may_be_words(tmp_path: Path) -> None:
    raw = load(tmp_path, "date,LOW,OPEN,COST\n2020-01-06,1,2,3\n")
    assert raw["symbol"].tolist() == ["LOW", "OPEN", "COST"]


def test_symbols_of_a_tidy_file_may_be_numbers(tmp_path: Path) -> None:
    text = "date,ticker,close\n2020-01-06,600000,1\n2020-01-06,600001,2\n"
    assert load(tmp_path, text, symbols=[600001])["symbol"].tolist() == ["600001"]


@pytest.mark.parametrize(
    ("stamp", "options"),
    [
        ("2020-01-15", {}),
        ("20200115", {}),
        ("2020-01-15 00:00:00.000000", {}),
        ("2020-01-15 00:00:00-05:00", {}),
        ("1/15/2020", {}),
        ("15/1/2020", {}),
        ("15-Jan-2020", {}),
        ("15|01|2020", {"date_format": "%d|%m|%Y"}),
        ("2020-01-15 19:13:21", {"stamps": "date"}),
    ],
)
def test_dates_are_read_as_people_write_them(
    tmp_path: Path, stamp: str, options: dict[str, Any]
) -> None:
    raw = load(tmp_path, f"date,close\n{stamp},1\n", **options)
    assert raw["date"].tolist() == [pd.Timestamp("2020-01-15")]


def test_offsets_that_change_with_the_season_keep_the_local_date(tmp_path: Path) -> None:
    raw = load(tmp_path, "date,close\n2020-01-15 00:00:00-05:00,1\n2020-07-15 00:00:00-04:00,1\n")
    assert raw["date"].tolist() == [pd.Timestamp("2020-01-15"), pd.Timestamp("2020-07-15")]


def test_intraday_stamps_become_the_instant_of_the_close(tmp_path: Path) -> None:
    text = "datetime,close\n01-04-2021 09:15,1\n13-04-2021 09:30,2\n"
    options = {"timezone": "Asia/Kolkata"}
    opens = load(tmp_path, text, stamps="open", interval="15min", **options)
    assert opens["time"][0] == pd.Timestamp("2021-04-01 04:00", tz="UTC")
    closes = load(tmp_path, text, stamps="close", **options)
    assert closes["time"][1] == pd.Timestamp("2021-04-13 04:00", tz="UTC")
    zoned = "time,close\n2021-04-01T09:15:00+05:30,1\n"
    assert load(tmp_path, zoned, stamps="close")["time"][0] == pd.Timestamp(
        "2021-04-01 03:45", tz="UTC"
    )


def test_zeros_may_mean_missing(tmp_path: Path) -> None:
    text = "date,open,high,low,close\n2020-01-06,0,0,0,5\n2020-01-07,4,6,3,5\n"
    raw = load(tmp_path, text, zero_is_missing=True)
    assert raw[["open", "high", "low"]].isna().sum().tolist() == [1, 1, 1]
    assert raw["close"].tolist() == [5, 5]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "prices.csv is empty"),
        ("date,close\n", {}, "prices.csv has not a single row"),
        ('date,close\n2020-01-06,"1\n', {}, "prices.csv does not read as CSV: "),
        ("date,close\n2020-01-06,1\nsoon,2\n", {}, "prices.csv: row 2: 'soon' is not a date"),
        ("date,close\n2020-01-06,1\n,2\n", {}, "row 2: an empty cell is not a date"),
        ("date,close\n2020-02-30,1\n", {}, "row 1: '2020-02-30' is not a date"),
        ("date,close\n0202-01-06,1\n", {}, "row 1: the year 202 cannot be right"),
        (
            "date,close\n01/02/2020,1\n",
            {},
            "'01/02/2020' can be read with the month or the day first; set dataset.source.",
        ),
        (
            "date,close\n2020-01-06,1\n",
            {"date_format": "%d/%m/%Y"},
            "row 1: '2020-01-06' is not a date of the format %d/%m/%Y",
        ),
        ("date,close\n2020-01-06 09:15,1\n", {}, "has a time of day; say what it marks"),
        (
            "date,close\n2020-01-06 09:15,1\n",
            {"stamps": "close"},
            "the times have no zone; set dataset.source.timezone=Asia/Kolkata",
        ),
        (
            "date,close\n2020-01-06 09:15,1\n",
            {"stamps": "close", "timezone": "Asia/Calcuta"},
            "times cannot be read as Asia/Calcuta",
        ),
        (
            "date,close\n2020-03-29 02:30,1\n",
            {"stamps": "close", "timezone": "Europe/Berlin"},
            "times cannot be read as Europe/Berlin",
        ),
        (
            "date,close\n2020-01-06 09:15+05:30,1\n",
            {"stamps": "open"},
            "stamps=open needs the bar's length; set dataset.source.interval=15min",
        ),
        (
            "date,close\n2020-01-06 09:15+05:30,1\n",
            {"stamps": "open", "interval": "soon"},
            "dataset.source.interval=soon is no length",
        ),
        (
            "date,close\n2020-01-06,1\n",
            {"stamps": "middle"},
            "dataset.source.stamps=middle: choose open",
        ),
        (
            "date,close\n2020-01-06,1\n",
            {"layout": "long"},
            "dataset.source.layout=long: choose auto",
        ),
        ("date,open\n2020-01-06,1\n", {"layout": "tidy"}, "prices.csv has no close column among"),
        (
            "date,open,high,low,adj close\n2020-01-06,1,1,1,1\n",
            {},
            "prices.csv has no close column among date, open, high, low, adj close; name it",
        ),
        ("date\n2020-01-06\n", {}, "prices.csv has no column beside its dates"),
        (
            "date,close\n2020-01-06,1\n",
            {"columns": {"close": "Clos"}},
            "prices.csv has no column 'Clos' for close; did you mean 'close'?",
        ),
        (
            "date,AAPL\n2020-01-06,1\n",
            {"symbols": ["APL"]},
            "prices.csv has no symbol 'APL'; did you mean 'AAPL'?",
        ),
        (
            "date,symbol,close\n2020-01-06,AAPL,1\n",
            {"symbols": ["APL"]},
            "prices.csv has no symbol 'APL'; did you mean 'AAPL'?",
        ),
    ],
)
def test_each_fault_is_told_in_one_line(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    assert message in refusal(tmp_path, text, **options)


def test_a_missing_file_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file nowhere\.csv; the path is relative to"):
        Csv("nowhere.csv").load()
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00,close\n\x81,1\n")
    with pytest.raises(DataError, match=r"x\.csv does not read as CSV: "):
        Csv(str(tmp_path / "x.csv")).load()


def test_a_folder_and_an_archive_of_many_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^the folder .* holds no file \*\.csv or \*\.csv\.gz$"):
        Csv(str(tmp_path)).load()
    with ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in "ab":
            archive.writestr(f"{name}.csv", "date,close\n2020-01-06,1\n")
    with pytest.raises(
        DataError, match=r"x\.zip does not read as CSV: it is a zip archive of 2 files"
    ):
        Csv(str(tmp_path / "x.zip")).load()


def test_symbols_in_a_column_that_is_not_recognised(tmp_path: Path) -> None:
    text = "index,date,close\nA,2020-01-06,1\nB,2020-01-06,2\n"
    said = refusal(tmp_path, text)
    assert "several bars of 2020-01-06 and no symbol column among index, close" in said
    assert "name it with 'dataset.source.columns={symbol: ...}'" in said
    rows = load(tmp_path, text, columns={"symbol": "index"})
    assert list(rows["symbol"]) == ["A", "B"]


def test_investing_com_s_layout(shared_data: Path) -> None:
    raw = Csv(str(shared_data / "commodities/gold_investing_2010_2024.csv"), symbol="GOLD").load()
    assert raw["date"].iloc[0] == pd.Timestamp("2024-05-17")
    assert raw["close"].iloc[0] == 2417.4
    fx = Csv(str(shared_data / "fx/EURUSD_daily_investing_2000_2025.csv")).load()
    assert set(fx.columns) == {"date", "symbol", "open", "high", "low", "close", "change"}
    assert fx["change"].iloc[0] == pytest.approx(-0.0009)


def test_the_seeds_layouts(shared_data: Path) -> None:
    wide = Csv(str(shared_data / "seeds/dataset_combined_2_5yr.csv")).load()
    assert wide["symbol"].nunique() == 24
    assert len(wide) == 24 * 652
    tidy = Csv(str(shared_data / "seeds/all_assets_6months.csv"), stamps="date").load()
    assert len(tidy) == 3059
    assert tidy["symbol"].nunique() == 24
    nse = Csv(str(shared_data / "nifty/RELIANCE_2000_2021.csv")).load()
    assert {"prev_close", "vwap", "turnover", "deliverable_volume"} <= set(nse.columns)
    minutes = Csv(
        str(shared_data / "nifty/NIFTY_50_15min_2021_04_to_2022_08.csv"),
        stamps="open", interval="15min", timezone="Asia/Kolkata",
    ).load()  # fmt: skip
    assert minutes["time"].iloc[0] == pd.Timestamp("2021-04-01 04:00", tz="UTC")

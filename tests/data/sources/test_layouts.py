"""The exports of publishers, recognised from their headers or named in the config."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from marketlab.data.dataset import Dataset
from marketlab.data.sources.csv import Csv
from marketlab.data.sources.layouts import recognise
from marketlab.errors import DataError

INVESTING = (
    "\ufeffDate,Price,Open,High,Low,Vol.,Change %\n"
    '1/3/2024,"2,042.80","2,067.40","2,073.60","2,037.60",210.65K,-1.47%\n'
    '1/2/2024,"2,073.40","2,072.70","2,088.10","2,064.30",1.1M,0.08%\n'
)
INDEX = (
    "Index Name ,Date ,Open ,High ,Low ,Close ,Shares Traded ,Turnover (₹ Cr)\n"
    'NIFTY 50 ,03-JAN-2000 , - , - , - ,"1,592.20 ",25358322 ,884.15 \n'
    'NIFTY 50 ,04-JAN-2000 ,"1,594.40 ",1641.95 ,1594.40 ,1638.70 ,38787872 ,1973.69 \n'
)
SECURITY = (
    '"Symbol  ","Series  ","Date  ","Prev Close  ","Open Price  ","High Price  ","Low Price  ",'
    '"Close Price  ","Average Price ","Total Traded Quantity  "\n'
    '"RELIANCE","EQ","01-Jan-2024","2,584.95","2,580.55","2,606.85","2,573.15","2,590.25",'
    '"2,593.68","2087840"\n'
)


def load(folder: Path, text: str, **options: Any) -> pd.DataFrame:
    (folder / "x.csv").write_text(text, encoding="utf-8")
    return Csv(str(folder / "x.csv"), **options).load()


def test_investing_com(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can be read with the month or the day first"):
        load(tmp_path, INVESTING)
    raw = load(tmp_path, INVESTING, layout="investing")
    assert raw["date"].tolist() == [pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-02")]
    assert raw["close"].tolist() == [2042.8, 2073.4]
    assert raw["volume"].tolist() == [210_650, 1_100_000]
    np.testing.assert_allclose(raw["change"], [-0.0147, 0.0008])
    empty = INVESTING.replace("210.65K", "-").replace("1.1M", "")
    assert "volume" not in load(tmp_path, empty, layout="investing")


def test_an_index_of_the_nse(tmp_path: Path) -> None:
    raw = load(tmp_path, INDEX)
    assert set(raw["symbol"]) == {"NIFTY 50"}
    assert raw["close"].tolist() == [1592.2, 1638.7]
    assert raw["open"].isna().tolist() == [True, False]
    assert raw["volume"].tolist() == [25358322, 38787872]
    assert raw["turnover_cr"].tolist() == [884.15, 1973.69]


def test_an_equity_of_the_nse(tmp_path: Path) -> None:
    raw = load(tmp_path, SECURITY, layout="nse_equity")
    assert raw.drop(columns=["date", "symbol"]).iloc[0].to_dict() == {
        "open": 2580.55,
        "high": 2606.85,
        "low": 2573.15,
        "close": 2590.25,
        "volume": 2087840,
        "vwap": 2593.68,
        "prev_close": 2584.95,
    }


def test_zeros_beside_a_close_are_a_close_alone(tmp_path: Path) -> None:
    text = "date,open,high,low,close\n2020-01-06,0,0,0,5\n2020-01-07,0,6,3,5\n"
    raw = load(tmp_path, text)
    assert raw["open"].isna().tolist() == [True, False]
    assert raw.attrs["notes"] == ("open, high and low of 0 beside a close read as missing: 1 row",)
    index = load(tmp_path, text, layout="nse_index")
    assert index["open"].isna().all()
    assert index["low"].isna().tolist() == [True, False]


def test_a_named_layout_is_held_to_its_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no column 'price', as .*layout=investing has; set"):
        load(tmp_path, "date,close\n2020-01-06,1\n", layout="investing")


def test_two_headers_of_one_column() -> None:
    with pytest.raises(DataError, match=r"two columns of the close, 'Close' and 'CLOSE'; say whi"):
        recognise(["Date", "Close", "CLOSE"], {}, "x.csv")
    assert recognise(["Close", "CLOSE"], {"close": "CLOSE"}, "x.csv") == {"close": "CLOSE"}


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    for name in ("B.csv", "A.CSV", "._A.csv", "notes.txt"):
        (tmp_path / name).write_text("date,close\n2020-01-06,1\n")
    assert Csv(str(tmp_path)).load()["symbol"].tolist() == ["A", "B"]


def test_headers_between_angle_brackets(tmp_path: Path) -> None:
    text = "<TICKER>,<DATE>,<TIME>,<CLOSE>,<VOL>\nAAPL.US,20210426,000000,2,100\n"
    with pytest.raises(DataError, match=r"leave one out with '.*ignore=\[\"<TIME>\"\]'"):
        load(tmp_path, text)
    raw = load(tmp_path, text, ignore=["<TIME>"])
    assert raw.iloc[0].to_dict() == {
        "date": pd.Timestamp("2021-04-26"),
        "symbol": "AAPL.US",
        "close": 2,
        "volume": 100,
    }


def test_a_file_without_header_and_dates(tmp_path: Path) -> None:
    raw = load(
        tmp_path, "0.5,1.5\n0.6,1.6\n", header=["AUD", "GBP"],
        dates={"start": "1990-01-01", "freq": "B"},
    )  # fmt: skip
    assert raw["symbol"].tolist() == ["AUD", "AUD", "GBP", "GBP"]
    assert raw["close"].tolist() == [0.5, 0.6, 1.5, 1.6]
    assert raw["date"].tolist()[:2] == [pd.Timestamp("1990-01-01"), pd.Timestamp("1990-01-02")]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("0.5,1.5\n", {"header": ["AUD"]}, "x.csv has 2 columns and dataset.source.header 1"),
        ("0.5\n", {"header": ["A"], "dates": {"freq": "D"}}, "dates must be {start: 1990-01-01"),
        ("0.5\n", {"header": ["A"], "dates": {"start": "x"}}, "dataset.source.dates={start: x"),
        ("0.5\n", {"header": ["A"], "dates": {"start": "1990", "freq": "Q?"}}, "freq: Q?}: "),
        ("date,A\n2020-01-06,1\n", {"dates": {"start": "1990"}}, "x.csv has dates of its own in"),
        ("date,A\n2020-01-06,1\n", {"decimal": "x"}, "dataset.source.decimal=x: choose"),
        ("date,A\n2020-01-06,1\n", {"separator": "::"}, "dataset.source.separator='::': give one"),
        ("date,A\n2020-01-06,1\n", {"columns": {"_member": "A"}}, "cannot name a field"),
    ],
)
def test_options_that_do_not_fit(
    tmp_path: Path, text: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError) as refusal:
        load(tmp_path, text, **options)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("date;close\n27.04.2021;1,169\n", ["dataset.source.decimal=','"]),
        ("day,close\n2021-04-27,1\n", ["dataset.source.columns={date: day}"]),
        ("0.5\n", ["dataset.source.header=[A]", "dataset.source.dates={start: 1990-01-01}"]),
        ("date,close\n2/1/2021,1\n", ["dataset.source.date_format=%m/%d/%Y"]),
        (
            "date,close\n2021-04-27 15:15,1\n",
            [
                "dataset.source.stamps=open",
                "dataset.source.interval=15min",
                "dataset.source.timezone=Asia/Kolkata",
            ],
        ),
        ("date,close\n2021-04-26 18:30+00:00,1\n", ["dataset.source.timezone=Asia/Kolkata"]),
        ("date,symbol,close\n2021-04-27,A,1\n", ["dataset.source.renamed={A: B}"]),
    ],
)
def test_what_messages_advise_can_be_typed(tmp_path: Path, text: str, advice: list[str]) -> None:
    (tmp_path / "x.csv").write_text(text)
    with initialize_config_module("marketlab.conf", version_base="1.3"):
        config = compose(overrides=["+dataset=nse", f"dataset.source.path={tmp_path}", *advice])
    dataset = instantiate(config.dataset)
    assert isinstance(dataset, Dataset)
    assert dataset.load(tmp_path / "store").panel.shape == (1, 1)

"""Every file of the shared market data loads through some source, or is refused in a line."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from marketlab.data.dataset import Dataset
from marketlab.data.sources.csv import Csv
from marketlab.data.sources.json_cache import JsonCache
from marketlab.data.sources.parquet import Parquet
from marketlab.data.sources.source import Source
from marketlab.errors import DataError

IST = {"stamps": "open", "interval": "15min", "timezone": "Asia/Kolkata"}
CURRENCIES = ["AUD", "GBP", "CAD", "CHF", "CNY", "JPY", "NZD", "SGD"]
NIFTY = "nifty/NIFTY_{}_daily_to_2022_08.csv"

# file, source's options, dataset's options, rows of the source, symbols, rows that validation drops
LOADED: list[tuple[str, dict[str, Any], dict[str, Any], int, int, int]] = [
    ("seeds/dataset_combined_2_5yr.csv", {}, {"clock": "XBOM"}, 15_648, 24, 0),
    ("seeds/all_assets_6months.csv", {"stamps": "date"}, {"clock": "XBOM"}, 3_059, 24, 0),
    ("seeds/prediction_data.json", {}, {"clock": "XBOM"}, 12_697, 13, 0),
    ("nifty/RELIANCE_2000_2021.csv", {}, {"clock": "XBOM"}, 5_306, 1, 0),
    ("nifty/constituents_raw_daily_2000_2021.parquet", {}, {"clock": "XBOM"}, 235_192, 49, 0),
    (NIFTY.format("50"), {}, {"clock": "XBOM"}, 5_636, 1, 0),
    (NIFTY.format("BANK"), {}, {"clock": "XBOM"}, 5_637, 1, 0),
    (NIFTY.format("IT"), {}, {"clock": "XBOM", "on_invalid": "drop"}, 5_636, 1, 1),
    (NIFTY.format("PHARMA"), {}, {"clock": "XBOM"}, 5_386, 1, 0),
    (NIFTY.format("AUTO"), {}, {"clock": "XBOM"}, 4_633, 1, 0),
    (
        "nifty/INDIA_VIX_daily_to_2022_08.csv",
        {}, {"clock": "XBOM", "on_invalid": "drop"}, 3_005, 1, 1,
    ),
    (
        "nifty/sector_indices_daily_2016_2021.parquet",
        {"columns": {"symbol": "index"}}, {"clock": "XBOM"}, 33_425, 28, 0,
    ),
    (
        "nifty/NIFTY_50_15min_2021_04_to_2022_08.csv",
        IST, {"clock": "XBOM", "on_invalid": "drop"}, 8_757, 1, 4,
    ),
    (
        "us/sp500_100names_daily_2013_2018.parquet",
        {}, {"clock": "XNYS", "on_invalid": "drop"}, 121_855, 100, 4,
    ),
    (
        "commodities/gold_investing_2010_2024.csv",
        {}, {"clock": "CMES", "on_invalid": "drop"}, 3_720, 1, 14,
    ),
    (
        "commodities/silver_investing_2010_2024.csv",
        {}, {"clock": "CMES", "on_invalid": "drop"}, 3_707, 1, 17,
    ),
    (
        "fx/EURUSD_daily_investing_2000_2025.csv",
        {"layout": "investing"}, {"clock": "24/5", "on_invalid": "drop"}, 6_659, 1, 32,
    ),
    (
        "crypto/binance_5coins_1h_to_2023_06.parquet",
        {"stamps": "open", "interval": "1h"}, {"clock": "24/7"}, 117_680, 5, 0,
    ),
    (
        "exchange_rate/exchange_rate.txt.gz",
        {"header": CURRENCIES, "dates": {"start": "1990-01-01", "freq": "D"}},
        {"clock": "24/7"}, 60_704, 8, 0,
    ),
    (
        "csi300/members_daily_2010_2020.parquet",
        {}, {"clock": "XSHG"}, 1_621_488, 725, 0,
    ),
    ("reference/alpha158_input.parquet", {}, {"clock": "XSHG"}, 2_400, 4, 0),
]  # fmt: skip

REFUSED = [
    ("nifty/constituents_metadata.csv", "has no date column among Company Name, Industry, Symbol"),
    ("csi300/csi300.txt", "has no header: its first line holds SH600000, 2010-01-04, 2020-12-31"),
    ("exchange_rate/exchange_rate.txt.gz", "has no header: its first line holds 0.785500"),
    ("stock_movement/acl18_kdd17.zip", "is a zip archive of 278 files; unpack it"),
    ("reference/alpha158_qlib.parquet", "has no close column among symbol, date, KMID"),
    ("seeds/prediction_data.json", "it is JSON; dataset=json_cache reads"),
    ("nifty/NIFTY_50_15min_2021_04_to_2022_08.csv", "with dataset.source.stamps=open and"),
    (
        "nifty/sector_indices_daily_2016_2021.parquet",
        "'dataset.source.columns={symbol: ...}'",
    ),
    ("crypto/binance_5coins_1h_to_2023_06.parquet", "dataset.source.stamps=open and"),
    ("seeds/all_assets_6months.csv", "or stamps=date (it means nothing)"),
]


def source_of(path: Path, options: dict[str, Any], cache: bool = True) -> Source:
    if path.suffix == ".json" and cache:
        return JsonCache(str(path))
    return (Parquet if path.suffix == ".parquet" else Csv)(str(path), **options)


@pytest.mark.parametrize(
    ("file", "options", "dataset", "rows", "symbols", "dropped"), LOADED, ids=[r[0] for r in LOADED]
)
def test_it_loads(
    shared_data: Path,
    tmp_path: Path,
    file: str,
    options: dict[str, Any],
    dataset: dict[str, Any],
    rows: int,
    symbols: int,
    dropped: int,
) -> None:
    source = source_of(shared_data / file, dict(options))
    raw = source.load()
    assert (len(raw), raw["symbol"].nunique()) == (rows, symbols)
    loaded = Dataset("shared", source, **dataset).load(tmp_path)
    assert loaded.snapshot.rows == rows - dropped
    assert set(raw.attrs.get("notes", ())) <= set(loaded.snapshot.metadata["notes"])


@pytest.mark.parametrize(
    ("file", "note"),
    [
        (NIFTY.format("IT"), "open, high and low of 0 beside a close read as missing: 911 rows"),
        (
            "nifty/INDIA_VIX_daily_to_2022_08.csv",
            "open, high and low of 0 beside a close read as missing: 2 rows",
        ),
        (
            "nifty/constituents_raw_daily_2000_2021.parquet",
            "SESAGOA and SSLT joined under the newest name, VEDL",
        ),
    ],
)
def test_what_was_changed_is_noted(shared_data: Path, file: str, note: str) -> None:
    assert note in source_of(shared_data / file, {}).load().attrs["notes"]


def test_a_renamed_company_is_one_series(shared_data: Path) -> None:
    path = shared_data / "nifty/constituents_raw_daily_2000_2021.parquet"
    raw = Parquet(str(path)).load()
    files = set(pd.read_parquet(path, columns=["File"])["File"])
    assert set(raw["symbol"]) == files - {"MM"} | {"M&M"}
    ports = raw[raw["symbol"] == "ADANIPORTS"]
    assert len(ports) == 1023 + 2299
    # The exchange's previous close ties the rows of the two names together.
    first = ports[ports["date"] == "2012-01-17"].iloc[0]
    assert first["prev_close"] == ports[ports["date"] == "2012-01-16"]["close"].iloc[0]


@pytest.mark.parametrize(("file", "words"), REFUSED)
def test_it_is_refused(shared_data: Path, file: str, words: str) -> None:
    source = source_of(shared_data / file, {}, cache=False)
    with pytest.raises(DataError) as refusal:
        source.load()
    said = str(refusal.value)
    assert words in said
    assert Path(file).name in said
    assert "\n" not in said


def test_the_lists_hold_every_file(shared_data: Path) -> None:
    listed = {file for file, *_ in (*LOADED, *REFUSED)}
    there = {
        str(path.relative_to(shared_data)).replace("\\", "/")
        for path in shared_data.rglob("*")
        if path.is_file() and path.suffix != ".md"
    }
    assert there <= listed

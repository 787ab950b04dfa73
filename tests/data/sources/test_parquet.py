"""Parquet files of bars, whatever their columns are called and wherever the dates are."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from marketlab.data.sources.parquet import Parquet
from marketlab.errors import DataError


def test_a_column_or_an_index_of_dates(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"Close": [1.0, 2.0]}, index=pd.DatetimeIndex(["2020-01-06", "2020-01-07"], name="Date")
    )
    frame.to_parquet(tmp_path / "A.parquet")
    raw = Parquet(str(tmp_path / "A.parquet")).load()
    assert raw["date"].tolist() == frame.index.tolist()
    assert raw["symbol"].tolist() == ["A", "A"]
    frame.reset_index().to_parquet(tmp_path / "A.parquet")
    pd.testing.assert_frame_equal(Parquet(str(tmp_path / "A.parquet")).load(), raw)
    frame.rename_axis(None).rename(columns={"Close": "X"}).to_parquet(tmp_path / "A.parquet")
    assert Parquet(str(tmp_path / "A.parquet")).load()["symbol"].tolist() == ["X", "X"]


def test_dates_and_decimals_that_come_as_objects(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"date": [date(2020, 1, 6)], "close": [Decimal("1.50")], "tags": [["a", "b"]]}
    )
    frame.to_parquet(tmp_path / "A.parquet")
    raw = Parquet(str(tmp_path / "A.parquet")).load()
    assert raw.iloc[0].to_dict() == {
        "date": pd.Timestamp("2020-01-06"),
        "close": 1.5,
        "symbol": "A",
    }


def test_what_is_not_parquet_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("not parquet")
    with pytest.raises(DataError, match=r"^x\.parquet does not read as Parquet: ") as refusal:
        Parquet(str(tmp_path / "x.parquet")).load()
    assert "\n" not in str(refusal.value)
    with pytest.raises(DataError, match="there is no file"):
        Parquet(str(tmp_path / "y.parquet")).load()


@pytest.mark.parametrize(
    ("file", "columns", "options", "symbols", "rows"),
    [
        ("us/sp500_100names_daily_2013_2018.parquet", None, {}, 100, 121_855),
        ("nifty/constituents_raw_daily_2000_2021.parquet", {"symbol": "File"}, {}, 49, 235_192),
        ("nifty/sector_indices_daily_2016_2021.parquet", {"symbol": "index"}, {}, 28, 33_425),
        (
            "crypto/binance_5coins_1h_to_2023_06.parquet",
            None,
            {"stamps": "open", "interval": "1h"},
            5,
            117_680,
        ),
    ],
)
def test_real_files(
    shared_data: Path,
    file: str,
    columns: dict[str, str] | None,
    options: dict[str, Any],
    symbols: int,
    rows: int,
) -> None:
    raw = Parquet(str(shared_data / file), columns=columns, **options).load()
    assert raw["symbol"].nunique() == symbols
    assert len(raw) == rows
    assert {"open", "high", "low", "close", "volume"} <= set(raw.columns)

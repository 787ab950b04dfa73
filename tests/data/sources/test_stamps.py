"""The day that a daily stamp names is that of its exchange, whatever zone it is written in."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from marketlab.data.bars.schema import validate_bars
from marketlab.data.corrections.adjusting import attach_ratios
from marketlab.data.dataset import Dataset
from marketlab.data.sources.csv import Csv
from marketlab.data.sources.json_cache import JsonCache
from marketlab.data.sources.parquet import Parquet
from marketlab.errors import DataError

MONDAY = pd.Timestamp("2024-01-01")
UTC_OF_MUMBAI = ["2023-12-31 18:30:00+00:00", "2024-01-01 18:30:00+00:00"]
ADVICE = r"is no midnight, and its day depends on the zone; of daily bars set dataset\.source\.time"


def days(folder: Path, written: list[str], **options: Any) -> list[pd.Timestamp]:
    lines = [f"{stamp},{100 + row}" for row, stamp in enumerate(written)]
    (folder / "x.csv").write_text("\n".join(["date,close", *lines]) + "\n")
    found: list[pd.Timestamp] = Csv(str(folder / "x.csv"), **options).load()["date"].tolist()
    return found


@pytest.mark.parametrize("marks", [None, "date"])
def test_midnight_of_mumbai_in_utc_is_refused_or_converted(
    tmp_path: Path, marks: str | None
) -> None:
    with pytest.raises(DataError, match=ADVICE) as caught:
        days(tmp_path, UTC_OF_MUMBAI, stamps=marks)
    assert "\n" not in str(caught.value)
    assert ("stamps=open" in str(caught.value)) is (marks is None)
    found = days(tmp_path, UTC_OF_MUMBAI, stamps=marks, timezone="Asia/Kolkata")
    assert found == [MONDAY, MONDAY + pd.Timedelta("1D")]


@pytest.mark.parametrize(
    "stamps",
    [
        ["2024-01-01 00:00:00+05:30", "2024-01-02 00:00:00+05:30"],
        ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"],
        ["2024-01-01 00:00:00-05:00", "2024-07-01 00:00:00-04:00"],
    ],
)
def test_midnight_of_its_own_offset_keeps_its_date(tmp_path: Path, stamps: list[str]) -> None:
    assert days(tmp_path, stamps) == [pd.Timestamp(stamp[:10]) for stamp in stamps]


def test_a_time_of_day_that_means_nothing_is_read_in_the_zone(tmp_path: Path) -> None:
    stamps = ["2024-01-01 20:00:00+00:00", "2024-01-02 20:00:00+00:00"]
    found = days(tmp_path, stamps, stamps="date", timezone="Asia/Kolkata")
    assert found == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-03")]
    with pytest.raises(DataError, match="2024-01-02 01:30:00 has a time of day"):
        days(tmp_path, stamps, timezone="Asia/Kolkata")
    with pytest.raises(DataError, match="cannot be read as Asia/Bombay"):
        days(tmp_path, stamps, timezone="Asia/Bombay")
    assert days(tmp_path, ["2024-01-01 20:00"], stamps="date", timezone="Asia/Kolkata") == [MONDAY]


def test_no_bar_is_known_a_day_early(tmp_path: Path) -> None:
    """The bar of 2 January, stamped on the evening of the 1st in UTC, is known at its close."""
    index = pd.date_range("2024-01-01", periods=5).tz_localize("Asia/Kolkata").tz_convert("UTC")
    frame = pd.DataFrame({"Date": index, "Close": [100.0, 101, 102, 103, 104]})
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match=ADVICE):
        Parquet(str(tmp_path / "x.parquet")).load()
    source = Parquet(str(tmp_path / "x.parquet"), timezone="Asia/Kolkata")
    panel = Dataset("d", source, "XBOM").load(tmp_path / "data").panel
    known = panel.times[panel.fields["close"][:, 0] == 101]
    assert known.tolist() == [pd.Timestamp("2024-01-02 10:00", tz="UTC")]


def test_the_cache_refuses_or_converts_them_as_well(tmp_path: Path) -> None:
    data = [{"Date": stamp.replace(" ", "T"), "Close": 1.0} for stamp in UTC_OF_MUMBAI]
    cache = {"series": {"N": {"meta": {"interval": "1d"}, "data": data}}}
    (tmp_path / "c.json").write_text(json.dumps(cache))
    with pytest.raises(DataError, match="c.json: series N: row 1: .*" + ADVICE):
        JsonCache(str(tmp_path / "c.json")).load()
    raw = JsonCache(str(tmp_path / "c.json"), timezone="Asia/Kolkata").load()
    assert raw["date"].tolist() == [MONDAY, MONDAY + pd.Timedelta("1D")]


def test_the_date_of_a_ratio_is_never_that_of_another_zone(tmp_path: Path) -> None:
    times = pd.date_range("2024-01-01 10:00", periods=3, tz="UTC")
    bars = validate_bars(pd.DataFrame({"time": times, "symbol": "A", "close": 1.0}), name="x").bars
    path = tmp_path / "splits.csv"
    path.write_text(f"date,symbol,ratio\n{UTC_OF_MUMBAI[1]},A,2\n")
    with pytest.raises(DataError, match=r"depends on the zone; write dates as 2015-01-31"):
        attach_ratios(bars, path)
    path.write_text("date,symbol,ratio\n2024-01-02 00:00:00+05:30,A,2\n")
    assert attach_ratios(bars, path)[0]["_ratio"].notna().tolist() == [False, True, False]

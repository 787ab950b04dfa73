"""A Qlib data directory, written by hand and from real data."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.dataset import Dataset
from marketlab.data.panel import MEMBER
from marketlab.data.sources.qlib import Qlib
from marketlab.errors import DataError

from damaged_files import qlib_files


def write(folder: Path, **changes: bytes | None) -> Path:
    for name, data in qlib_files(**changes).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "bad"


def write_directory(folder: Path, frame: pd.DataFrame) -> None:
    """Write instrument, date and fields as Qlib's own dump does."""
    days = np.sort(frame["date"].unique())
    (folder / "calendars").mkdir(parents=True)
    (folder / "instruments").mkdir()
    (folder / "calendars/day.txt").write_text("\n".join(str(day)[:10] for day in days))
    spans = []
    for symbol, rows in frame.groupby("instrument", sort=False):
        at = np.searchsorted(days, rows["date"].to_numpy())
        spans.append(f"{symbol}\t{str(days[at[0]])[:10]}\t{str(days[at[-1]])[:10]}")
        place = folder / "features" / str(symbol).lower()
        place.mkdir(parents=True)
        for field in frame.columns.drop(["instrument", "date"]):
            values = np.full(at[-1] - at[0] + 2, np.nan, dtype="<f4")
            values[0] = at[0]
            values[1 + at - at[0]] = rows[field]
            values.tofile(place / f"{field}.day.bin")
    (folder / "instruments/all.txt").write_text("\n".join(spans) + "\n")


def test_rows_have_a_close_and_the_date_of_the_calendar(tmp_path: Path) -> None:
    raw = Qlib(str(write(tmp_path))).load()
    assert raw["symbol"].tolist() == ["SH600000"] * 4 + ["SH600004"] * 3
    assert raw["close"].tolist() == [1, 2, 4, 5, 7, 8, 9]
    assert raw["volume"].tolist()[:4] == [10, 20, 40, 50]
    assert raw["volume"].isna().tolist() == [False] * 4 + [True] * 3
    assert raw["date"].dt.day.tolist() == [26, 27, 29, 30, 27, 28, 29]
    assert MEMBER not in raw
    assert "volume" not in Qlib(str(tmp_path / "bad"), fields=["$close"]).load()


def test_membership_marks_rows_and_drops_none(tmp_path: Path) -> None:
    market = (
        b"SH600000\t2021-04-01\t2021-04-26\nSH600000\t2021-04-29\t2021-04-29\nSZ1\t2021-04-26\t"
    )
    folder = write(tmp_path)
    (folder / "instruments/small.txt").write_bytes(market + b"2021-04-30\n")
    raw = Qlib(str(folder), market="small").load()
    assert raw[MEMBER].tolist() == [1, 0, 1, 0]
    assert raw.attrs["notes"] == (
        "1 of 2 instruments of small have no features and are left out: SZ1",
    )
    (folder / "instruments/all.txt").write_bytes(b"SH600004\t2021-04-28\t2021-04-30\n")
    assert Qlib(str(folder)).load()[MEMBER].tolist() == [0, 1, 1]


def test_fields_of_other_lengths_are_aligned(tmp_path: Path) -> None:
    volume = np.array([1, 20, 30], dtype="<f4").tobytes()
    raw = Qlib(str(write(tmp_path, volume=volume))).load()
    np.testing.assert_array_equal(raw["volume"][:4], [np.nan, 20, np.nan, np.nan])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"market": "../all"}, r"dataset\.source\.market='\.\./all' cannot name a file"),
        ({"fields": ["a/b"]}, r"dataset\.source\.fields='a/b' cannot name a file"),
        ({"freq": "1min"}, r"dataset\.source\.freq=1min: only day is read"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Qlib("x", **options)


def test_a_directory_that_is_not_there() -> None:
    with pytest.raises(DataError, match=r"there is no folder nowhere"):
        Qlib("nowhere").load()


def test_real_rows_come_back_as_they_were(shared_data: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(shared_data / "csi300/members_daily_2010_2020.parquet")
    chosen = frame["instrument"].unique()[:40]
    frame = frame[frame["instrument"].isin(chosen)].reset_index(drop=True)
    write_directory(tmp_path / "qlib", frame)
    (tmp_path / "qlib/instruments/csi300.txt").write_bytes(
        (shared_data / "csi300/csi300.txt").read_bytes()
    )
    raw = Qlib(str(tmp_path / "qlib")).load()
    assert raw["symbol"].astype("str").tolist() == frame["instrument"].tolist()
    for column in frame.columns.drop("instrument"):
        np.testing.assert_array_equal(raw[column], frame[column])
    members = Qlib(str(tmp_path / "qlib"), market="csi300")
    loaded = Dataset("qlib", members, "XSHG").load(tmp_path / "store")
    member = loaded.panel.fields[MEMBER]
    assert set(np.unique(member[~np.isnan(member)])) == {0, 1}

"""Membership comes from a file of spans, and lands on the bars within them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.schema import validate_bars
from marketlab.data.corrections.universe import attach_members
from marketlab.data.dataset import Dataset
from marketlab.data.panel import MEMBER
from marketlab.data.snapshots.store import read_snapshot
from marketlab.data.sources.parquet import Parquet
from marketlab.errors import DataError

DAYS = pd.date_range("2021-03-01", periods=10)


def bars(*symbols: str) -> pd.DataFrame:
    """Make validated bars of ten days that close at 10:00 UTC."""
    times = (DAYS + pd.Timedelta("10h")).tz_localize("UTC")
    parts = [pd.DataFrame({"time": times, "symbol": s, "close": 1.0}) for s in symbols]
    return validate_bars(pd.concat(parts), name="made").bars


def table(folder: Path, *rows: str, name: str = "members.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n")
    return path


def days_in(frame: pd.DataFrame, symbol: str) -> list[int]:
    """Return the days of March on which the symbol is a member."""
    joined = frame[(frame["symbol"] == symbol) & (frame[MEMBER] == 1.0)]
    return [int(day) for day in joined["time"].dt.day]


def test_both_ends_are_included_and_an_open_one_lasts(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "Symbol,From,To",
        "B,2021-03-03,2021-03-05",
        "A,2021-03-08,",
        "A,2019-01-01,2021-03-02",
        "B,2021-03-06,2021-03-06",
        "B,2021-03-09,2021-03-31",
        "D,2021-01-01,2021-02-01",
    )
    before = bars("A", "B", "C", "D")
    kept = before.copy()
    found, notes = attach_members(before, path)
    assert days_in(found, "A") == [1, 2, 8, 9, 10]
    assert days_in(found, "B") == [3, 4, 5, 6, 9, 10]
    assert days_in(found, "C") == []
    assert days_in(found, "D") == []
    assert set(found[MEMBER]) == {0.0, 1.0}
    assert notes == ("1 symbol never in members.csv, hence no member: C",)
    pd.testing.assert_frame_equal(before, kept)


def test_it_is_what_a_loop_over_spans_says(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    names = [f"S{k}" for k in range(30)]
    frame = bars(*names)
    frame = frame[random.random(len(frame)) < 0.8].reset_index(drop=True)
    rows, expected = ["symbol,start,end"], np.zeros(len(frame))
    day = frame["time"].dt.day.to_numpy()
    for name in names:
        cuts = np.sort(random.choice(np.arange(-3, 16), 4, replace=False))
        for first, last in (cuts[:2], cuts[2:]):
            span = [DAYS[0] + pd.Timedelta(int(k) - 1, "D") for k in (first, last)]
            rows.append(f"{name},{span[0]:%Y-%m-%d},{span[1]:%Y-%m-%d}")
            here = (frame["symbol"] == name).to_numpy() & (day >= first) & (day <= last)
            expected[here] = 1.0
    found, notes = attach_members(frame, table(tmp_path, *rows))
    np.testing.assert_array_equal(found[MEMBER], expected)
    assert 0.2 < expected.mean() < 0.8
    assert notes == ()


def test_a_file_of_qlib_replaces_what_the_source_said(tmp_path: Path) -> None:
    path = table(tmp_path, "A\t2021-03-02\t2021-03-04", "C\t2021-03-01\t2021-03-02", name="x.txt")
    found, notes = attach_members(bars("A", "B").assign(**{MEMBER: 1.0}), path)
    assert days_in(found, "A") == [2, 3, 4]
    assert days_in(found, "B") == []
    assert notes == (
        "1 of 2 members without bars: C; 40.0% of member-days",
        "1 symbol never in x.txt, hence no member: B",
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["symbol,from,to", "A,2021-03-05,2021-03-04"], "row 1: A is a member from 2021-03-05 to"),
        (["symbol,from,to", "A,2021-03-01,", "A,2021-03-05,2021-03-06"], "row 2: the span of A fr"),
        (["symbol,from,to", "A,2021-03-01,2021-03-05", "A,2021-03-05,"], "overlaps another; join"),
        (["symbol,from,to", "X,2021-03-01,", "Y,2021-03-01,"], "symbol in common: it names X, Y"),
        (["symbol,from,to", "A,soon,"], "row 1: 'soon' is not a date; write dates as 2015-01-31"),
        (["symbol,from,to", "A,,2021-03-04"], "row 1: an empty cell is not a date"),
        (["symbol,from,to", "A,2021-03-01,", ",2021-03-01,"], "row 2 has no symbol"),
        (["symbol,from", "A,2021-03-01"], "no column 'to' among symbol, from"),
        (["symbol,from,to"], "not a single row"),
        (["A,2021-03-01"], "2 columns and no header"),
        (["symbol,from,to", "A,2021-03-01,,,"], "does not read as CSV"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_in_one_line(
    tmp_path: Path, rows: list[str], said: str
) -> None:
    path = table(tmp_path, *rows)
    with pytest.raises(DataError, match=said) as caught:
        attach_members(bars("A", "B"), path)
    assert "members.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"", "is empty"), (b"\xff\xfe\x00\x01", "CSV")]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "members.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        attach_members(bars("A"), path)


def test_a_snapshot_without_membership_is_not_taken_for_one_of_members(tmp_path: Path) -> None:
    pd.DataFrame({"date": DAYS, "symbol": "A", "close": 1.0}).to_parquet(tmp_path / "a.parquet")
    source = Parquet(str(tmp_path / "a.parquet"))
    plain = Dataset("d", source, "24/7").load(tmp_path)
    assert plain.panel.member is None
    path = table(tmp_path, "symbol,from,to", "A,2021-03-02,2021-03-04")
    with_universe = Dataset("d", source, "24/7", universe=str(path))
    loaded = with_universe.load(tmp_path)
    assert loaded.panel.member is not None
    assert loaded.panel.member[:, 0].tolist() == [False, True, True, True, *[False] * 6]
    with pytest.raises(DataError, match=r"was taken without dataset\.universe=.*; load it again"):
        with_universe.load(tmp_path, snapshot=plain.snapshot.sha256)


def test_the_constituents_of_csi300(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "csi300"
    dataset = Dataset(
        "csi300",
        Parquet(str(folder / "members_daily_2010_2020.parquet")),
        "XSHG",
        universe=str(folder / "csi300.txt"),
        on_invalid="drop",
    )
    loaded = dataset.load(tmp_path)
    member = loaded.panel.member
    assert member is not None
    assert member.shape == loaded.panel.shape == (2674, 725)
    # Not all of the 300 are in the file, and some are suspended.
    assert 250 <= member.sum(axis=1).min() <= member.sum(axis=1).max() <= 300
    assert not member[:, loaded.panel.symbols.index("SH000300")].any()
    notes = " ".join(loaded.health.notes)
    assert "38 of 682 members without bars: SH600005" in notes
    assert "4.9% of member-days" in notes
    # SH600004 left on 2011-12-12 and came back on 2018-12-17.
    airport = member[:, loaded.panel.symbols.index("SH600004")]
    days = loaded.panel.times.strftime("%Y-%m-%d").to_numpy(dtype=str)
    inside = days[airport]
    assert not ((inside > "2011-12-12") & (inside < "2018-12-17")).any()
    assert (inside <= "2011-12-12").sum() > 300
    assert (inside >= "2018-12-17").sum() > 300


def test_a_symbol_may_be_called_like_a_column(tmp_path: Path) -> None:
    path = table(tmp_path, "TO,2021-03-02,2021-03-04", "A,2021-03-01,2021-03-02")
    found, _ = attach_members(bars("TO", "A"), path)
    assert days_in(found, "TO") == [2, 3, 4]


def test_a_column_named_member_is_no_universe(tmp_path: Path) -> None:
    frame = pd.DataFrame({"date": DAYS, "symbol": "A", "close": 1.0, "member": 7.0})
    frame.to_parquet(tmp_path / "bars.parquet")
    source = Parquet(str(tmp_path / "bars.parquet"))
    panel = Dataset("d", source, "24/7").load(tmp_path / "data").panel
    assert panel.member is None
    assert set(panel.fields["member"][:, 0]) == {7.0}
    path = table(tmp_path, "symbol,from,to", "A,2021-03-02,")
    universe = Dataset("d", source, "24/7", universe=str(path)).load(tmp_path / "data").panel
    assert universe.member is not None
    assert universe.member[:, 0].tolist() == [False, *[True] * 9]
    assert set(universe.fields["member"][:, 0]) == {7.0}


def test_a_member_joins_with_the_session_wherever_the_exchange_is(tmp_path: Path) -> None:
    hours = [day + pd.Timedelta(hours=hour) for day in DAYS[:5] for hour in (10, 13)]
    opened = pd.DatetimeIndex(hours).tz_localize("Australia/Sydney").tz_convert("UTC")
    pd.DataFrame({"time": opened, "symbol": "A", "close": 1.0}).to_parquet(tmp_path / "x.parquet")
    source = Parquet(str(tmp_path / "x.parquet"), stamps="open", interval="1h")
    path = table(tmp_path, "symbol,from,to", "A,2021-03-03,2021-03-03")
    dataset = Dataset("d", source, "XASX", universe=str(path))
    bars_of_it, _ = read_snapshot(dataset.load(tmp_path / "data").snapshot.path)
    assert bars_of_it[MEMBER].tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]


def test_a_span_that_was_cut_is_not_one_without_an_end(tmp_path: Path) -> None:
    rows = ["A\t2021-03-01\t2021-03-04", "B\t2021-03-01\t"]
    with pytest.raises(DataError, match=r"csi300\.txt: row 2: the span of B has no last day"):
        attach_members(bars("A", "B"), table(tmp_path, *rows, name="csi300.txt"))
    with pytest.raises(DataError, match="row 1: the span of A has no last day"):
        attach_members(bars("A"), table(tmp_path, "A,2021-03-01,", name="plain.csv"))
    # The first row says how many columns there are.
    with pytest.raises(DataError, match="2 columns and no header"):
        attach_members(bars("A"), table(tmp_path, "A\t2021-03-01", name="csi300.txt"))
    short = table(tmp_path, rows[0], "B\t2021-03-01", name="csi300.txt")
    with pytest.raises(DataError, match="line 2 has 2 cells and the first 3; the file is cut"):
        attach_members(bars("A", "B"), short)
    cut = table(tmp_path, "symbol,from,to", "A,2021-03-01,", "B,2021-03-01", name="cut.csv")
    with pytest.raises(DataError, match="line 3 has 2 cells and the first 3; the file is cut"):
        attach_members(bars("A", "B"), cut)

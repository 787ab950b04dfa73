"""Splits are taken from a file or from the source, never guessed, and what they change is told."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.schema import validate_bars
from marketlab.data.corrections.adjusting import adjusted, attach_ratios
from marketlab.data.corrections.suspects import suspected_splits
from marketlab.data.dataset import Dataset
from marketlab.data.panel import RATIO
from marketlab.data.sources.csv import Csv
from marketlab.errors import DataError

NAN = np.nan


def bars(**closes: list[float]) -> pd.DataFrame:
    """Make validated bars of consecutive weekdays from Monday, 2021-03-01; NaN is no bar."""
    parts = []
    for symbol, values in closes.items():
        close = np.array(values)
        days = pd.bdate_range("2021-03-01", periods=len(close))
        frame = pd.DataFrame(
            {
                "time": (days + pd.Timedelta("10h")).tz_localize("UTC"),
                "symbol": symbol,
                "open": close * 1.01,
                "high": close * 1.02,
                "low": close * 0.98,
                "close": close,
                "volume": 100.0,
                "turnover": close * 100,
            }
        )
        parts.append(frame[~np.isnan(close)])
    return validate_bars(pd.concat(parts), name="made").bars


def ratios_file(folder: Path, *rows: str, header: str = "date,symbol,ratio") -> Path:
    path = folder / "splits.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def ratios_of(frame: pd.DataFrame, symbol: str) -> list[float]:
    return frame.loc[frame["symbol"] == symbol, RATIO].tolist()


WEEK = bars(A=[10.0, 10, 5, 5, NAN, 5, 5], B=[8.0, 8, 8, 8, 8, 8, 8])


def test_a_ratio_stands_on_the_first_bar_at_or_after_its_date(tmp_path: Path) -> None:
    path = ratios_file(
        tmp_path, "2021-03-03,A,2", "2021-03-05,A,3", "2021-03-06,A,0.5", "2021-03-09,B,4"
    )
    before = WEEK.copy()
    found, notes = attach_ratios(WEEK, path)
    # Friday's bar is missing, so that Friday's and Saturday's ratios meet on Monday.
    np.testing.assert_array_equal(ratios_of(found, "A"), [NAN, NAN, 2, NAN, 1.5, NAN])
    np.testing.assert_array_equal(ratios_of(found, "B"), [NAN] * 6 + [4])
    assert notes == ()
    pd.testing.assert_frame_equal(WEEK, before)
    pd.testing.assert_frame_equal(attach_ratios(found, path)[0], found)


def test_a_ratio_outside_the_bars_changes_nothing_and_is_told(tmp_path: Path) -> None:
    path = ratios_file(
        tmp_path, "2021-03-01,A,2", "2021-02-01,A,2", "2021-03-10,B,2", "2021-03-02,B,2"
    )
    found, notes = attach_ratios(WEEK, path)
    assert found[RATIO].notna().sum() == 1
    assert notes == ("3 ratios outside the bars of the symbol, which change nothing: A, B",)


def test_a_session_that_ends_at_midnight_is_that_of_the_day_that_ends(tmp_path: Path) -> None:
    frame = WEEK.assign(time=WEEK["time"].dt.normalize() + pd.Timedelta("1D"))
    found, _ = attach_ratios(frame, ratios_file(tmp_path, "2021-03-03,A,2"))
    assert np.flatnonzero(found[RATIO] == 2).tolist() == [2]


def test_headers_in_any_case_other_dates_and_other_columns(tmp_path: Path) -> None:
    path = ratios_file(tmp_path, "B, 25/03/2021,x,2", header="Symbol, Date ,Purpose,RATIO")
    _, notes = attach_ratios(WEEK, path)
    assert "1 ratio outside" in notes[0]


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        (["2021-03-03,C,2"], None, "row 1: there are no bars of 'C'"),
        (["2021-03-03,A,2", "2021-03-04,A,0"], None, "row 2: the ratio '0' must be a positive"),
        (["2021-03-03,A,1"], None, "row 1: the ratio '1' must be"),
        (["2021-03-03,A,inf"], None, "row 1: the ratio 'inf' must be"),
        (["2021-03-03,A,1:1"], None, "row 1: the ratio '1:1' must be"),
        (["2021-03-03,A,"], None, "row 1: the ratio an empty cell must be"),
        (["2021-02-30,A,2"], None, "row 1: '2021-02-30' is not a date; write dates as"),
        ([",A,2"], None, "row 1: an empty cell is not a date; write dates as"),
        (["04/03/2021,A,2"], None, "month or the day first; write dates as"),
        (["2021-03-03,,2"], None, "row 1 has no symbol"),
        (["2021-03-03,A,2", "2021-03-03,A,3"], None, "row 2: A has a ratio of 2021-03-03 already"),
        (["2021-03-03,A"], "date,symbol", "no column 'ratio' among date, symbol"),
        (["2021-03-03,A,2,bonus"], None, "more cells than its header"),
        ([], None, "not a single row"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_in_one_line(
    tmp_path: Path, rows: list[str], header: str | None, said: str | None
) -> None:
    path = ratios_file(tmp_path, *rows, header=header or "date,symbol,ratio")
    with pytest.raises(DataError, match=said) as caught:
        attach_ratios(WEEK, path)
    message = str(caught.value)
    assert "splits.csv" in message
    assert "\n" not in message
    assert "dataset.source" not in message


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"", "is empty"), (b"\xff\xfe\x00\x01", "CSV")]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "splits.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        attach_ratios(WEEK, path)
    assert "\n" not in str(caught.value)


def test_ratios_divide_what_is_per_share_and_multiply_shares(tmp_path: Path) -> None:
    close = [10.0, 10, 5, 5, 1]
    frame = bars(A=close, B=[8.0] * 5).assign(
        vwap=lambda f: f["close"] * 1.005,
        last=lambda f: f["close"],
        prev_close=lambda f: f.groupby("symbol", observed=True)["close"].shift(),
        adj_close=1.0,
        dividends=0.5,
        deliverable_volume=50.0,
        trades=7.0,
    )
    path = ratios_file(tmp_path, "2021-03-03,A,2", "2021-03-05,A,5")
    attached, _ = attach_ratios(frame, path)
    before = attached.copy()
    found = adjusted(attached, "ratios", "made")
    pd.testing.assert_frame_equal(attached, before)
    assert RATIO not in found.bars
    a, b = (found.bars[found.bars["symbol"] == s].reset_index(drop=True) for s in "AB")
    np.testing.assert_allclose(a["close"], 1.0)
    for column, factor in (("open", 1.01), ("high", 1.02), ("low", 0.98), ("vwap", 1.005)):
        np.testing.assert_allclose(a[column], factor)
    np.testing.assert_allclose(a["last"], 1.0)
    # The close before the ex-date is in the shares of the day before.
    np.testing.assert_allclose(a["prev_close"], [NAN, 1, 1, 1, 1])
    np.testing.assert_allclose(a["dividends"], [0.05, 0.05, 0.1, 0.1, 0.5])
    np.testing.assert_allclose(a["volume"], [1000, 1000, 500, 500, 100])
    np.testing.assert_allclose(a["deliverable_volume"], [500, 500, 250, 250, 50])
    np.testing.assert_array_equal(a["turnover"], np.array(close) * 100)
    for column in ("adj_close", "trades"):
        np.testing.assert_array_equal(a[column], frame[column][:5])
    pd.testing.assert_frame_equal(b, frame[frame["symbol"] == "B"].reset_index(drop=True))
    assert found.changed.to_dict() == {"A": 4}
    assert found.suspected.empty
    assert found.notes == (
        "prices divided by 2 split ratios of 1 symbol: A 2021-03-03 (2), A 2021-03-05 (5)",
    )


def test_adjusting_by_ratios_needs_them() -> None:
    with pytest.raises(DataError, match=r"made: dataset.adjust=ratios .* dataset.ratios=FILE"):
        adjusted(WEEK, "ratios", "made")
    none = adjusted(WEEK.assign(**{RATIO: NAN}), "ratios", "made")
    assert none.changed.empty
    assert "no bar carries the ratio" in none.notes[0]


def test_adj_close_scales_prices_and_no_volume() -> None:
    frame = bars(A=[10.0, 10, 8], B=[8.0] * 3)
    frame["adj_close"] = [5.0, 5, 8, 8, 8, 8]
    found = adjusted(frame, "adj_close", "made")
    assert found.bars["close"].tolist() == [5, 5, 8, 8, 8, 8]
    np.testing.assert_allclose(found.bars["high"], found.bars["close"] * 1.02)
    np.testing.assert_array_equal(found.bars["volume"], frame["volume"])
    assert found.changed.to_dict() == {"A": 2}
    assert found.notes == ("prices of 2 bars scaled to the adjusted close",)
    assert frame["close"].tolist() == [10, 10, 8, 8, 8, 8]


def test_adj_close_is_needed_on_every_bar() -> None:
    with pytest.raises(DataError, match="adj_close, which the bars lack"):
        adjusted(WEEK, "adj_close", "made")
    frame = WEEK.assign(adj_close=WEEK["close"])
    frame.loc[7, "adj_close"] = NAN
    with pytest.raises(DataError, match="made: B 2021-03-02 has no adj_close"):
        adjusted(frame, "adj_close", "made")


def test_report_changes_nothing_and_says_what_looks_like_a_split() -> None:
    frame = bars(A=[40.0, 20, 20, 5, 5], B=[9.0, 9, 3, 3, 1], C=[1.0] * 5)
    found = adjusted(frame.assign(**{RATIO: [2.0, *[NAN] * 14]}), "report", "made")
    pd.testing.assert_frame_equal(found.bars, frame)
    assert found.changed.empty
    assert found.notes == (
        "1 ratio not applied; set dataset.adjust=ratios",
        "4 moves look like splits that nobody adjusted: A 2021-03-02 (2), A 2021-03-04 (4), "
        "B 2021-03-03 (3), ...; list them with marketlab-data, then dataset.adjust=ratios",
    )


@pytest.mark.parametrize("seed", range(20))
def test_splits_are_found_and_undone(tmp_path: Path, seed: int) -> None:
    """Split a made-up price path at random: every ratio is found, and the path comes back."""
    random = np.random.default_rng(seed)
    T = 400
    paths = {
        symbol: 100 * np.exp(np.cumsum(random.normal(0, 0.012, T))) for symbol in ("A", "B", "C")
    }
    original = bars(**{symbol: path.tolist() for symbol, path in paths.items()})
    frame = original.copy()
    truth = {}
    for symbol in paths:
        start = frame.index[frame["symbol"] == symbol][0]
        # Splits a few days apart or more, and not on the first bar.
        for row in np.sort(random.choice(np.arange(1, T, 7), 4, replace=False)):
            ratio = float(random.choice([1.5, 2, 2.5, 3, 4, 5, 10, 20, 1 / 2, 1 / 5, 1 / 10]))
            truth[symbol, frame["time"][start + row].normalize().tz_localize(None)] = ratio
            later = slice(start + row, start + T - 1)
            frame.loc[later, ["open", "high", "low", "close"]] /= ratio
            frame.loc[later, "volume"] *= ratio
    suspected = suspected_splits(frame)
    assert {(r.symbol, r.date): r.ratio for r in suspected.itertuples()} == truth
    path = tmp_path / "splits.csv"
    suspected.to_csv(path, index=False)
    attached, notes = attach_ratios(frame, path)
    assert notes == ()
    found = adjusted(attached, "ratios", "made")
    assert found.suspected.empty
    for symbol in paths:
        here = original["symbol"] == symbol
        for column in ("open", "high", "low", "close", "volume"):
            before, after = original.loc[here, column], found.bars.loc[here, column]
            # Adjusted prices are those of the newest share.
            scale = after.iloc[-1] / before.iloc[-1]
            np.testing.assert_allclose(after, before * scale, rtol=1e-9)


def test_the_snapshot_keeps_the_bars_as_they_came(tmp_path: Path) -> None:
    frame = WEEK.assign(date=WEEK["time"].dt.date).drop(columns="time")
    frame.to_csv(tmp_path / "bars.csv", index=False)
    source = Csv(str(tmp_path / "bars.csv"))
    ratios = ratios_file(tmp_path, "2021-03-03,A,2", "2021-04-01,B,2")
    plain = Dataset("d", source, "24/5", ratios=str(ratios)).load(tmp_path / "data")
    assert any("looks like a split" in note for note in plain.health.notes)
    assert plain.suspected["symbol"].tolist() == ["A"]
    assert "adjusted" not in plain.health.table
    done = Dataset("d", source, "24/5", adjust="ratios").load(
        tmp_path / "data", snapshot=plain.snapshot.sha256
    )
    assert done.panel.fields["close"][:2, 0].tolist() == [5, 5]
    assert done.health.table["adjusted"].tolist() == [2, 0]
    assert done.suspected.empty
    assert any("1 ratio outside" in note for note in done.health.notes)
    assert RATIO not in done.panel.fields
    with pytest.raises(DataError, match=r"dataset\.ratios=FILE"):
        Dataset("e", source, "24/5", adjust="ratios").load(tmp_path / "data")


SYDNEY = [
    day + pd.Timedelta(hours=hour)
    for day in pd.bdate_range("2024-02-01", "2024-02-09")
    for hour in range(10, 16)
]


def sydney(folder: Path, name: str = "BHP.csv") -> Dataset:
    """Write hours of a Sydney summer, which open on the day before in UTC, with a split of 2:1."""
    opened = pd.DatetimeIndex(SYDNEY).tz_localize("Australia/Sydney")
    after = opened >= pd.Timestamp("2024-02-06", tz="Australia/Sydney")
    close = np.where(after, 50.0, 100.0)
    frame = pd.DataFrame({"time": opened, "open": close, "close": close, "volume": 1.0})
    frame.to_csv(folder / name, index=False)
    ratios = ratios_file(folder, "2024-02-06,BHP,2")
    source = Csv(str(folder / name), stamps="open", interval="1h")
    return Dataset("asx", source, "XASX", adjust="ratios", ratios=str(ratios))


def test_a_ratio_counts_from_its_session_on_wherever_the_exchange_is(tmp_path: Path) -> None:
    loaded = sydney(tmp_path).load(tmp_path / "data")
    for name in ("open", "close"):
        np.testing.assert_array_equal(loaded.panel.fields[name], 50.0)
    assert loaded.suspected.empty
    assert any("BHP 2024-02-06 (2)" in note for note in loaded.health.notes)


def test_a_suspected_split_is_dated_by_its_exchange(tmp_path: Path) -> None:
    dataset = sydney(tmp_path)
    dataset.adjust = "report"
    suspected = dataset.load(tmp_path / "data").suspected
    assert suspected["date"].tolist() == [pd.Timestamp("2024-02-06")]


def test_a_column_named_ratio_is_no_split(tmp_path: Path) -> None:
    frame = WEEK.assign(date=WEEK["time"].dt.date, ratio=2.0).drop(columns="time")
    frame.to_csv(tmp_path / "bars.csv", index=False)
    source = Csv(str(tmp_path / "bars.csv"))
    panel = Dataset("d", source, "24/5").load(tmp_path / "data").panel
    assert set(panel.fields["ratio"][0]) == {2.0}
    with pytest.raises(DataError, match=r"needs the ratios of splits"):
        Dataset("d", source, "24/5", adjust="ratios").load(tmp_path / "data")
    header = frame.rename(columns={"ratio": RATIO})
    header.to_csv(tmp_path / "bars.csv", index=False)
    assert "ratio" in Dataset("d", source, "24/5").load(tmp_path / "data").panel.fields


def test_the_close_before_follows_the_adjusted_close_of_its_own_bar() -> None:
    frame = bars(A=[10.0, 10, 8]).assign(adj_close=[5.0, 5, 8], prev_close=[9.0, 10, 10])
    found = adjusted(frame, "adj_close", "made").bars
    assert found["prev_close"].tolist() == [4.5, 5, 5]


def test_what_lies_outside_a_span_is_adjusted_but_neither_counted_nor_told() -> None:
    frame = bars(A=[40.0, 20, 20, 5, 5], B=[9.0, 9, 3, 3, 3])
    ratios = [NAN, 2.0, NAN, NAN, NAN, NAN, NAN, 3.0, NAN, NAN]
    frame = frame.assign(**{RATIO: ratios})
    whole = adjusted(frame, "ratios", "made")
    assert whole.changed.to_dict() == {"A": 1, "B": 2}
    days = [pd.Timestamp(f"2021-03-0{day}") for day in range(1, 6)]
    late = adjusted(frame, "ratios", "made", span=(days[1], None))
    pd.testing.assert_frame_equal(late.bars, whole.bars)
    assert late.changed.to_dict() == {"B": 1}
    assert late.notes[0] == "prices divided by 1 split ratio of 1 symbol: B 2021-03-03 (3)"
    assert late.notes[1].endswith("A 2021-03-04 (4); list it with marketlab-data")
    assert late.suspected["date"].tolist() == [days[3]]
    early = adjusted(frame, "ratios", "made", span=(None, days[2]))
    assert early.suspected.empty
    assert early.changed.to_dict() == {"A": 1, "B": 2}
    told = adjusted(frame, "report", "made", span=(days[2], days[2])).notes
    assert told[0] == "1 ratio not applied; set dataset.adjust=ratios"
    assert "1 move looks like a split that nobody adjusted: B 2021-03-03" in told[1]

"""Fetching what is new: through Dataset.fetch, the real clients and a server on loopback."""

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from time import sleep
from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.dataset import Dataset
from marketlab.data.snapshots.lock import held
from marketlab.data.snapshots.store import LATEST, Snapshot, read_snapshot
from marketlab.data.sources import asking, yahoo_http
from marketlab.data.sources.source import Fetching
from marketlab.data.sources.yahoo import Yahoo
from marketlab.errors import DataError, SnapshotError
from tenacity import wait_none

from fake_yahoo import Chart, FakeYahoo, daily, future, intraday, serving

QUICK = Fetching(retries=1, timeout=5, pause=0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A fake that knows three tickers until the end of June 2024."""
    with serving(FakeYahoo()) as server:
        session = server.session()
        monkeypatch.setattr(yahoo_http, "session", lambda: session)
        monkeypatch.setattr(asking, "BACKOFF", wait_none())
        until(server, "2024-06-28")
        yield server


def until(fake: FakeYahoo, date: str) -> None:
    for seed, ticker in enumerate(["AAA", "BBB", "CCC"]):
        fake.charts[ticker] = daily("2023-01-02", "2024-12-31", seed).until(date)


def dataset(symbols: Any = ("AAA", "BBB", "CCC"), name: str = "shares", **options: Any) -> Dataset:
    source = {key: options.pop(key) for key in ("interval", "start", "period") if key in options}
    return Dataset(name, Yahoo(symbols, **source), **{"clock": "XBOM", **options})


def bars_of(snapshot: Snapshot, symbol: str) -> pd.DataFrame:
    bars = read_snapshot(snapshot.path)[0]
    return bars[bars["symbol"] == symbol].reset_index(drop=True)


def notes(snapshot: Snapshot) -> list[str]:
    return list(snapshot.metadata["notes"])


def test_a_second_fetch_asks_only_what_is_new_and_stores_what_a_whole_one_does(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    first = dataset().fetch(tmp_path / "a", QUICK)
    until(fake, "2024-09-30")
    fake.tickers()
    second = dataset().fetch(tmp_path / "a", QUICK)
    assert {asked.start for asked in fake.log} == {pd.Timestamp("2024-03-20", tz="UTC")}
    assert len(fake.log) == 3
    whole = dataset().fetch(tmp_path / "b", QUICK)
    assert second.rows == whole.rows > first.rows
    assert second.sha256 == whole.sha256
    assert notes(second) == []


def test_nothing_new_is_the_same_snapshot(fake: FakeYahoo, tmp_path: Path) -> None:
    first = dataset().fetch(tmp_path, QUICK)
    assert dataset().fetch(tmp_path, QUICK).sha256 == first.sha256
    assert dataset().fetch(tmp_path, Fetching(full=True)).sha256 == first.sha256


def spoil(fake: FakeYahoo) -> None:
    """Let there be bars on Sundays, null ones, an impossible one, and one that is not there yet."""
    chart = fake.charts["AAA"]
    sundays = pd.DatetimeIndex(["2023-06-04 09:15", "2024-06-23 09:15", "2024-08-04 09:15"])
    extra = chart.bars.iloc[[10, 11, 12]].set_axis(sundays.tz_localize("Asia/Kolkata"))
    end = chart.bars.index[-1]
    chart.bars = pd.concat([chart.bars, extra[extra.index <= end]]).sort_index()
    for date in ("2023-03-01", "2024-06-25", "2024-08-14"):
        chart.bars.loc[chart.bars.index.normalize() == pd.Timestamp(date, tz="Asia/Kolkata")] = (
            np.nan
        )
    high = chart.bars.columns.get_loc("high")
    for date in ("2023-03-02", "2024-06-26", "2024-08-16"):
        at = chart.bars.index.normalize() == pd.Timestamp(date, tz="Asia/Kolkata")
        chart.bars.iloc[at.nonzero()[0], high] = 1.0
    chart.bars.iloc[-1] = np.nan


def test_what_is_wrong_with_the_bars_is_said_alike_however_they_came(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    spoil(fake)
    shares = dataset(["AAA", "BBB"], on_invalid="drop")
    first = shares.fetch(tmp_path / "a", QUICK)
    until(fake, "2024-09-30")
    spoil(fake)
    second = shares.fetch(tmp_path / "a", QUICK)
    whole = shares.fetch(tmp_path / "b", QUICK)
    unfinished = "the newest bar has no close yet and was dropped: AAA"
    assert notes(first) == [
        "2 bars dated on no session, taken to close at the usual hour",
        "2 bars dropped: high below low",
        "2 rows without a close dropped",
        unfinished,
    ]
    assert notes(whole) == [
        "3 bars dated on no session, taken to close at the usual hour",
        "3 bars dropped: high below low",
        "3 rows without a close dropped",
        unfinished,
    ]
    assert second.sha256 == whole.sha256
    assert shares.fetch(tmp_path / "a", QUICK).sha256 == whole.sha256


def test_history_that_was_adjusted_is_fetched_again(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset().fetch(tmp_path / "a", QUICK)
    until(fake, "2024-09-30")
    fake.charts["BBB"] = fake.charts["BBB"].scaled(0.98, "2024-09-02")
    fake.tickers()
    second = dataset().fetch(tmp_path / "a", QUICK)
    assert notes(second) == [
        "BBB: history differs (adj_close of 2024-03-22), fetched again",
    ]
    assert [asked.ticker for asked in fake.log[3:]] == ["BBB"]
    assert fake.log[3].start < pd.Timestamp("1970-01-01", tz="UTC")
    whole = dataset().fetch(tmp_path / "b", QUICK)
    pd.testing.assert_frame_equal(read_snapshot(second.path)[0], read_snapshot(whole.path)[0])
    assert dataset().fetch(tmp_path / "a", QUICK).sha256 == whole.sha256


@pytest.mark.parametrize(
    ("column", "factor", "again"),
    [("close", 1 + 5e-6, False), ("close", 1 + 1e-4, True), ("volume", 1.01, True)],
)
def test_the_overlap_is_compared_bar_by_bar(
    fake: FakeYahoo, tmp_path: Path, column: str, factor: float, again: bool
) -> None:
    dataset().fetch(tmp_path, QUICK)
    at = fake.charts["AAA"].bars.index[-3]
    fake.charts["AAA"].bars.loc[at, column] *= factor
    fake.tickers()
    dataset().fetch(tmp_path, QUICK)
    assert sorted(fake.tickers()) == ["AAA", *(["AAA"] if again else []), "BBB", "CCC"]


def test_a_dividend_that_is_entered_late_is_seen(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset(["AAA"]).fetch(tmp_path / "a", QUICK)
    until(fake, "2024-08-30")
    late = fake.charts["AAA"].scaled(0.9, "2024-05-02")
    late.dividends = {"2024-05-02": 10.0}
    fake.charts["AAA"] = late
    second = dataset(["AAA"]).fetch(tmp_path / "a", QUICK)
    whole = dataset(["AAA"]).fetch(tmp_path / "b", QUICK)
    pd.testing.assert_frame_equal(bars_of(second, "AAA"), bars_of(whole, "AAA"))
    assert bars_of(second, "AAA")["dividends"].sum() == 10


def test_a_source_may_cut_the_bars_at_the_start(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset(["AAA"]).fetch(tmp_path, QUICK)
    until(fake, "2024-07-31")
    answer = fake.answer

    def cut(ticker: str, query: Mapping[str, str]) -> Any:
        # The overlap begins on a session, 2024-03-20, whose bar is left out.
        return answer(ticker, {**query, "period1": str(int(query["period1"]) + 86_400)})

    fake.answer = cut  # type: ignore[method-assign]
    second = dataset(["AAA"]).fetch(tmp_path, QUICK)
    assert notes(second) == []
    assert len(bars_of(second, "AAA")) == len(fake.charts["AAA"].bars)


@pytest.mark.parametrize("full", [False, True])
def test_an_answer_that_lags_behind_takes_no_bars_away(
    fake: FakeYahoo, tmp_path: Path, full: bool
) -> None:
    first = dataset(["AAA"]).fetch(tmp_path, QUICK)
    until(fake, "2024-06-24")
    fake.charts["AAA"].bars.iloc[-1, -1] += 5  # its newest volume is not complete
    second = dataset(["AAA"]).fetch(tmp_path, Fetching(pause=0, full=full))
    assert notes(second) == [
        "AAA: the answer ends on 2024-06-24; the known bars after it, until 2024-06-28, are kept"
    ]
    assert second.rows == first.rows
    until(fake, "2024-07-31")
    assert notes(dataset(["AAA"]).fetch(tmp_path, QUICK)) == []


def test_history_that_lags_behind_and_differs_is_the_answer(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    first = dataset(["AAA"]).fetch(tmp_path, QUICK)
    until(fake, "2024-06-26")
    fake.charts["AAA"] = fake.charts["AAA"].scaled(0.5, "2024-06-20")
    second = dataset(["AAA"]).fetch(tmp_path, QUICK)
    assert notes(second)[1:] == [
        "AAA: 2 bars after 2024-06-26 served no more, and not kept, as they do not fit the others; "
        f"the snapshot {first.sha256[:12]} has them"
    ]
    assert bars_of(second, "AAA")["time"].max() < pd.Timestamp("2024-06-27", tz="UTC")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"allow_negative": False}, {"allow_negative": True}),
        ({"allow_negative": True}, {"allow_negative": False}),
        ({"exchange": "24/5"}, {"exchange": "XBOM"}),
    ],
)
def test_bars_of_other_rules_are_fetched_again(
    fake: FakeYahoo, tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    bars = fake.charts["AAA"].bars
    prices = ["open", "high", "low", "close", "adj_close"]
    bars.loc[bars.index[50], prices] = [-5, -1, -40, -37.6, -37.6]
    rest = {"on_invalid": "drop"}
    dataset(["AAA"], **rest, **before).fetch(tmp_path / "a", QUICK)
    second = dataset(["AAA"], **rest, **after).fetch(tmp_path / "a", QUICK)
    whole = dataset(["AAA"], **rest, **after).fetch(tmp_path / "b", QUICK)
    assert second.sha256 == whole.sha256


def test_a_symbol_of_bad_bars_alone_can_be_left_out(fake: FakeYahoo, tmp_path: Path) -> None:
    fake.charts["BBB"].bars["high"] = fake.charts["BBB"].bars["low"] / 2
    shares = dataset(["AAA", "BBB"], on_invalid="drop")
    count = len(fake.charts["BBB"].bars)
    why = f"every bar breaks a rule: high below low ({count})"
    with pytest.raises(DataError) as refusal:
        shares.fetch(tmp_path, QUICK)
    assert str(refusal.value) == f"shares: {why}; check the source"
    lenient = Fetching(retries=0, pause=0, allow_missing=True)
    assert notes(shares.fetch(tmp_path, lenient)) == [f"BBB: {why}; left out"]


def test_the_newest_volume_may_be_completed(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset().fetch(tmp_path, QUICK)
    until(fake, "2024-07-31")
    last = pd.Timestamp("2024-06-28 09:15", tz="Asia/Kolkata")
    fake.charts["AAA"].bars.loc[last, "volume"] += 1000
    second = dataset().fetch(tmp_path, QUICK)
    assert notes(second) == []
    bars = bars_of(second, "AAA").set_index("time")
    assert (
        bars.loc[pd.Timestamp("2024-06-28 10:00", tz="UTC"), "volume"]
        == fake.charts["AAA"].bars.loc[last, "volume"]
    )


def test_a_bar_that_comes_or_goes_is_a_difference(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset().fetch(tmp_path, QUICK)
    bars = fake.charts["AAA"].bars
    fake.charts["AAA"].bars = bars.drop(bars.index[-2])
    second = dataset().fetch(tmp_path, QUICK)
    assert notes(second) == [
        "AAA: history differs (the bar of 2024-06-27 is only known), fetched again"
    ]
    fake.charts["AAA"].bars = bars
    third = dataset().fetch(tmp_path, QUICK)
    assert notes(third) == ["AAA: history differs (the bar of 2024-06-27 is new), fetched again"]


def test_symbols_that_are_asked_otherwise_or_are_new_start_anew(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    dataset(["AAA", "BBB"]).fetch(tmp_path, QUICK)
    fake.tickers()
    changed = {"AAA": "AAA", "BBB": {"ticker": "BBB", "start": "2024-01-01"}, "CCC": "CCC"}
    second = dataset(changed).fetch(tmp_path, QUICK)
    starts = {asked.ticker: asked.start for asked in fake.log}
    assert starts["AAA"] == pd.Timestamp("2024-03-20", tz="UTC")
    assert starts["BBB"] == pd.Timestamp("2023-12-31", tz="UTC")
    assert starts["CCC"] < pd.Timestamp("1970-01-01", tz="UTC")
    assert bars_of(second, "BBB")["time"].min() >= pd.Timestamp("2024-01-01", tz="UTC")
    third = dataset(["CCC"]).fetch(tmp_path, QUICK)
    assert read_snapshot(third.path)[0]["symbol"].unique().tolist() == ["CCC"]


def test_a_full_fetch_asks_for_everything(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset().fetch(tmp_path, QUICK)
    fake.tickers()
    dataset().fetch(tmp_path, Fetching(full=True, pause=0))
    assert all(asked.start < pd.Timestamp("1970-01-01", tz="UTC") for asked in fake.log)


def test_a_damaged_snapshot_is_left_alone_and_the_newest_good_one_taken(
    fake: FakeYahoo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = dataset().fetch(tmp_path, QUICK)
    damaged = first.path.with_name("0" * 64 + ".parquet")
    damaged.write_bytes(first.path.read_bytes())
    (damaged.parent / LATEST).write_text("0" * 64)
    fake.tickers()
    second = dataset().fetch(tmp_path, QUICK)
    assert "is damaged" in caplog.text
    assert notes(second) == [
        f"the newest snapshot could not be read: gone on from {first.sha256[:12]}"
    ]
    assert {asked.start for asked in fake.log} == {pd.Timestamp("2024-03-20", tz="UTC")}
    assert damaged.exists()
    pd.testing.assert_frame_equal(read_snapshot(second.path)[0], read_snapshot(first.path)[0])


def test_where_no_snapshot_can_be_read_everything_is_fetched(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    first = dataset().fetch(tmp_path, QUICK)
    good = first.path.read_bytes()
    first.path.write_bytes(good[:-1])
    second = dataset().fetch(tmp_path, QUICK)
    assert notes(second) == ["the newest snapshot could not be read: everything was fetched again"]
    assert second.rows == first.rows


def test_all_or_nothing(fake: FakeYahoo, tmp_path: Path) -> None:
    good = dataset().fetch(tmp_path, QUICK)
    until(fake, "2024-09-30")
    names = ["AAA", *(f"GONE{i}" for i in range(7))]
    with pytest.raises(DataError) as error:
        dataset(names).fetch(tmp_path, QUICK)
    message = str(error.value)
    assert message.startswith(
        "Yahoo Finance: 7 of 8 symbols cannot be had: GONE0 (unknown to Yahoo"
    )
    assert message.count("unknown to Yahoo") == 5
    assert message.endswith(", and 2 more; add allow_missing=true to go on without them")
    assert "\n" not in message
    assert unchanged(good)


def unchanged(good: Snapshot) -> bool:
    names = {path.name for path in good.path.parent.iterdir()}
    pointer = (good.path.parent / LATEST).read_text().strip()
    return names == {good.path.name, LATEST} and pointer == good.sha256


def test_missing_symbols_may_be_left_out_or_keep_what_is_known(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    dataset().fetch(tmp_path, QUICK)
    known = dataset().fetch(tmp_path, QUICK)
    until(fake, "2024-09-30")
    del fake.charts["BBB"]
    lenient = Fetching(retries=0, pause=0, allow_missing=True)
    second = dataset(["AAA", "BBB", "GONE"]).fetch(tmp_path, lenient)
    reason = "unknown to Yahoo (HTTP 404: No data found, symbol may be delisted)"
    assert notes(second) == [
        f"BBB: {reason}; its known bars, until 2024-06-28, are kept",
        f"GONE: {reason}; left out",
    ]
    pd.testing.assert_frame_equal(
        bars_of(second, "BBB").astype({"symbol": str}),
        bars_of(known, "BBB").astype({"symbol": str}),
    )
    assert bars_of(second, "AAA")["time"].max() > pd.Timestamp("2024-09-01", tz="UTC")


def test_nothing_at_all_is_always_an_error(fake: FakeYahoo, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 of 2 symbols cannot be had: .*; check their names$"):
        dataset(["X", "Y"]).fetch(tmp_path, Fetching(allow_missing=True, retries=0))
    assert not (tmp_path / "shares").exists()


def test_a_fetch_that_fails_leaves_the_good_snapshot(fake: FakeYahoo, tmp_path: Path) -> None:
    good = dataset().fetch(tmp_path, QUICK)
    until(fake, "2024-09-30")
    fake.faults = {"BBB": ["429*"]}
    with pytest.raises(DataError, match="rate limit"):
        dataset().fetch(tmp_path, QUICK)
    assert unchanged(good)
    fake.faults = {}
    fake.charts["BBB"].bars.iloc[-1, 1] = 1.0
    with pytest.raises(DataError, match=r"shares: BBB 2024-09-30: high 1 is below low"):
        dataset().fetch(tmp_path, QUICK)
    assert unchanged(good)


def ago(days: int) -> str:
    return str((pd.Timestamp.now("Asia/Kolkata") - pd.Timedelta(days=days)).date())


def test_intraday_bars_that_are_served_no_more_are_kept(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = intraday(ago(40), ago(10))
    fake.charts["IDX"] = {"5m": whole.until(ago(20))}
    index = dataset(["IDX"], interval="5m")
    first = index.fetch(tmp_path, QUICK)
    served = whole.opened.normalize() >= pd.Timestamp(ago(30), tz="Asia/Kolkata")
    late = whole.bars[served]
    fake.charts["IDX"]["5m"].bars = late
    for how in (QUICK, Fetching(full=True, pause=0)):
        second = index.fetch(tmp_path, how)
        bars = bars_of(second, "IDX")
        assert len(bars) == len(whole.bars)
        assert bars["time"].min() == bars_of(first, "IDX")["time"].min()
        assert notes(second) == []
    fake.charts["IDX"]["5m"].bars = late.assign(close=late["close"] / 1.001)
    third = index.fetch(tmp_path, QUICK)
    assert len(bars_of(third, "IDX")) == len(late)
    differs, lost = notes(third)
    assert differs.startswith("IDX: history differs (close of ")
    assert lost.startswith(f"IDX: {int((~served).sum()):,} bars before ")
    assert lost.endswith(
        "served no more, and not kept, as they do not fit the others; "
        f"the snapshot {second.sha256[:12]} has them"
    )


def accumulated(fake: FakeYahoo, store: Path, **options: Any) -> Chart:
    """Store bars of 40 days under the name nifty, of which the newest 30 are still served."""
    whole = intraday(ago(40), ago(10), 15)
    fake.charts["IDX"] = {"15m": whole.until(ago(20))}
    dataset({"nifty": "IDX"}, interval="15m", **options).fetch(store, QUICK)
    served = whole.bars[whole.opened.normalize() >= pd.Timestamp(ago(30), tz="Asia/Kolkata")]
    fake.charts["IDX"]["15m"].bars = served.copy()
    return whole


def test_a_newest_bar_that_was_completed_costs_no_history(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = accumulated(fake, tmp_path)
    bars = fake.charts["IDX"]["15m"].bars
    newest = whole.until(ago(20)).bars.index[-1]
    bars.loc[newest, ["close", "high"]] *= 1.001
    second = dataset({"nifty": "IDX"}, interval="15m").fetch(tmp_path, QUICK)
    assert notes(second) == []
    closes = bars_of(second, "nifty").set_index("time")["close"]
    assert len(closes) == len(whole.bars)
    assert closes[newest + pd.Timedelta(minutes=15)] == bars.loc[newest, "close"]


def test_a_bar_that_was_revised_costs_no_history(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = accumulated(fake, tmp_path)
    bars = fake.charts["IDX"]["15m"].bars
    revised = whole.until(ago(20)).bars.index[-5]
    bars.loc[revised, "high"] *= 1.01
    second = dataset({"nifty": "IDX"}, interval="15m").fetch(tmp_path, QUICK)
    assert len(notes(second)) == 1
    assert notes(second)[0].startswith("nifty: history differs (high of ")
    highs = bars_of(second, "nifty").set_index("time")["high"]
    assert len(highs) == len(whole.bars)
    assert highs[revised + pd.Timedelta(minutes=15)] == bars.loc[revised, "high"]


def test_another_name_or_an_earlier_start_costs_no_history(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = accumulated(fake, tmp_path)
    renamed = dataset({"NIFTY": "IDX"}, interval="15m").fetch(tmp_path, QUICK)
    assert len(bars_of(renamed, "NIFTY")) == len(whole.bars)
    assert notes(renamed) == []
    begun = dataset({"NIFTY": "IDX"}, interval="15m", start=ago(90)).fetch(tmp_path, QUICK)
    assert len(bars_of(begun, "NIFTY")) == len(whole.bars)
    assert notes(begun) == []
    start = ago(35)
    later = dataset({"NIFTY": "IDX"}, interval="15m", start=start).fetch(tmp_path, QUICK)
    early = int((whole.opened < pd.Timestamp(start, tz="Asia/Kolkata")).sum())
    assert len(bars_of(later, "NIFTY")) == len(whole.bars) - early
    has_them = f"the snapshot {begun.sha256[:12]} has them"
    assert notes(later) == [f"NIFTY: {early} bars before start={start} not kept; {has_them}"]


def test_history_that_is_not_kept_is_always_said(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = accumulated(fake, tmp_path)
    gone = int((whole.opened < pd.Timestamp(ago(30), tz="Asia/Kolkata")).sum())
    first = (tmp_path / "shares" / LATEST).read_text()[:12]
    other = dataset({"nifty": "IDX"}, interval="15m", allow_negative=True)
    (note,) = notes(other.fetch(tmp_path, QUICK))
    assert note.startswith(f"nifty: {gone} bars before ")
    assert note.endswith(
        "as they are of dataset.allow_negative=false, this asks for true; "
        f"the snapshot {first} has them"
    )
    second = (tmp_path / "shares" / LATEST).read_text()[:12]
    (note,) = notes(dataset(["AAA"], allow_negative=True).fetch(tmp_path, QUICK))
    count = int((whole.opened >= pd.Timestamp(ago(30), tz="Asia/Kolkata")).sum())
    assert note == f"nifty: {count:,} bars not asked for any more; the snapshot {second} has them"


def test_after_a_gap_in_what_is_served_all_of_it_is_asked(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = intraday(ago(100), ago(10))
    index = dataset(["IDX"], interval="5m")
    fake.charts["IDX"] = {"5m": whole.until(ago(80))}
    asked_then = {"period1": "0", "period2": "2000000000"}
    answer = fake.answer
    fake.answer = lambda ticker, query: answer(ticker, {**query, **asked_then})  # type: ignore[method-assign]
    first = index.fetch(tmp_path, QUICK)
    fake.answer = answer  # type: ignore[method-assign]
    fake.charts["IDX"] = {"5m": whole}
    second = index.fetch(tmp_path, QUICK)
    assert bars_of(second, "IDX")["time"].min() > bars_of(first, "IDX")["time"].max()
    differs, lost = notes(second)
    assert differs == "IDX: history differs (no bar in common), fetched again"
    assert f"the snapshot {first.sha256[:12]} has them" in lost


def test_a_period_is_a_window_that_moves(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = intraday("2024-03-01", "2024-03-28")
    series = dataset(["IDX"], interval="5m", period="2d")
    fake.charts["IDX"] = {"5m": whole.until("2024-03-15")}
    assert series.fetch(tmp_path, QUICK).rows == 150
    fake.charts["IDX"] = {"5m": whole}
    second = series.fetch(tmp_path, QUICK)
    assert second.rows == 150
    assert bars_of(second, "IDX")["time"].max() == pd.Timestamp("2024-03-28 10:00", tz="UTC")


def test_a_symbol_whose_first_bar_is_still_open_is_missing(fake: FakeYahoo, tmp_path: Path) -> None:
    whole = intraday("2024-03-01", "2024-03-04")
    opened = pd.DatetimeIndex([pd.Timestamp.now("Asia/Kolkata").floor("s")])
    fake.charts["IDX"] = {
        "1h": Chart(whole.bars.iloc[:1].set_axis(opened), "1h", ("00:00", "23:59"))
    }
    symbols = {"AAA": "AAA", "IDX": {"ticker": "IDX", "interval": "1h", "period": "1d"}}
    with pytest.raises(DataError, match=r"1 of 2 symbols .*: IDX \(no bar of it has closed yet\)"):
        dataset(symbols, clock="24/7").fetch(tmp_path, QUICK)
    lenient = Fetching(retries=0, pause=0, allow_missing=True)
    snapshot = dataset(symbols, clock="24/7").fetch(tmp_path, lenient)
    assert notes(snapshot) == ["IDX: no bar of it has closed yet; left out"]


def test_exchanges_of_single_symbols_hold_for_each_of_them(fake: FakeYahoo, tmp_path: Path) -> None:
    fake.charts["BBB"] = future("2023-01-02", "2024-06-28")
    shares = dataset(["AAA", "BBB"], exchange={"BBB": "CMES"})
    snapshot = shares.fetch(tmp_path, QUICK)
    assert set(bars_of(snapshot, "AAA")["time"].dt.hour) == {10}
    assert set(bars_of(snapshot, "BBB")["time"].dt.hour) >= {22, 23}
    with pytest.raises(DataError, match="names the symbol 'BBBB'"):
        dataset(["AAA", "BBB"], exchange={"BBBB": "CMES"}).fetch(tmp_path, QUICK)
    fake.charts["BBB"] = None
    lenient = Fetching(retries=0, pause=0, allow_missing=True)
    assert shares.fetch(tmp_path / "b", lenient).rows == len(bars_of(snapshot, "AAA"))


def test_two_fetches_at_once_into_one_store_both_succeed(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset().fetch(tmp_path, QUICK)
    until(fake, "2024-09-30")
    fake.delay = 0.05
    ready = Barrier(2)

    def fetch(symbols: list[str]) -> Snapshot:
        ready.wait(10)
        return dataset(symbols).fetch(tmp_path, QUICK)

    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(fetch, [["AAA", "BBB"], ["BBB", "CCC"]]))
    for snapshot in taken:
        assert read_snapshot(snapshot.path)[1].sha256 == snapshot.sha256
    folder = tmp_path / "shares"
    assert (folder / LATEST).read_text().strip() in [snapshot.sha256 for snapshot in taken]
    assert len(list(folder.iterdir())) == 4


def test_two_fetches_of_one_dataset_run_one_after_the_other(
    fake: FakeYahoo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset(["AAA"]).fetch(tmp_path, QUICK)
    until(fake, "2024-07-31")
    fake.tickers()
    asking_now, answer_now = Event(), Event()
    answer = fake.answer

    def slow(ticker: str, query: Mapping[str, str]) -> Any:
        asking_now.set()
        assert answer_now.wait(10)
        return answer(ticker, query)

    fake.answer = slow  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(dataset(["AAA"]).fetch, tmp_path, QUICK)
        assert asking_now.wait(10)
        second = pool.submit(dataset(["AAA"]).fetch, tmp_path, QUICK)
        while "waiting for another fetch" not in caplog.text:
            sleep(0.01)
        assert fake.log == []
        until(fake, "2024-09-30")
        fake.charts["AAA"] = fake.charts["AAA"].until("2024-07-31")
        answer_now.set()
        assert bars_of(first.result(10), "AAA")["time"].max().month == 7
        assert second.result(10).sha256 == first.result().sha256
    # The second went on from what the first one stored.
    assert [asked.start.month for asked in fake.log] == [3, 4]
    assert caplog.text.count("waiting for another fetch") == 1
    assert {path.name for path in (tmp_path / "shares").iterdir()} >= {LATEST}


def test_a_fetch_that_waits_for_another_ends_with_ctrl_c(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from marketlab.data.snapshots.lock import held\n"
        "with held(pathlib.Path(sys.argv[1])):\n"
        "    pass\n"
    )
    with held(tmp_path):
        waiting = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE, text=True
        )
        assert waiting.stderr is not None
        assert "waiting for another fetch" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in waiting.communicate(timeout=10)[1]


def test_a_full_disk_is_one_line_and_leaves_the_snapshot(
    fake: FakeYahoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = dataset().fetch(tmp_path, QUICK)
    until(fake, "2024-09-30")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SnapshotError, match=r"cannot be written to .*: No space left"):
            dataset().fetch(tmp_path, QUICK)
    assert unchanged(good)


def test_a_file_that_may_not_grow_is_one_line_and_leaves_the_snapshot(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    good = dataset().fetch(tmp_path, QUICK)
    until(fake, "2024-09-30")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(SnapshotError, match=r"cannot be written to .*: File too large"):
            dataset().fetch(tmp_path, QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert unchanged(good)


def test_a_run_reads_the_snapshot_and_not_the_network(fake: FakeYahoo, tmp_path: Path) -> None:
    dataset().fetch(tmp_path, QUICK)
    fake.tickers()
    shares = Dataset("shares", Yahoo(["AAA", "BBB", "CCC"]), "XBOM", symbols=["CCC", "AAA"])
    loaded = shares.load(tmp_path)
    assert loaded.panel.symbols == ("CCC", "AAA")
    assert "stock_splits" in loaded.panel.fields
    assert fake.log == []

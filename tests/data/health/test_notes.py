"""What happened to bars on their way to the panel, in words that a reader takes rightly."""

from datetime import UTC
from itertools import product

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.calendars import sessions
from marketlab.data.bars.landing import land_bars
from marketlab.data.dataset import Dataset
from marketlab.data.health.notes import doubt_calendar, fold_renames, landing_notes
from marketlab.data.sources.renames import apply_renames
from marketlab.data.sources.source import Source


class Rows(Source):
    """Rows that a test made."""

    description = "made here"

    def __init__(self, rows, **attrs):
        self.rows = rows
        self.rows.attrs.update(attrs)

    def load(self):
        return self.rows


def daily(exchange="XBOM", symbols=("A",), first="2019-01-01", last="2020-12-31"):
    dates = sessions(exchange, pd.Timestamp(first), pd.Timestamp(last)).dates
    frames = [pd.DataFrame({"date": dates, "symbol": s, "close": 1.0}) for s in symbols]
    return pd.concat(frames, ignore_index=True).assign(close=lambda f: 100.0 + np.arange(len(f)))


def notes_of(tmp_path, rows, **kwargs):
    kwargs.setdefault("clock", "XBOM")
    return Dataset("made", Rows(rows), **kwargs).load(tmp_path).health.notes


def intraday(length, days=3, bars=4):
    opens = pd.to_datetime(["2024-03-11", "2024-03-12", "2024-03-13"][:days], utc=True)
    times = [day + (k + 1) * length for day, k in product(opens, range(bars))]
    return pd.DataFrame({"time": pd.DatetimeIndex(times).as_unit("ns"), "close": 5.0})


def bars_of(**symbols):
    frames = [rows.assign(symbol=symbol) for symbol, rows in symbols.items()]
    bars = pd.concat(frames, ignore_index=True)
    return bars.assign(symbol=bars["symbol"].astype("category"))


def test_intraday_bars_are_made_into_daily_ones_and_daily_ones_merge():
    twice = pd.DatetimeIndex(["2024-03-11T20:00Z", "2024-03-16T20:00Z", "2024-03-17T20:00Z"])
    days = pd.DataFrame({"time": twice.as_unit("ns"), "close": 7.0})
    last = pd.DataFrame({"time": [pd.Timestamp("2024-03-20T20:00Z")], "close": 7.0})
    bars = bars_of(
        A=intraday(pd.Timedelta("1h")),
        B=intraday(pd.Timedelta("5min"), days=2),
        C=pd.concat([days, last]),
    )
    landed = land_bars(bars, "XNYS")
    assert landed.merged_by.tolist() == [9, 6, 1]
    assert landed.merged == 16
    assert landing_notes(landed, bars) == [
        "8 bars of 5m made into 2 daily ones",
        "12 bars of 1h made into 3 daily ones",
        "1 bar merged with another on the same row",
    ]


def test_only_what_is_on_the_panel_is_counted():
    bars = bars_of(A=intraday(pd.Timedelta("1h")))
    landed = land_bars(bars, "XNYS", start=pd.Timestamp("2024-03-12"))
    assert landing_notes(landed, bars) == [
        "4 bars of 1h made into 1 daily one",
        "4 bars after the last close of XNYS left out",
    ]


def test_the_names_that_symbols_had_are_told_in_one_note_and_of_these_symbols_alone():
    rows = daily(symbols=[f"OLD{k}" for k in range(15)])
    _, said = apply_renames(rows, "date", {f"OLD{k}": f"NEW{k}" for k in range(15)}, "made")
    notes = ["1 bar repeated", *said, "2 bars dropped"]
    everyone = [f"NEW{k}" for k in range(15)]
    first, folded, last = fold_renames(notes, everyone)
    assert (first, last) == ("1 bar repeated", "2 bars dropped")
    assert folded.startswith("15 symbols joined under their newest names: OLD0 -> NEW0, OLD1 -> ")
    assert folded.endswith("OLD11 -> NEW11 and 3 more")
    assert fold_renames(notes, ["NEW3"]) == [notes[0], said[3], notes[-1]]
    assert fold_renames(notes, ["OTHER"]) == [notes[0], notes[-1]]


def test_a_wrong_clock_is_asked_about_and_a_better_one_is_named(tmp_path):
    [off, *_] = notes_of(tmp_path, daily(), clock="XNYS")
    assert off.endswith("the usual hour; is dataset.clock=XNYS right? XBOM fits the dates better")
    [off, *_] = notes_of(tmp_path, daily(), clock="24/7", exchange="XNYS")
    assert off.endswith("is dataset.exchange=XNYS right? XBOM fits the dates better")
    assert notes_of(tmp_path, daily()) == ()
    assert not any("right?" in note for note in notes_of(tmp_path, daily(), exchange={"A": "XNYS"}))


@pytest.mark.parametrize(("off", "asked"), [(9, False), (11, True)])
def test_a_few_bars_off_session_are_no_reason_to_ask(off, asked):
    bars = bars_of(A=intraday(pd.Timedelta("1h"), bars=4)).head(1).reindex([0] * 1000)
    note = f"{off} bars dated on no session, taken to close at the usual hour"
    [said] = doubt_calendar([note], bars, {"A": UTC}, "XNYS", "dataset.clock")
    assert ("is dataset.clock=XNYS right?" in said) == asked


def test_members_are_counted_and_dated(tmp_path):
    rows = daily(symbols=("A", "B"), first="2020-01-01", last="2020-03-31")
    table = tmp_path / "members.csv"
    table.write_text("symbol,from,to\nA,2020-02-03,2020-02-07\nB,2020-02-06,2020-02-10\n")
    notes = notes_of(tmp_path, rows, universe=str(table))
    assert notes[-1] == "8 of 126 cells (6%) belong to members, from 2020-02-03 to 2020-02-10"
    notes = notes_of(tmp_path, rows, universe=str(table), start="2020-03-02")
    assert notes[-1].startswith("none of ")

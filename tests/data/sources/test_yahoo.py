"""Yahoo Finance through the real yfinance and HTTP client, against a server on loopback."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.bars.markets import Market
from marketlab.data.sources import asking, yahoo_http
from marketlab.data.sources.source import Fetched, Fetching
from marketlab.data.sources.yahoo import Yahoo
from marketlab.errors import ConfigError, DataError
from tenacity import wait_none

from fake_yahoo import Chart, FakeYahoo, coin, currency, daily, future, intraday, serving

QUICK = Fetching(retries=2, timeout=5, pause=0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A fake with three good tickers, and no waiting between tries."""
    with serving(FakeYahoo()) as server:
        session = server.session()
        monkeypatch.setattr(yahoo_http, "session", lambda: session)
        monkeypatch.setattr(asking, "BACKOFF", wait_none())
        for seed, ticker in enumerate(["AAA", "BBB", "CCC"]):
            server.charts[ticker] = daily("2024-01-01", "2024-03-28", seed)
        yield server


def fetched(source: Yahoo, how: Fetching = QUICK) -> Fetched:
    return source.fetch(dict.fromkeys(source.request), how)


def refusal(source: Yahoo, how: Fetching = QUICK) -> str:
    with pytest.raises(DataError) as error:
        fetched(source, how)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_daily_rows_are_the_bars_and_are_dated_by_the_exchange(fake: FakeYahoo) -> None:
    bars = fake.charts["AAA"].bars
    fake.charts["AAA"].dividends = {"2024-02-01": 2.5}
    fake.charts["AAA"].splits = {"2024-02-02": (5, 1)}
    answer = fetched(Yahoo({"first": "AAA"}))
    rows = answer.rows
    assert answer.missing == {}
    assert rows["symbol"].unique().tolist() == ["first"]
    assert rows["date"].tolist() == bars.index.tz_localize(None).normalize().tolist()
    for column in ("open", "high", "low", "close", "adj_close", "volume"):
        np.testing.assert_array_equal(rows[column], bars[column])
    by_date = rows.set_index("date")
    assert by_date["dividends"].drop(pd.Timestamp("2024-02-01")).eq(0).all()
    assert by_date["dividends"][pd.Timestamp("2024-02-01")] == 2.5
    assert by_date["stock_splits"][pd.Timestamp("2024-02-02")] == 5.0
    assert "ratio" not in rows


def test_each_symbol_is_one_request_without_an_end(fake: FakeYahoo) -> None:
    fetched(Yahoo(["AAA", "BBB", "CCC"]))
    assert sorted(fake.tickers()) == ["AAA", "BBB", "CCC"]
    fetched(Yahoo(["AAA"], start="2024-02-01"))
    assert fake.log[0].start == pd.Timestamp("2024-01-31", tz="UTC")
    assert int(fake.log[0].query["period2"]) > time.time() - 60
    assert len(set(fake.others)) == len(fake.others)


def test_a_second_fetch_sees_what_has_changed(fake: FakeYahoo) -> None:
    before = fetched(Yahoo(["AAA"], start="2024-02-01")).rows
    fake.charts["AAA"] = fake.charts["AAA"].scaled(0.5, "2025-01-01")
    after = fetched(Yahoo(["AAA"], start="2024-02-01")).rows
    np.testing.assert_allclose(after["adj_close"], before["adj_close"] / 2)


def test_intraday_rows_are_stamped_at_their_close_and_tell_when_they_opened(
    fake: FakeYahoo,
) -> None:
    fake.charts["IDX"] = {"5m": intraday("2024-03-01", "2024-03-07"), "1d": fake.charts["AAA"]}
    symbols: dict[str, Any] = {
        "two_days": {"ticker": "IDX", "interval": "5m", "period": "2d"},
        "days": "IDX",
    }
    rows = fetched(Yahoo(symbols)).rows
    bars, days = (rows[rows["symbol"] == symbol] for symbol in symbols)
    assert len(bars) == 150
    assert bars["date"].isna().all()
    assert bars["opened"].iloc[0] == pd.Timestamp("2024-03-06 03:45", tz="UTC")
    assert (bars["time"] - bars["opened"]).eq(pd.Timedelta(minutes=5)).all()
    assert days["time"].isna().all()
    assert days["date"].notna().all()


def test_a_start_is_a_date_of_the_exchange_and_no_bar_of_it_is_lost(fake: FakeYahoo) -> None:
    # London's midnight is 23:00 of the day before in UTC.
    fake.charts["EURUSD=X"] = currency("2024-05-20", "2024-07-31")
    rows = fetched(Yahoo(["EURUSD=X"], start="2024-06-03")).rows
    assert rows["date"].iloc[0] == pd.Timestamp("2024-06-03")
    since = {"EURUSD=X": pd.Timestamp("2024-05-24", tz="UTC")}
    rows = Yahoo(["EURUSD=X"], start="2024-06-03").fetch(since, QUICK).rows
    assert rows["date"].iloc[0] == pd.Timestamp("2024-06-03")
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    chart = intraday(str(today - pd.DateOffset(days=20)), str(today - pd.DateOffset(days=2)))
    fake.charts["IDX"] = {"5m": chart}
    opened = chart.opened[chart.opened >= chart.opened[400].normalize()]
    rows = fetched(Yahoo(["IDX"], interval="5m", start=str(opened[0].date()))).rows
    assert rows["opened"].tolist() == opened.tolist()


def test_each_chart_says_where_its_symbol_trades(fake: FakeYahoo) -> None:
    fake.charts |= {"GC=F": future("2024-05-20", "2024-05-31")}
    fake.charts |= {"BTC-USD": coin("2024-05-20", "2024-05-31")}
    markets = fetched(Yahoo(["AAA", "GC=F", "BTC-USD"])).markets
    assert markets["AAA"] == Market("EQUITY of NSI", "Asia/Kolkata", None, "XBOM")
    evening, midnight = pd.Timedelta(hours=17), pd.Timedelta(hours=24)
    assert markets["GC=F"] == Market("FUTURE of CMX", "America/New_York", evening, "CMES")
    assert markets["BTC-USD"] == Market("CRYPTOCURRENCY of CCC", "UTC", midnight, "24/7")


def test_half_hours_have_no_null_bars_at_night(fake: FakeYahoo) -> None:
    fake.charts["IDX"] = {"15m": intraday("2024-03-01", "2024-03-06", 15)}
    rows = fetched(Yahoo(["IDX"], interval="30m", period="3d")).rows
    assert len(rows) == 3 * 13
    assert rows["close"].notna().all()


def test_intraday_bars_are_not_asked_from_before_what_yahoo_keeps(fake: FakeYahoo) -> None:
    Yahoo(["AAA"], interval="5m", start="2020-01-01").fetch({"AAA": None}, QUICK)
    Yahoo(["AAA"], interval="1h").fetch({"AAA": pd.Timestamp("2020-01-01", tz="UTC")}, QUICK)
    ages = [pd.Timestamp.now("UTC") - asked.start for asked in fake.log]
    for age, days in zip(ages, [60, 730], strict=True):
        assert pd.Timedelta(days=days - 1) < age <= pd.Timedelta(days=days)


@pytest.mark.parametrize(
    ("period", "interval", "asked"),
    [("5y", "1d", "5y"), ("2d", "5m", "2d"), ("6mo", "1h", "6mo")],
)
def test_a_period_that_yahoo_knows_is_left_to_it(
    fake: FakeYahoo, period: str, interval: str, asked: str
) -> None:
    fetched(Yahoo(["AAA"], interval=interval, period=period), Fetching(retries=0))
    assert fake.log[0].query["range"] == asked


def test_another_period_becomes_a_start(fake: FakeYahoo) -> None:
    fetched(Yahoo(["AAA"], period="30mo"))
    ago = pd.Timestamp.now("UTC").normalize() - pd.DateOffset(months=30)
    assert abs(fake.log[0].start - ago) <= pd.Timedelta(days=1)
    assert "range" not in fake.log[0].query


def test_null_bars_are_counted_and_an_unfinished_last_one_is_named(fake: FakeYahoo) -> None:
    fake.charts["AAA"].bars.iloc[[5, -1]] = np.nan
    rows = fetched(Yahoo(["AAA", "BBB"])).rows
    first = rows[rows["symbol"] == "AAA"]
    assert len(first) == len(fake.charts["AAA"].bars) - 1
    assert first["close"].isna().sum() == 1
    assert rows.attrs["notes"] == ["the newest bar has no close yet and was dropped: AAA"]


def test_failures_that_pass_are_retried(fake: FakeYahoo) -> None:
    fake.faults = {"AAA": ["500", "html"], "BBB": ["half", "odd"], "CCC": ["429", "429", "429"]}
    answer = fetched(Yahoo(["AAA", "BBB", "CCC"]))
    assert answer.missing == {}
    assert answer.rows["symbol"].nunique() == 3
    asked = fake.tickers()
    assert [asked.count(ticker) for ticker in ("AAA", "BBB")] == [3, 3]


def test_a_slow_answer_is_retried(fake: FakeYahoo) -> None:
    fake.faults = {"AAA": ["slow"]}
    answer = fetched(Yahoo(["AAA"]), Fetching(timeout=0.3, pause=0))
    assert answer.missing == {}
    assert fake.tickers() == ["AAA", "AAA"]


def test_symbols_that_fail_for_reasons_of_their_own_are_told_apart(fake: FakeYahoo) -> None:
    good = {f"G{i}": daily("2024-03-01", "2024-03-28", i) for i in range(8)}
    fake.charts |= good | {"EMPTY": fake.charts["AAA"], "HTML": fake.charts["AAA"]}
    fake.charts |= {"HALF": fake.charts["AAA"], "DOWN": fake.charts["AAA"]}
    fake.faults = {"EMPTY": ["empty*"], "HTML": ["html*"], "HALF": ["half*"], "DOWN": ["500*"]}
    names = ["EMPTY", "GONE", "HTML", *good, "HALF", "DOWN", "AAA"]
    answer = fetched(Yahoo(names))
    assert answer.missing == {
        "EMPTY": "no bars; unknown or delisted",
        "GONE": "unknown to Yahoo (HTTP 404: No data found, symbol may be delisted)",
        "HTML": "the answer is no chart, after 3 tries",
        "HALF": "the connection broke off, after 3 tries",
        "DOWN": "the server failed (HTTP 500), after 3 tries",
    }
    assert set(answer.rows["symbol"]) == {*good, "AAA"}
    asked = fake.tickers()
    assert (asked.count("GONE"), asked.count("EMPTY"), asked.count("HTML")) == (1, 1, 3)


def test_a_rate_limit_without_end_is_one_line_that_says_what_to_do(fake: FakeYahoo) -> None:
    fake.faults = {"AAA": ["429*"]}
    message = refusal(Yahoo(["AAA"]), Fetching(retries=2, pause=0))
    assert message == (
        "Yahoo's rate limit (HTTP 429) did not end, after 3 tries of AAA: wait some minutes, then "
        "ask more slowly, as with fetch.requests=1 fetch.pause=2"
    )


def test_a_rate_limited_crumb_does_no_harm(fake: FakeYahoo) -> None:
    fake.crumb = (429, "Too Many Requests")
    assert fetched(Yahoo(["AAA"])).missing == {}


def test_a_rate_limit_that_one_worker_meets_holds_all_of_them(
    fake: FakeYahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "BACKOFF", lambda state: 0.6)
    names = [f"S{i}" for i in range(12)]
    fake.charts |= dict.fromkeys(names, fake.charts["AAA"])
    # yfinance itself asks a second time.
    fake.faults = {"S0": ["429", "429"]}
    fake.delay = 0.02
    times: list[float] = []
    answer = fake.answer

    def timed(ticker: str, query: Any) -> Any:
        times.append(time.monotonic())
        return answer(ticker, query)

    monkeypatch.setattr(fake, "answer", timed)
    assert fetched(Yahoo(names)).missing == {}
    assert max(np.diff(sorted(times))) > 0.4


def test_a_server_that_only_fails_ends_the_fetch_soon(fake: FakeYahoo) -> None:
    names = [f"S{i}" for i in range(40)]
    fake.faults = {name: ["500*"] for name in names}
    message = refusal(Yahoo(names), Fetching(retries=1, pause=0))
    assert message.startswith("Yahoo does not answer: S")
    assert "the server failed (HTTP 500), after 2 tries" in message
    assert len(fake.tickers()) < 30


def test_no_way_to_the_server_is_one_line(fake: FakeYahoo) -> None:
    source = Yahoo(["AAA", "BBB"])
    fake.session().close()
    session = FakeYahoo().session()  # of port 0, where nobody listens
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yahoo_http, "session", lambda: session)
        message = refusal(source)
    assert message.startswith("Yahoo cannot be reached: ")
    assert message.endswith("; check the network")


def test_the_first_waits_are_about_1_2_4_8_16_seconds() -> None:
    from tenacity import RetryCallState, Retrying

    for tried, seconds in enumerate([1, 2, 4, 8, 16], start=1):
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number = tried
        assert seconds <= asking.BACKOFF(state) <= seconds + 1


def test_25_symbols_at_a_third_of_a_second_take_at_most_five(fake: FakeYahoo) -> None:
    names = [f"S{i}" for i in range(25)]
    fake.charts |= {name: daily("2020-01-01", "2024-12-31", i) for i, name in enumerate(names)}
    fake.delay = 0.3
    seen: list[tuple[int, int]] = []
    caller = threading.get_ident()

    def progress(text: str, done: int, total: int) -> None:
        assert threading.get_ident() == caller
        assert text in names
        seen.append((done, total))

    started = time.perf_counter()
    answer = fetched(Yahoo(names), Fetching(progress=progress))
    seconds = time.perf_counter() - started
    assert answer.missing == {}
    assert seen == [(done, 25) for done in range(1, 26)]
    assert fake.most_at_once == 4
    assert len(fake.log) == 25
    # Seven rounds take 2.7 s with their pauses; the rest is work, here shared with the server's.
    assert seconds < 5


@pytest.mark.parametrize("requests", [1, 2])
def test_never_more_requests_at_once_than_allowed(fake: FakeYahoo, requests: int) -> None:
    names = [f"S{i}" for i in range(6)]
    fake.charts |= dict.fromkeys(names, fake.charts["AAA"])
    fake.delay = 0.05
    fetched(Yahoo(names), Fetching(requests=requests, pause=0))
    assert fake.most_at_once == requests


def test_what_the_progress_raises_ends_the_fetch(fake: FakeYahoo) -> None:
    names = [f"S{i}" for i in range(40)]
    fake.charts |= dict.fromkeys(names, fake.charts["AAA"])
    fake.delay = 0.05

    def progress(text: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetched(Yahoo(names), Fetching(progress=progress, pause=0))
    assert len(fake.log) <= 8


def started(fake: FakeYahoo, folder: Path, symbols: str) -> "subprocess.Popen[str]":
    """Fetch in a process of its own, whose home is a folder; it ends with 130 after Ctrl-C."""
    script = folder / "fetch.py"
    script.write_text(
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from fake_yahoo import FakeYahoo\n"
        "from marketlab.data.sources import asking, yahoo_http\n"
        "from marketlab.data.sources.yahoo import Yahoo\n"
        "asking.BACKOFF = lambda state: 0\n"
        "fake = FakeYahoo()\n"
        f"fake.port = {fake.port}\n"
        "session = fake.session()\n"
        "yahoo_http.session = lambda: session\n"
        "try:\n"
        f"    Yahoo({symbols}).load()\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    home = folder / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home)}
    out = subprocess.PIPE
    arguments = [sys.executable, str(script)]
    return subprocess.Popen(arguments, env=environment, stdout=out, stderr=out, text=True)


def test_ctrl_c_ends_a_fetch_whose_requests_hang(fake: FakeYahoo, tmp_path: Path) -> None:
    fake.faults = {"AAA": ["slow*"]}
    fake.slow = 20
    process = started(fake, tmp_path, "['AAA']")
    deadline = time.monotonic() + 30
    while not fake.log and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    pressed = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=15)
    assert said == ("", "")
    assert process.returncode == 130
    assert time.monotonic() - pressed < 3


def test_the_libraries_say_nothing_and_keep_nothing_in_the_home(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    fake.faults = {"AAA": ["429", "429", "html"]}
    fake.crumb = (429, "Too Many Requests")
    process = started(fake, tmp_path, "['AAA', 'BBB']")
    said = process.communicate(timeout=30)
    assert said == ("", "")
    assert process.returncode == 0
    assert list((tmp_path / "home").iterdir()) == []


def test_load_is_a_fetch_of_everything_or_an_error(fake: FakeYahoo) -> None:
    assert Yahoo(["AAA", "BBB"]).load()["symbol"].nunique() == 2
    with pytest.raises(DataError, match=r"^Yahoo Finance: GONE: unknown to Yahoo"):
        Yahoo(["AAA", "GONE"]).load()


def test_the_request_is_json_and_says_all_that_is_asked() -> None:
    source = Yahoo(
        {"A": "aaa", "B": {"ticker": "BBB", "interval": "5m", "period": "2d"}, "C": {}},
        start="2020-01-01",
    )
    usual = {"interval": "1d", "period": None, "start": "2020-01-01"}
    assert source.request == {
        "A": {"ticker": "AAA", **usual},
        "B": {"ticker": "BBB", "interval": "5m", "period": "2d", "start": None},
        "C": {"ticker": "C", **usual},
    }
    assert json.loads(json.dumps(source.request)) == source.request


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"symbols": "AAA"}, r"source.symbols=AAA must be a list, as in \[AAA\]"),
        ({"symbols": []}, "must name at least one symbol"),
        ({"symbols": ["A", "B", "A"]}, "names A twice"),
        ({"symbols": ["A", True]}, "YAML reads a symbol as True; put it in quotes, as 'ON'"),
        ({"symbols": {"A": False}}, "YAML reads the ticker of A as False; put it in quotes"),
        ({"symbols": {"A": ""}}, "the ticker of A is empty"),
        ({"symbols": {"A": {"tickr": "A"}}}, "has the key 'tickr'; did you mean 'ticker'"),
        ({"symbols": ["A"], "interval": "7m"}, "A: interval=7m: choose 1m, 2m"),
        ({"symbols": ["A"], "period": "2 years"}, "period=2 years is none; write it as 5d, 6mo"),
        ({"symbols": ["A"], "start": "soon"}, "start=soon is not a date; write it as 2015-01-31"),
        (
            {"symbols": ["A"], "start": "2020-01-01", "period": "1y"},
            "give start=2020-01-01 or period=1y, not both",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Yahoo(**options)


def test_importing_the_source_imports_no_client() -> None:
    code = (
        "import sys, marketlab.data.sources.yahoo, marketlab.data.dataset\n"
        "sys.exit(any(m in sys.modules for m in ('yfinance', 'curl_cffi', 'tenacity')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_real_tickers_reach_the_server_as_they_are(fake: FakeYahoo) -> None:
    names = ["^NSEI", "M&M.NS", "GC=F", "EURUSD=X", "BRK-B"]
    chart: Chart = fake.charts["AAA"]
    fake.charts = dict.fromkeys(names, chart)
    assert fetched(Yahoo(names)).missing == {}
    assert sorted(fake.tickers()) == sorted(names)

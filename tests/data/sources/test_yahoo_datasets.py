"""The shipped datasets of Yahoo Finance: their symbols, and clocks that fit real-looking bars."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from marketlab.data.bars.calendars import sessions
from marketlab.data.dataset import Dataset
from marketlab.data.snapshots.store import read_snapshot
from marketlab.data.sources import yahoo_http
from marketlab.data.sources.source import Fetching
from marketlab.data.sources.yahoo import Yahoo
from marketlab.errors import DataError

from fake_yahoo import Chart, FakeYahoo, coin, currency, daily, future, intraday, serving

FOLDER = Path(str(files("marketlab.conf"))) / "dataset"
COUNTS = {
    "nifty50": 50,
    "nifty_roi": 23,
    "omnispectrum": 13,
    "us_large_caps": 100,
    "crypto": 2,
    "fx": 2,
    "commodities": 4,
}
QUICK = Fetching(retries=0, pause=0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A fake that knows no ticker yet."""
    with serving(FakeYahoo()) as server:
        session = server.session()
        monkeypatch.setattr(yahoo_http, "session", lambda: session)
        yield server


def build(name: str, *overrides: str) -> Dataset:
    with initialize_config_module("marketlab.conf", version_base="1.3"):
        config = compose(overrides=[f"+dataset={name}", *overrides])
    dataset = instantiate(config.dataset)
    assert isinstance(dataset, Dataset)
    return dataset


def real_looking(ticker: str, first: str, last: str) -> Chart:
    """Make a chart with the clocks, the kind and the exchange that Yahoo gives a ticker."""
    if ticker.endswith("=F"):
        return future(first, last)
    if ticker.endswith("=X"):
        return currency(first, last)
    if ticker.endswith("-USD"):
        return coin(first, last)
    if ticker.endswith(".NS") or ticker[0] == "^":
        return daily(first, last)
    return daily(first, last, 0, "XNYS", "America/New_York")


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_symbols_are_unique_words_and_as_many_as_they_should_be(name: str) -> None:
    written = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["source"]["symbols"]
    assert all(isinstance(symbol, str) for symbol in written)
    source = build(name).source
    assert isinstance(source, Yahoo)
    assert len(source.request) == len(written) == COUNTS[name]
    asked = [(r["ticker"], r["interval"], r["period"]) for r in source.request.values()]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(
    ("name", "clock"),
    [
        ("nifty50", "XBOM"),
        ("nifty_roi", "XBOM"),
        ("omnispectrum", "XBOM"),
        ("us_large_caps", "XNYS"),
        ("crypto", "24/7"),
        ("fx", "24/5"),
        ("commodities", "CMES"),
    ],
)
def test_each_has_the_clock_of_its_market(name: str, clock: str) -> None:
    dataset = build(name)
    assert dataset.clock == clock
    assert len(sessions(clock, pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-31")).dates) > 18
    metals = dict.fromkeys(["Gold", "Silver", "Platinum"], "CMES")
    assert dataset.exchange == (metals if name == "nifty_roi" else None)
    assert dataset.allow_negative == (name == "commodities")


def test_the_indian_shares_carry_their_own_names() -> None:
    source = build("nifty50").source
    assert isinstance(source, Yahoo)
    assert {f"{name}.NS" for name in source.request} == {
        str(r["ticker"]) for r in source.request.values()
    }


def test_adding_a_symbol_is_one_word() -> None:
    source = build("crypto", "+dataset.source.symbols.SOL=SOL-USD").source
    assert isinstance(source, Yahoo)
    assert source.request["SOL"]["ticker"] == "SOL-USD"


def test_omnispectrum_asks_as_the_cache_of_its_first_version_says(shared_data: Path) -> None:
    series = pd.read_json(shared_data / "seeds" / "prediction_data.json", typ="series")["series"]
    source = build("omnispectrum").source
    assert isinstance(source, Yahoo)
    assert list(source.request) == list(series)
    for key, cached in series.items():
        for word in ("ticker", "period", "interval"):
            assert source.request[key][word] == cached["meta"][word]


def test_omnispectrum_stores_thirteen_series_and_its_panel_is_daily(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    dataset = build("omnispectrum")
    assert isinstance(dataset.source, Yahoo)
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    ago = str((today - pd.DateOffset(days=300)).date())
    week = str((today - pd.DateOffset(days=12)).date())
    yesterday = str((today - pd.DateOffset(days=1)).date())
    for asked in dataset.source.request.values():
        charts: dict[str, Any] = fake.charts.setdefault(str(asked["ticker"]), {})
        charts["1d"] = daily(ago, yesterday)
        charts["5m"] = intraday(week, yesterday)
    snapshot = dataset.fetch(tmp_path, QUICK)
    counts = read_snapshot(snapshot.path)[0]["symbol"].value_counts()
    assert len(counts) == 13
    assert [counts[f"nifty_{days}d_5m"] for days in (1, 2, 3)] == [75, 150, 225]
    loaded = dataset.load(tmp_path)
    assert loaded.panel.symbols == dataset.symbols
    assert len(loaded.panel.symbols) == 10
    assert loaded.panel.shape[0] == counts["nifty_daily"]
    assert not any("merged" in note for note in loaded.health.notes)


def test_a_metal_that_closes_after_mumbai_belongs_to_its_next_row(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    dataset = build("nifty_roi", "dataset.symbols=[Gold,TCS]")
    assert isinstance(dataset.source, Yahoo)
    for asked in dataset.source.request.values():
        ticker = str(asked["ticker"])
        fake.charts[ticker] = real_looking(ticker, "2026-03-02", "2026-03-31")
    dataset.fetch(tmp_path, QUICK)
    panel = dataset.load(tmp_path).panel
    gold = fake.charts["GC=F"].bars["close"]
    row = list(panel.times).index(pd.Timestamp("2026-03-12 10:00", tz="UTC"))
    assert panel.fields["close"][row, 0] == gold[pd.Timestamp("2026-03-11", tz="America/New_York")]


def test_currencies_and_coins_are_dated_on_sessions_of_their_clocks(
    fake: FakeYahoo, tmp_path: Path
) -> None:
    rates, coins = currency("2024-01-01", "2024-12-31"), coin("2024-01-01", "2024-12-31")
    fake.charts = {"EURUSD=X": rates, "INR=X": rates, "BTC-USD": coins, "ETH-USD": coins}
    for name, chart in (("fx", rates), ("crypto", coins)):
        dataset = build(name)
        dataset.fetch(tmp_path, QUICK)
        loaded = dataset.load(tmp_path)
        assert loaded.panel.shape == (len(chart.bars), 2)
        assert not any("no session" in note for note in loaded.health.notes)


def test_oil_below_zero_is_legal_in_commodities_alone(fake: FakeYahoo, tmp_path: Path) -> None:
    chart = future("2020-04-01", "2020-04-30")
    fake.charts = dict.fromkeys(("GC=F", "SI=F", "PL=F"), chart)
    oil = replace(chart, bars=chart.bars.copy())
    day = pd.Timestamp("2020-04-20", tz="America/New_York")
    oil.bars.loc[day, ["open", "high", "low", "close", "adj_close"]] = [
        17.73,
        17.85,
        -40.32,
        -37.63,
        -37.63,
    ]
    fake.charts["CL=F"] = oil
    commodities = build("commodities")
    commodities.fetch(tmp_path, QUICK)
    panel = commodities.load(tmp_path).panel
    assert panel.fields["close"][:, panel.symbols.index("Oil")].min() == -37.63
    strict = build("commodities", "dataset.allow_negative=false", "dataset.on_invalid=raise")
    with pytest.raises(DataError, match=r"commodities: Oil 2020-04-20: low -40.32 is not positive"):
        strict.fetch(tmp_path / "b", QUICK)


@pytest.mark.parametrize("name", sorted(COUNTS.keys() - {"omnispectrum"}))
def test_real_clocks_fit_the_exchanges_of_each(name: str, fake: FakeYahoo, tmp_path: Path) -> None:
    dataset = build(name)
    assert isinstance(dataset.source, Yahoo)
    tickers = {symbol: str(asked["ticker"]) for symbol, asked in dataset.source.request.items()}
    # The last three of nifty_roi are its metals.
    some = {s: t for at, (s, t) in enumerate(tickers.items()) if at < 3 or at >= len(tickers) - 3}
    dataset.source = Yahoo(some)
    fake.charts = {t: real_looking(t, "2026-03-02", "2026-03-20") for t in some.values()}
    snapshot = dataset.fetch(tmp_path, QUICK)
    assert read_snapshot(snapshot.path)[0]["symbol"].nunique() == len(some)


SPX = "SP500: INDEX of SNP has the clocks of America/New_York, and XBOM those of Asia/Kolkata"


@pytest.mark.parametrize(
    ("name", "symbols", "said"),
    [
        ("yahoo", "dataset.source.symbols={TCS: TCS.NS, SP500: '^GSPC'}", SPX),
        (
            "yahoo",
            "dataset.source.symbols={TCS: TCS.NS, BTC: BTC-USD}",
            "dataset.exchange={BTC: 24/7}",
        ),
        ("yahoo", "dataset.source.symbols={TCS: TCS.NS, EURUSD: 'EURUSD=X'}", "={EURUSD: 24/5}"),
        (
            "us_large_caps",
            "dataset.source.symbols=[AAPL,'GC=F']",
            "exchange={GC=F: CMES} in a YAML",
        ),
        ("crypto", "+dataset.source.symbols.EURUSD='EURUSD=X'", None),
        ("crypto", "+dataset.source.symbols.SPY=SPY", None),
        ("fx", "+dataset.source.symbols.BTC=BTC-USD", None),
        ("commodities", "+dataset.source.symbols.SPY=SPY", "dataset.exchange={SPY: XNYS}"),
        ("commodities", "+dataset.source.symbols.EURUSD='EURUSD=X'", "ends at 23:00 UTC, and CMES"),
    ],
)
def test_a_symbol_of_another_market_is_refused_unless_its_exchange_is_named(
    fake: FakeYahoo, tmp_path: Path, name: str, symbols: str, said: str | None
) -> None:
    dataset = build(name, symbols, *(["dataset.clock=XBOM"] if name == "yahoo" else []))
    assert isinstance(dataset.source, Yahoo)
    for asked in dataset.source.request.values():
        ticker = str(asked["ticker"])
        fake.charts[ticker] = real_looking(ticker, "2026-06-01", "2026-06-12")
    spx = daily("2026-06-01", "2026-06-12", 0, "XNYS", "America/New_York")
    fake.charts["^GSPC"] = replace(spx, kind="INDEX", code="SNP")
    if said is None:
        dataset.fetch(tmp_path, QUICK)
        return
    with pytest.raises(DataError) as refusal:
        dataset.fetch(tmp_path, QUICK)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    named = {"SP500": "XNYS", "BTC": "24/7", "EURUSD": "24/5", "SPY": "XNYS", "GC=F": "CMES"}
    dataset.exchange = {
        symbol: place for symbol, place in named.items() if symbol in dataset.source.request
    }
    dataset.fetch(tmp_path, QUICK)

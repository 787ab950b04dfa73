"""A server on loopback that answers as Yahoo's chart service does, with made-up bars and faults.

Tests speak to it through the real yfinance and the real HTTP client: see `FakeYahoo.session`.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import numpy.typing as npt
import pandas as pd
from marketlab.data.bars.calendars import sessions
from marketlab.data.sources.yahoo_http import CHART, ChartSession

RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]


@dataclass
class Chart:
    """What the server knows of one ticker.

    Attributes
    ----------
    bars : DataFrame
        Indexed by the instant at which each opened, with a time zone: open, high, low, close,
        adj_close, volume.
    hours : opening and close of the exchange, local
    kind, code : str
        What Yahoo calls the instrument and its exchange.
    dividends : date -> amount
    splits : date -> (new shares, old shares)
    """

    bars: pd.DataFrame
    interval: str = "1d"
    hours: tuple[str, str] = ("09:15", "15:30")
    currency: str = "INR"
    kind: str = "EQUITY"
    code: str = "NSI"
    dividends: dict[str, float] = field(default_factory=dict)
    splits: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def opened(self) -> pd.DatetimeIndex:
        """The instants at which the bars opened."""
        return pd.DatetimeIndex(self.bars.index)

    def scaled(self, factor: float, before: str) -> "Chart":
        """Return the chart as after a dividend: adjusted closes before a date multiplied."""
        bars = self.bars.copy()
        bars.loc[self.opened < pd.Timestamp(before, tz=self.opened.tz), "adj_close"] *= factor
        return replace(self, bars=bars, dividends={}, splits={})

    def until(self, date: str) -> "Chart":
        """Return the chart as it was at the end of a day."""
        end = pd.Timestamp(date, tz=self.opened.tz) + pd.Timedelta(days=1)
        return replace(self, bars=self.bars[self.opened < end], dividends={}, splits={})

    def at_midnight(self, timezone: str, kind: str, code: str) -> "Chart":
        """Stamp daily bars at midnight, as Yahoo does for what trades around the clock."""
        local = self.opened.tz_localize(None).normalize().tz_localize(timezone)
        return replace(self, bars=self.bars.set_axis(local), kind=kind, code=code)


def daily(
    first: str, last: str, seed: int = 0, exchange: str = "XBOM", timezone: str = "Asia/Kolkata"
) -> Chart:
    """Make a chart of the sessions of an exchange."""
    days = sessions(exchange, pd.Timestamp(first), pd.Timestamp(last)).dates
    opened = (days + pd.Timedelta("9:15:00")).tz_localize(timezone)
    return Chart(_prices(opened, seed), code={"XBOM": "NSI", "XNYS": "NYQ"}.get(exchange, "?"))


def future(first: str, last: str, seed: int = 0) -> Chart:
    """Make a chart of a future of Chicago's, which Yahoo gives New York's clocks."""
    return daily(first, last, seed, "CMES").at_midnight("America/New_York", "FUTURE", "CMX")


def currency(first: str, last: str, seed: int = 0) -> Chart:
    """Make a chart of an exchange rate, whose days are London's."""
    return daily(first, last, seed, "24/5").at_midnight("Europe/London", "CURRENCY", "CCY")


def coin(first: str, last: str, seed: int = 0) -> Chart:
    """Make a chart of a coin, whose days are those of UTC."""
    return daily(first, last, seed, "24/7").at_midnight("UTC", "CRYPTOCURRENCY", "CCC")


def intraday(first: str, last: str, minutes: int = 5, seed: int = 0) -> Chart:
    """Make a chart of the bars of an Indian index, from 09:15 to 15:30."""
    days = sessions("XBOM", pd.Timestamp(first), pd.Timestamp(last)).dates
    steps = pd.timedelta_range("9:15:00", "15:29:00", freq=f"{minutes}min")
    opened = pd.DatetimeIndex([day + step for day in days for step in steps])
    return Chart(_prices(opened.tz_localize("Asia/Kolkata"), seed), f"{minutes}m")


def _prices(opened: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(opened))))
    open_ = close * np.exp(rng.normal(0, 0.003, len(opened)))
    high, low = np.maximum(open_, close) * 1.002, np.minimum(open_, close) * 0.998
    volume = rng.integers(1_000, 9_000, len(opened)).astype(float)
    columns = {"open": open_, "high": high, "low": low, "close": close, "adj_close": close}
    return pd.DataFrame({**columns, "volume": volume}, index=opened)


@dataclass(frozen=True)
class Asked:
    """One request for a chart."""

    ticker: str
    query: Mapping[str, str]

    @property
    def start(self) -> pd.Timestamp:
        """The instant from which bars were asked for."""
        return pd.Timestamp(int(self.query["period1"]), unit="s", tz="UTC")


class FakeYahoo:
    """The server's knowledge, its faults, and what it was asked.

    Attributes
    ----------
    charts : ticker -> Chart, or interval -> Chart
    faults : ticker -> words
        What befalls the next requests, one word each: 429, 500, html, half, empty, slow, odd,
        null; a word that ends in ``*`` befalls all further ones.
    delay : float
        Seconds before each answer.
    log : list of Asked
    most_at_once : int
        Of the requests for charts.
    """

    def __init__(self) -> None:
        self.charts: dict[str, Any] = {}
        self.faults: dict[str, list[str]] = {}
        self.crumb = (200, "a crumb")
        self.delay = 0.0
        self.slow = 1.0
        self.log: list[Asked] = []
        self.others: list[str] = []
        self.most_at_once = 0
        self.port = 0
        self._now = 0
        self._lock = threading.Lock()

    def session(self) -> ChartSession:
        """Return a session whose requests all come here, whatever host they name."""
        port = self.port

        class Loopback(ChartSession):
            def send(self, method: Any, url: str, **options: Any) -> Any:
                path = urlsplit(url).path
                return super().send(method, f"http://127.0.0.1:{port}{path}", **options)

        return Loopback(impersonate="chrome", trust_env=False)

    def tickers(self) -> list[str]:
        """Return the tickers asked for, in order, and forget them."""
        with self._lock:
            names = [asked.ticker for asked in self.log]
            self.log.clear()
        return names

    def answer(self, ticker: str, query: Mapping[str, str]) -> tuple[int, str, bytes, int | None]:
        """Return the status, the type, the body and how much of it is sent."""
        with self._lock:
            self.log.append(Asked(ticker, query))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            words = self.faults.get(ticker, [])
            fault = words[0].rstrip("*") if words else ""
            if words and not words[0].endswith("*"):
                words.pop(0)
        try:
            time.sleep(self.slow if fault == "slow" else self.delay)
            return self._answer(ticker, query, fault)
        finally:
            with self._lock:
                self._now -= 1

    def _answer(
        self, ticker: str, query: Mapping[str, str], fault: str
    ) -> tuple[int, str, bytes, int | None]:
        if fault == "429":
            return 429, "text/html", b"Edge: Too Many Requests", None
        if fault == "500":
            return 500, "text/html", b"<html>oops</html>", None
        if fault == "html":
            return 200, "text/html", b"<html>Consent</html>", None
        if fault == "odd":
            return 200, "application/json", b'{"chart": {"result": [{"meta": {}}]}}', None
        chart = self.charts.get(ticker)
        if isinstance(chart, dict):
            chart = chart.get(query["interval"])
        if chart is None:
            words = "No data found, symbol may be delisted"
            return 404, "application/json", _error("Not Found", words), None
        result = chart_json(ticker, chart, query, fault)
        body = json.dumps({"chart": {"result": [result], "error": None}}).encode()
        return 200, "application/json", body, len(body) // 2 if fault == "half" else None


def chart_json(ticker: str, chart: Chart, query: Mapping[str, str], fault: str) -> dict[str, Any]:
    """Return one result in the shape that Yahoo gives it."""
    zone = chart.opened.tz
    bars = chart.bars[_asked_for(chart.opened, query)]
    opened = pd.DatetimeIndex(bars.index)
    if fault == "null":
        bars = bars.copy()
        bars.iloc[-1] = np.nan
    meta: dict[str, Any] = {
        "currency": chart.currency,
        "symbol": ticker,
        "exchangeName": chart.code,
        "instrumentType": chart.kind,
        "firstTradeDate": int(chart.bars.index[0].timestamp()) if len(chart.bars) else None,
        "gmtoffset": 19800,
        "timezone": "IST",
        "exchangeTimezoneName": str(zone),
        "priceHint": 2,
        "dataGranularity": query["interval"],
        "range": query.get("range", ""),
        "validRanges": RANGES,
    }
    if query["interval"] != "1d":
        meta["tradingPeriods"] = _trading_periods(opened, chart.hours)
    if fault == "empty" or not len(bars):
        return {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
    quote = {c: _numbers(bars[c]) for c in ("open", "high", "low", "close", "volume")}
    events: dict[str, Any] = {}
    for date, amount in chart.dividends.items():
        at = _stamp(date, chart)
        events.setdefault("dividends", {})[str(at)] = {"amount": amount, "date": at}
    for date, (new, old) in chart.splits.items():
        at = _stamp(date, chart)
        split = {"date": at, "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
        events.setdefault("splits", {})[str(at)] = split
    indicators = {"quote": [quote]}
    if query["interval"] == "1d":
        indicators["adjclose"] = [{"adjclose": _numbers(bars["adj_close"])}]
    stamps = (opened.as_unit("ns").asi8 // 1_000_000_000).tolist()
    answer = {"meta": meta, "timestamp": stamps, "indicators": indicators}
    return {**answer, "events": events} if events else answer


def _trading_periods(opened: pd.DatetimeIndex, hours: tuple[str, str]) -> list[Any]:
    periods = []
    for day in opened.tz_localize(None).normalize().unique():
        start, end = (
            int((day + pd.Timedelta(f"{hour}:00")).tz_localize(opened.tz).timestamp())
            for hour in hours
        )
        periods.append([{"timezone": "IST", "start": start, "end": end, "gmtoffset": 19800}])
    return periods


def _stamp(date: str, chart: Chart) -> int:
    at = pd.Timestamp(f"{date} {chart.hours[0]}").tz_localize(chart.opened.tz)
    return int(at.timestamp())


def _asked_for(opened: pd.DatetimeIndex, query: Mapping[str, str]) -> "npt.NDArray[np.bool_]":
    if "period1" in query:
        first, last = (
            pd.Timestamp(int(query[key]), unit="s", tz="UTC") for key in ("period1", "period2")
        )
        return np.asarray((opened >= first) & (opened < last))
    count = query["range"]
    days = opened.normalize()
    if count.endswith("d"):
        return np.asarray(days >= days.unique()[-min(int(count[:-1]), days.nunique())])
    months = int(count[:-2]) if count.endswith("mo") else 12 * int(count[:-1])
    today = pd.Timestamp.now(days.tz).normalize()
    return np.asarray(days >= today - pd.DateOffset(months=months))


def _numbers(values: "pd.Series[float]") -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _error(code: str, words: str) -> bytes:
    return json.dumps(
        {"chart": {"result": None, "error": {"code": code, "description": words}}}
    ).encode()


@contextmanager
def serving(fake: FakeYahoo) -> Iterator[FakeYahoo]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path.startswith(CHART):
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                status, kind, body, sent = fake.answer(unquote(parts.path[len(CHART) :]), query)
            else:
                fake.others.append(parts.path)
                crumb = parts.path == "/v1/test/getcrumb"
                status, text = fake.crumb if crumb else (200, "<html></html>")
                kind, body, sent = "text/plain" if crumb else "text/html", text.encode(), None
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:sent])
            except OSError:  # the client did not wait
                self.close_connection = True
            if sent is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    fake.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""One question to Yahoo's chart service, through yfinance and curl_cffi; imported by a fetch alone.

A ticker and a range flow in; yfinance's frame of bars flows out, or what exactly went wrong.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from functools import cache
from typing import Any

import pandas as pd
import yfinance as yf
from curl_cffi import CurlECode, requests
from yfinance.exceptions import (
    YFException,
    YFInvalidPeriodError,
    YFRateLimitError,
    YFTickerMissingError,
)

from .asking import RateLimitError, RefusedError, UnavailableError, UnreachableError

CHART = "/v8/finance/chart/"
FIRST_COOKIE = "https://fc.yahoo.com"
COOKIE_TIMEOUT = 5.0
COOKIE_REST = 300.0
"""Seconds that an answer with a cookie may take, and until the next try; charts come without."""

UNREACHABLE = {
    CurlECode.COULDNT_RESOLVE_PROXY,
    CurlECode.COULDNT_RESOLVE_HOST,
    CurlECode.COULDNT_CONNECT,
    CurlECode.SSL_CONNECT_ERROR,
    CurlECode.PEER_FAILED_VERIFICATION,
}


class ChartSession(requests.Session):  # type: ignore[type-arg]
    """A session that tells the ways apart in which a request for a chart fails.

    yfinance would answer a failing server and an unknown ticker with several more requests, and
    report both as bad JSON. Rate limits and refused cookies are left to it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._asked: dict[str, tuple[float, Any]] = {}

    def request(  # type: ignore[override]
        self, method: Any, url: str, **options: Any
    ) -> Any:
        """Send a request.

        Raises
        ------
        UnavailableError, RefusedError
            A chart cannot be had.
        """
        if CHART not in url:
            return self._cookie(method, url, **options)
        answer = self.send(method, url, **options)
        if answer.status_code >= 500:
            raise UnavailableError(f"the server failed (HTTP {answer.status_code})")
        if answer.status_code in (400, 404, 422) and (words := _own_words(answer)):
            what = "unknown to Yahoo" if answer.status_code == 404 else "refused by Yahoo"
            raise RefusedError(f"{what} (HTTP {answer.status_code}: {words})")
        return answer

    def send(self, method: Any, url: str, **options: Any) -> Any:
        """Send a request as it is."""
        return super().request(method, url, **options)

    def _cookie(self, method: Any, url: str, **options: Any) -> Any:
        """Ask for what yfinance wants besides charts, and not again for what has failed.

        Nor for the first cookie, which this session keeps: yfinance forgets that it has it.
        """
        since, outcome = self._asked.get(url, (-COOKIE_REST, None))
        if time.monotonic() - since < COOKIE_REST:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        options["timeout"] = min(options.get("timeout") or COOKIE_TIMEOUT, COOKIE_TIMEOUT)
        try:
            answer = self.send(method, url, **options)
        except requests.exceptions.RequestException as error:
            self._asked[url] = (time.monotonic(), error)
            raise
        if url == FIRST_COOKIE:
            self._asked[url] = (time.monotonic(), answer)
        return answer


@cache
def session() -> ChartSession:
    """Return the session of this process: yfinance has one for all threads, too."""
    return ChartSession(impersonate="chrome")


@cache
def _quiet() -> None:
    """Let yfinance raise, say nothing itself, and keep nothing on the disk."""
    yf.config.debug.hide_exceptions = False
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    # yfinance 1.7 calls pandas in ways that pandas 3.1 announces to change.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="yfinance")
    # Where no folder can be made, yfinance goes on without its cache of pickled cookies.
    yf.set_tz_cache_location(os.devnull)


def ask_chart(
    ticker: str,
    interval: str,
    *,
    start: pd.Timestamp | None,
    period: str | None,
    timeout: float,
) -> pd.DataFrame:
    """Return the bars of one ticker from an instant on, of a period, or all.

    Parameters
    ----------
    ticker, interval : str
    start : instant with a time zone, optional
    period : str, optional
        Counted by Yahoo, in sessions; ignored if there is a start.
    timeout : float
        Seconds that the answer may take.

    Returns
    -------
    DataFrame
        As `yfinance.Ticker.history` gives it: unadjusted for dividends, null bars kept, an index
        with the exchange's time zone. ``attrs["meta"]`` has Yahoo's ``exchangeName`` and
        ``instrumentType``, where it gives them.

    Raises
    ------
    RateLimitError, UnreachableError, UnavailableError, RefusedError
    """
    _quiet()
    asked = yf.Ticker(ticker, session=session())
    # Else yfinance asks Yahoo once more for a time zone, which only a naive start would need.
    asked._tz = "UTC"
    # No end: yfinance answers ranges that lie in the past from a cache.
    span: dict[str, Any] = {"period": period or "max"} if start is None else {"start": start}
    try:
        chart: pd.DataFrame = asked.history(
            interval=interval,
            auto_adjust=False,
            actions=True,
            # yfinance makes 30-minute bars from shorter ones and fills each night with null ones.
            keepna=interval != "30m",
            timeout=timeout,
            **span,
        )
    except YFRateLimitError:
        raise RateLimitError("the rate limit was reached (HTTP 429)") from None
    except YFTickerMissingError as error:
        words = getattr(error, "yahoo_reason", None)
        reason = f"refused by Yahoo ({words})" if words else "no bars; unknown or delisted"
        raise RefusedError(reason) from None
    except YFInvalidPeriodError as error:
        raise RefusedError(str(error)) from None
    except requests.exceptions.Timeout:
        raise UnavailableError(f"no answer within {timeout:g} s") from None
    except requests.exceptions.RequestException as error:
        if error.code in UNREACHABLE:
            words = str(error).removeprefix("Failed to perform, ").split(". See ")[0]
            raise UnreachableError(words) from None
        raise UnavailableError("the connection broke off") from None
    except (ValueError, LookupError, TypeError, AttributeError, YFException):
        # yfinance trips over an answer of another shape wherever it first meets it.
        raise UnavailableError("the answer is no chart") from None
    # Only these keys: another would make yfinance ask Yahoo again.
    meta = asked.get_history_metadata()
    chart.attrs["meta"] = {k: meta[k] for k in ("exchangeName", "instrumentType") if k in meta}
    return chart


def _own_words(answer: Any) -> str | None:
    try:
        return " ".join(str(answer.json()["chart"]["error"]["description"]).split())
    except (ValueError, LookupError, TypeError):
        return None

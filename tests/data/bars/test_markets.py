"""Which exchange may date whose bars, and what is said of the others."""

import pandas as pd
import pytest
from marketlab.data.bars.markets import Market, misfit, refusal
from marketlab.data.sources.yahoo_markets import market_of

DAYS = pd.date_range("2023-11-20", "2024-12-31", freq="B").to_numpy()


def of(kind: str, code: str, zone: str) -> Market:
    return market_of({"instrumentType": kind, "exchangeName": code}, zone)


NSE = of("EQUITY", "NSI", "Asia/Kolkata")
NYSE = of("EQUITY", "NYQ", "America/New_York")
CHICAGO = of("INDEX", "CXI", "America/Chicago")
DOLLAR = of("INDEX", "NYB", "America/New_York")
GOLD = of("FUTURE", "CMX", "America/New_York")
WHEAT = of("FUTURE", "CBT", "America/Chicago")
EURO = of("CURRENCY", "CCY", "Europe/London")
COIN = of("CRYPTOCURRENCY", "CCC", "UTC")


@pytest.mark.parametrize(
    ("market", "exchange"),
    [
        (NSE, "XBOM"),
        (of("EQUITY", "NSI", "Asia/Calcutta"), "XBOM"),
        (NYSE, "XNYS"),
        (of("INDEX", "SNP", "US/Eastern"), "XNYS"),
        (NYSE, "24/7"),
        (NSE, "24/5"),
        (CHICAGO, "XCBF"),
        (DOLLAR, "IEPA"),
        (GOLD, "CMES"),
        (GOLD, "us_futures"),
        (GOLD, "24/5"),
        (WHEAT, "CMES"),
        (EURO, "24/5"),
        (EURO, "24/7"),
        (COIN, "24/7"),
        (COIN, "24/5"),
        (of("EQUITY", "TOR", "America/Toronto"), "XTSE"),
        (of("EQUITY", "DUB", "Europe/Dublin"), "XLON"),
    ],
)
def test_an_exchange_with_the_same_clocks_or_a_later_close_fits(
    market: Market, exchange: str
) -> None:
    assert misfit(market, exchange, DAYS) is None


@pytest.mark.parametrize(
    ("market", "exchange"),
    [
        (NYSE, "XBOM"),
        (NSE, "XNYS"),
        (CHICAGO, "XNYS"),
        (DOLLAR, "XNYS"),
        (of("EQUITY", "PAR", "Europe/Paris"), "XLON"),
        (GOLD, "XNYS"),
        (GOLD, "XBOM"),
        (EURO, "CMES"),
        (EURO, "XLON"),
        (COIN, "XNYS"),
        (COIN, "CMES"),
        (COIN, "XBOM"),
    ],
)
def test_another_one_does_not(market: Market, exchange: str) -> None:
    assert misfit(market, exchange, DAYS) is not None


def test_zones_that_parted_long_ago_are_one_today() -> None:
    days = pd.date_range("1940-01-01", "2024-12-31", freq="B").to_numpy()
    assert misfit(of("EQUITY", "AMS", "Europe/Amsterdam"), "XPAR", days) is None


def test_an_early_close_is_no_misfit() -> None:
    thanksgiving = pd.DatetimeIndex(["2024-11-28", "2024-11-29"]).to_numpy()
    assert misfit(GOLD, "CMES", thanksgiving) is None


def test_the_reason_says_both_clocks() -> None:
    days = pd.DatetimeIndex(["2024-01-03"]).to_numpy()
    assert misfit(NYSE, "XBOM", days) == (
        "EQUITY of NYQ has the clocks of America/New_York, and XBOM those of Asia/Kolkata"
    )
    assert misfit(COIN, "XNYS", days) == (
        "its bar of 2024-01-03, CRYPTOCURRENCY of CCC, ends at 24:00 UTC, and XNYS closes at 21:00"
    )


def test_the_refusal_names_what_to_write() -> None:
    def said(everything: bool = False, **misfits: str | None) -> str:
        reasons = {symbol: ("why", place) for symbol, place in misfits.items()}
        return refusal(reasons, everything, {})

    assert said(A="XNYS") == "A: why; write dataset.exchange={A: XNYS}"
    assert said(A="XNYS", B="24/7") == "A: why; B: why; write dataset.exchange={A: XNYS, B: 24/7}"
    assert said(True, A="XBOM", B="XBOM") == (
        "A: why; B: why; choose dataset.clock=XBOM, or write dataset.exchange={A: XBOM, B: XBOM}"
    )
    assert said(A=None).endswith("={A: ...} with a calendar of exchange_calendars")
    assert said(A="X", B="X", C="X", D="X").startswith("A: why; B: why; C: why; and 1 more symbols")


def test_a_name_that_the_command_line_cannot_take_needs_another() -> None:
    assert refusal({"^GSPC": ("why", "XNYS")}, False, {"^GSPC": "^GSPC"}) == (
        "^GSPC: why; write dataset.exchange={^GSPC: XNYS} in a YAML file; the command line needs "
        "another name for it, as in dataset.source.symbols={GSPC: '^GSPC'}"
    )


@pytest.mark.parametrize(
    ("market", "calendar"),
    [
        (NSE, "XBOM"),
        (CHICAGO, "XCBF"),
        (DOLLAR, "IEPA"),
        (GOLD, "CMES"),
        (EURO, "24/5"),
        (COIN, "24/7"),
        (of("EQUITY", "???", "Asia/Tokyo"), "XTKS"),
        (of("EQUITY", "???", "Asia/Tashkent"), None),
    ],
)
def test_the_calendar_that_is_suggested(market: Market, calendar: str | None) -> None:
    assert market.calendar == calendar


def test_every_calendar_that_is_suggested_exists_and_fits_its_own_market() -> None:
    from marketlab.data.bars.calendars import time_zone
    from marketlab.data.sources.yahoo_markets import CALENDARS, ZONES

    for zone, calendar in ZONES.items():
        assert misfit(Market("x", zone), calendar, DAYS) is None
    for calendar in set(CALENDARS.values()):
        time_zone(calendar)

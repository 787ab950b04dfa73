"""Yahoo Finance's names of exchanges and kinds: what a chart says of itself in, a `Market` out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..bars.markets import Market

DAY = pd.Timedelta(hours=24)
SESSION_OF_CHICAGO = pd.Timedelta(hours=17)
"""When the session of a futures exchange in America ends, on the clocks that Yahoo gives it."""

KINDS = {"CRYPTOCURRENCY": "24/7", "CURRENCY": "24/5", "FUTURE": "CMES"}
"""What trades around the clock."""

FUTURES = {"CME": "CMES", "CMX": "CMES", "NYM": "CMES", "CBT": "CMES", "NYB": "IEPA"}
"""Exchanges whose indices trade around the clock, too."""

CODES = {
    "XNYS": (
        "NMS",
        "NGM",
        "NCM",
        "NIM",
        "NYQ",
        "NYS",
        "ASE",
        "PCX",
        "BTS",
        "SNP",
        "DJI",
        "PNK",
        "OQB",
        "OQX",
        "NAS",
    ),
    "XCBF": (
        "CXI",
        "CBO",
        "CGI",
    ),
    "XBOM": (
        "NSI",
        "BSE",
    ),
    "XLON": (
        "LSE",
        "IOB",
        "FGI",
    ),
    "XETR": (
        "GER",
        "STU",
        "BER",
        "DUS",
        "HAM",
        "MUN",
    ),
    "XTKS": (
        "JPX",
        "OSA",
    ),
    "XSHG": (
        "SHH",
        "SHZ",
    ),
    "XKRX": (
        "KSC",
        "KOE",
    ),
    "XTAI": (
        "TAI",
        "TWO",
    ),
    "XTSE": (
        "TOR",
        "VAN",
        "CNQ",
        "NEO",
    ),
    "XFRA": ("FRA",),
    "XPAR": ("PAR",),
    "XAMS": ("AMS",),
    "XBRU": ("BRU",),
    "XLIS": ("LIS",),
    "XMIL": ("MIL",),
    "XMAD": ("MCE",),
    "XSWX": ("EBS",),
    "XWBO": ("VIE",),
    "XSTO": ("STO",),
    "XCSE": ("CPH",),
    "XHEL": ("HEL",),
    "XOSL": ("OSL",),
    "XDUB": ("ISE",),
    "XWAR": ("WSE",),
    "XIST": ("IST",),
    "XSAU": ("SAU",),
    "XJSE": ("JNB",),
    "XHKG": (
        "HKG",
        "HKS",
    ),
    "XSES": ("SES",),
    "XKLS": ("KLS",),
    "XIDX": ("JKT",),
    "XBKK": ("SET",),
    "XASX": ("ASX",),
    "XNZE": ("NZE",),
    "BVMF": ("SAO",),
    "XMEX": ("MEX",),
    "XBUE": ("BUE",),
    "XSGO": ("SGO",),
}
"""Calendars of exchange_calendars, and Yahoo's codes of exchanges with their hours."""

ZONES = {
    "America/New_York": "XNYS",
    "America/Chicago": "XCBF",
    "America/Toronto": "XTSE",
    "America/Sao_Paulo": "BVMF",
    "Asia/Calcutta": "XBOM",
    "Asia/Hong_Kong": "XHKG",
    "Asia/Kolkata": "XBOM",
    "Asia/Seoul": "XKRX",
    "Asia/Shanghai": "XSHG",
    "Asia/Tokyo": "XTKS",
    "Australia/Sydney": "XASX",
    "Europe/Berlin": "XETR",
    "Europe/London": "XLON",
    "Europe/Paris": "XPAR",
    "Europe/Zurich": "XSWX",
}
"""For codes that are not in the table."""


CALENDARS = {code: calendar for calendar, codes in CODES.items() for code in codes}


def market_of(meta: Mapping[str, Any], zone: str) -> Market:
    """Return the market of a chart.

    Parameters
    ----------
    meta : mapping
        With Yahoo's ``exchangeName`` and ``instrumentType``, if it gave them.
    zone : str
        The chart's time zone.
    """
    code, kind = meta.get("exchangeName") or "", meta.get("instrumentType") or "symbol"
    words = f"{kind} of {code or zone}"
    if kind in KINDS or code in FUTURES:
        calendar = FUTURES.get(code) or KINDS.get(kind)
        american = zone.startswith("America/") and kind not in ("CRYPTOCURRENCY", "CURRENCY")
        return Market(words, zone, SESSION_OF_CHICAGO if american else DAY, calendar)
    return Market(words, zone, None, CALENDARS.get(code) or ZONES.get(zone))

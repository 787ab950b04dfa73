"""How publishers lay out a table of bars: a header flows in, what each column holds flows out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...errors import DataError, nearest

Layout = Literal["auto", "tidy", "wide", "investing", "nse_equity", "nse_index"]

HEADERS: Mapping[str, tuple[str, ...]] = {
    "date": (
        *("date", "time", "datetime", "timestamp", "open_time", "close_time"),
        *("index_date", "historicaldate"),
    ),
    "symbol": ("symbol", "ticker", "instrument", "name", "asset", "index_name"),
    "company": ("file",),
    "open": ("open", "open_price", "open_index_value"),
    "high": ("high", "high_price", "high_index_value"),
    "low": ("low", "low_price", "low_index_value"),
    "close": ("close", "close_price", "closing_index_value", "price"),
    "volume": ("volume", "vol", "shares_traded", "total_traded_quantity", "tottrdqty"),
    "adj_close": ("adj_close", "adjclose", "adjusted_close"),
    "vwap": ("vwap", "average_price"),
}
"""The headers that are recognised for each column, in any case and with any punctuation."""

RANGE = ("open", "high", "low")
PRICES = (*RANGE, "close", "adj_close", "vwap")


@dataclass(frozen=True)
class Publisher:
    """What is known of a table once its layout is named.

    Attributes
    ----------
    headers : names
        Those that its files have, as fields.
    date_format : str or None
    zero_is_missing : bool
    """

    headers: tuple[str, ...]
    date_format: str | None = None
    zero_is_missing: bool = False


PUBLISHERS: Mapping[str, Publisher] = {
    # The site's English export; its other editions write the day first.
    "investing": Publisher(("date", "price", "open", "high", "low"), date_format="%m/%d/%Y"),
    "nse_equity": Publisher(("date", "series")),
    "nse_index": Publisher(("open", "high", "low"), zero_is_missing=True),
}
"""Layouts with a name. Their columns are recognised without it; the name settles what a header
cannot say."""

LAYOUTS = ("auto", "tidy", "wide", *PUBLISHERS)


def plain(header: str) -> str:
    """Return a header as a field's name.

    >>> plain("Adj Close "), plain("Turnover (₹ Cr)")
    ('adj_close', 'turnover_cr')
    """
    return re.sub(r"[^0-9a-z]+", "_", header.lower()).strip("_")


def recognise(headers: Sequence[str], columns: Mapping[str, str], name: str) -> dict[str, str]:
    """Return which header holds each column that bars know.

    Parameters
    ----------
    headers : names as the file writes them
    columns : column -> header
        What the config says; it goes before what is recognised.
    name : str
        The file, for messages.

    Raises
    ------
    DataError
        The config names a header that is not there or a field that cannot be, or two headers say
        the same.
    """
    for column, header in columns.items():
        if plain(column) != column:
            raise DataError(
                f"dataset.source.columns: {column!r} cannot name a field; write {plain(column)!r}"
            )
        if header not in headers:
            hint = nearest(header, headers)
            raise DataError(f"{name} has no column {header!r} for {column}{hint}")
    found = dict(columns)
    for column, known in HEADERS.items():
        if column in found:
            continue
        for word in known:
            said = [h for h in headers if plain(h) == word and h not in found.values()]
            if len(said) > 1:
                raise DataError(
                    f"{name} has two columns of the {column}, {said[0]!r} and {said[1]!r}; "
                    f"say which with {option('columns', column, said[0])}"
                )
            if said:
                found[column] = said[0]
                break
    return found


def option(key: str, column: str, header: str = "...") -> str:
    """Return an override of one entry of a mapping, as a shell takes it."""
    return f"'dataset.source.{key}={{{column}: {header}}}'"

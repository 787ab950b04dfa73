"""The numbers of a table: its columns flow in, the fields of bars flow out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ...errors import DataError
from .layouts import PRICES, plain
from .numbers import Numerals, mostly_numbers, read_numbers


def read_fields(
    frame: pd.DataFrame,
    found: Mapping[str, str],
    numerals: Numerals,
    name: str,
    at: Callable[[int], str],
) -> dict[str, pd.Series[Any]]:
    """Return the columns of numbers: those that bars know, then the others.

    Parameters
    ----------
    frame : DataFrame
        As the file has it.
    found : column -> header
        As `recognise` returns it.
    numerals : Numerals
        Of the file.
    name : str
        The file, for messages.
    at : row -> str
        The file and the bar in a row, for messages.

    Raises
    ------
    DataError
        A cell is no number, there is no close, or a second column holds dates.
    """
    fields: dict[str, pd.Series[Any]] = {}
    for column, header in found.items():
        if column in ("date", "symbol", "company"):
            continue
        values = read_numbers(frame[header], numerals, header, at, suffixes=column not in PRICES)
        if values.notna().any():
            fields[column] = values
        elif column == "close":
            raise DataError(f"{name} has not a single row with a close")
    for header in frame.columns.difference(list(found.values()), sort=False):
        field = plain(header)
        if field in ("date", "time", "opened"):
            raise DataError(
                f"{name} has two columns of dates, {found.get('date')!r} and {header!r}; "
                f"leave one out with 'dataset.source.ignore=[\"{header}\"]'"
            )
        usable = field.isidentifier() and field not in fields and "unnamed" not in field
        if usable and field not in found and mostly_numbers(frame[header], numerals):
            fields[field] = read_numbers(frame[header], numerals, header, at, suffixes=True)
    return fields

"""Numbers as people write them: columns of text flow in, float64 flows out.

A comma that could be a decimal point or could group thousands is refused and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...errors import DataError

MISSING = ("", "-", "--", "na", "n/a", "#n/a", "nan", "null", "none")
"""What stands for no value, in any case."""

SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "%": 1e-2}
"""What may follow a number that is no price: 1.2M shares, -0.09% (read as -0.0009)."""

# In groups of three, or as in India: 12,34,567.
GROUPED = r"[+-]?\d{1,3}(?:(?:,\d{3})+|(?:,\d{2})*,\d{3})"
PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?", re.I | re.A)
WITH_GROUPS = re.compile(GROUPED + r"(?:\.\d*)?", re.A)
SURE_GROUPS = re.compile(GROUPED + r"\.\d*|[+-]?\d{1,3}(?:,\d{2,3})+,\d{3}", re.A)
# Not 1.234, which may be a thousand as people with decimal commas write it.
FRACTION = re.compile(r"[+-]?(?!(?!0)\d{1,3}\.\d{3}$)\d*\.\d+", re.A)
WRITTEN = re.compile(r"[+-]?[\d.,]*\d[\d.,]*", re.A)


@dataclass(frozen=True)
class Numerals:
    """How one file writes its numbers.

    Attributes
    ----------
    decimal : "." or ","
        The decimal point; the other of the two may group thousands.
    sure : bool
        Whether it is known, from the config or from the file itself, what a comma means.
    """

    decimal: str
    sure: bool


def numerals_of(columns: Sequence[pd.Series[Any]], decimal: str | None) -> Numerals:
    """Say how a file writes its numbers, from all of its columns that may hold some.

    Without `decimal` the point is the decimal point. That is sure where some number has both a
    group of thousands and a point, or two groups, or where another has a fraction after a point
    that cannot be a group of thousands, as 1.234 can.
    """
    if decimal is not None:
        return Numerals(decimal, sure=True)
    if all(map(pd.api.types.is_numeric_dtype, columns)):
        return Numerals(".", sure=False)
    for column in columns:
        if pd.api.types.is_float_dtype(column):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            finite = values[np.isfinite(values)]
            if (finite != np.round(finite)).any():
                return Numerals(".", sure=True)
        elif not pd.api.types.is_numeric_dtype(column):
            for text in column.dropna().astype("str").unique():
                written = str(text).strip().rstrip("KMBT%")
                if SURE_GROUPS.fullmatch(written) or FRACTION.fullmatch(written):
                    return Numerals(".", sure=True)
    return Numerals(".", sure=False)


def has_commas(column: pd.Series[Any]) -> bool:
    """Say whether a column of text holds a number with a comma in it."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    cells = (str(cell).strip().rstrip("KMBT%") for cell in column.dropna().unique())
    return any("," in cell and WRITTEN.fullmatch(cell) for cell in cells)


def read_numbers(
    column: pd.Series[Any],
    numerals: Numerals,
    header: str,
    at: Callable[[int], str],
    *,
    suffixes: bool,
) -> pd.Series[Any]:
    """Return a column of text as float64, NaN where a cell has no value; numbers as they are.

    Parameters
    ----------
    column : numbers, or text
    numerals : Numerals
        Of its file.
    header : str
        The column, for messages.
    at : row -> str
        The file and the bar in a row, to begin messages with.
    suffixes : bool
        Whether K, M, B, T and % may follow a number.

    Raises
    ------
    DataError
        A cell is no number, or its comma can be read in two ways.
    """
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column
    read: dict[Any, float | None] = {}
    for cell in column.dropna().unique():
        read[cell] = _number(str(cell).strip(), numerals, suffixes)
    if wrong := [cell for cell, number in read.items() if number is None]:
        row = int(column.isin(wrong).to_numpy().argmax())
        cell = column.iloc[row]
        raise DataError(
            f"{at(row)}: {shown(cell)} in column {header!r} is not a number"
            + _advice(str(cell).strip(), numerals)
        )
    return column.map(read).astype("float64")


def mostly_numbers(column: pd.Series[Any], numerals: Numerals) -> bool:
    """Say whether most of the filled cells of a column are numbers, however they are written."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    if pd.api.types.is_numeric_dtype(column):
        return bool(column.notna().any())
    filled = numbers = 0
    for cell, count in column.value_counts().items():
        text = str(cell).strip()
        if text.lower() not in MISSING:
            filled += count
            numbers += count * (_number(text, numerals, suffixes=True) is not None)
    return 2 * numbers > filled


def shown(value: Any) -> str:
    """Return a cell as a message shows it: quoted, on one line, and not too long."""
    if pd.isna(value):
        return "an empty cell"
    text = repr(str(value))
    return text if len(text) <= 60 else f"{text[:56]}...'"


def _number(text: str, numerals: Numerals, suffixes: bool) -> float | None:
    """Return what a cell says, NaN where it says nothing, and None where it is no number."""
    if text.lower() in MISSING:
        return np.nan
    scale = 1.0
    if suffixes and text[-1].upper() in SUFFIXES:
        text, scale = text[:-1].rstrip(), SUFFIXES[text[-1].upper()]
    if numerals.decimal == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    if PLAIN.fullmatch(text):
        return float(text) * scale
    if numerals.sure and WITH_GROUPS.fullmatch(text):
        return float(text.replace(",", "")) * scale
    return None


def _advice(text: str, numerals: Numerals) -> str:
    if "," not in text or not WRITTEN.fullmatch(text) or numerals.decimal == ",":
        return ""
    point = "set 'dataset.source.decimal=\",\"' if the comma is its decimal point"
    if WITH_GROUPS.fullmatch(text):
        return f" beyond doubt; {point}, or dataset.source.decimal=. if it groups thousands"
    return f"; {point}"

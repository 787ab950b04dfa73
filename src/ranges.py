"""Ranges: what a number of a recipe may be, written once, beside its type in a signature.

`experiments.arguments` reads them there and refuses, by name, a value outside of them before any
data is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt, MaxLen

MOST = 2**31 - 1
"""What the libraries below can count to."""

Count = Annotated[int, Ge(1), Le(MOST)]
Whole = Annotated[int, Ge(0), Le(MOST)]
Width = Annotated[int, Ge(1), Le(65_536)]
"""Units of a layer; more do not fit a computer that reads market data."""
Widths = Annotated[Sequence[Width], MaxLen(64)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Gt(0), Lt(1)]
"""A part of a whole: neither nothing nor all."""
Fraction = Annotated[float, Ge(0), Lt(1)]
"""A part of a whole, or nothing."""

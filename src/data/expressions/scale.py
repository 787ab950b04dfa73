"""What multiplying a symbol's prices by c, and its volumes by 1/c, does to an expression's value.

In: the marks of an operator's arguments. Out: the mark of its value. Back-adjusting a series for a
later split multiplies its past so, and a value that is not invariant was not knowable at the time.
The marks are sound: doubt ends in `DEPENDS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

LARGEST_DEGREE = 1_000_000


@dataclass(frozen=True)
class Scale:
    """How a value answers when a symbol's prices are multiplied by c > 0 and its volumes by 1/c.

    ``power``: it is multiplied by c**degree. ``log``: degree * log(c) is added to it.
    ``depends``: anything else. `value` is the number itself where it is a constant: the constant 0
    is homogeneous of every degree.
    """

    kind: Literal["power", "log", "depends"]
    degree: Fraction = Fraction(0)
    value: float | None = None

    @property
    def invariant(self) -> bool:
        """Whether the value does not change at all."""
        return self.kind == "power" and self.degree == 0

    @property
    def zero(self) -> bool:
        """Whether the value is the constant 0."""
        return self.value == 0.0


DEPENDS = Scale("depends")
INVARIANT = Scale("power")

Rule = Callable[[Sequence[Scale], tuple[int, ...]], Scale]


def constant(value: float) -> Scale:
    """Mark a number."""
    return Scale("power", Fraction(0), value)


def power(degree: Fraction) -> Scale:
    """Mark what is multiplied by c**degree."""
    return Scale("power", degree) if abs(degree) <= LARGEST_DEGREE else DEPENDS


def _log(degree: Fraction) -> Scale:
    if degree == 0:
        return INVARIANT
    return Scale("log", degree) if abs(degree) <= LARGEST_DEGREE else DEPENDS


def _factor(value: float) -> Fraction:
    return Fraction(value) if math.isfinite(value) else Fraction(LARGEST_DEGREE + 1)


def alike(scales: Sequence[Scale], params: tuple[int, ...] = ()) -> Scale:
    """Join values of which one is taken, or extremes of which are taken."""
    rest = [s for s in scales if not s.zero]
    if len(rest) < len(scales) and any(s.kind == "log" for s in rest):
        return DEPENDS
    kinds = {(s.kind, s.degree) for s in rest}
    if len(kinds) > 1 or ("depends", Fraction(0)) in kinds:
        return DEPENDS
    return Scale(rest[0].kind, rest[0].degree) if rest else INVARIANT


def total(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Sum two values."""
    a, b = scales
    if a.kind == "log" or b.kind == "log":
        if DEPENDS in (a, b):
            return DEPENDS
        parts = [s.degree for s in (a, b) if s.kind == "log"]
        if len(parts) == 2 or a.invariant or b.invariant:
            return _log(sum(parts, Fraction(0)))
        return DEPENDS
    return alike(scales)


def difference(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Subtract the second value from the first."""
    a, b = scales
    return total([a, negative([b], ())], ())


def negative(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Negate a value."""
    (a,) = scales
    return _log(-a.degree) if a.kind == "log" else a


def product(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Multiply two values."""
    a, b = scales
    if a.kind == b.kind == "power":
        return power(a.degree + b.degree)
    for x, y in ((a, b), (b, a)):
        if x.kind == "log" and y.value is not None:
            return _log(x.degree * _factor(y.value))
    return DEPENDS


def quotient(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Divide the first value by the second."""
    a, b = scales
    if a.kind == b.kind == "power":
        return power(a.degree - b.degree)
    if a.kind == "log" and b.value:
        return _log(a.degree / _factor(b.value))
    return DEPENDS


def exponentiation(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Raise the first value to the second."""
    a, b = scales
    if a.kind == "power" and b.value is not None:
        return power(a.degree * _factor(b.value))
    return INVARIANT if a.invariant and b.invariant else DEPENDS


def root(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Take the square root."""
    (a,) = scales
    return power(a.degree / 2) if a.kind == "power" else DEPENDS


def logarithm(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Take the logarithm."""
    (a,) = scales
    return _log(a.degree) if a.kind == "power" else DEPENDS


def exponential(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Raise e to the value."""
    (a,) = scales
    if a.kind == "log":
        return power(a.degree)
    return INVARIANT if a.invariant else DEPENDS


def magnitude(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Take the absolute value."""
    (a,) = scales
    return a if a.kind == "power" else DEPENDS


def truth(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Ask only for the signs of values, or whether they are 0."""
    return INVARIANT if all(s.kind == "power" for s in scales) else DEPENDS


def order(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Compare values with one another."""
    return DEPENDS if alike(scales) == DEPENDS else INVARIANT


def choice(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Take the second or the third value by the truth of the first."""
    return alike(scales[1:]) if truth(scales[:1], ()).invariant else DEPENDS


def same(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Take a cell, an extreme or a weighted mean of a series."""
    (a,) = scales
    return a


def window_sum(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Sum a window; shifts add up only when none of its cells can be missing."""
    (a,) = scales
    if a.kind == "log":
        rows, periods = params
        return _log(a.degree * rows) if rows == periods else DEPENDS
    return a


def spread(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Measure distances between values of like kind."""
    joined = alike(scales)
    return INVARIANT if joined.kind == "log" else joined


def rank(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Compare, or correlate, series each within itself."""
    return DEPENDS if any(s.kind == "depends" for s in scales) else INVARIANT


def across(scales: Sequence[Scale], params: tuple[int, ...]) -> Scale:
    """Compare symbols, each of which has a constant of its own."""
    return INVARIANT if all(s.invariant for s in scales) else DEPENDS

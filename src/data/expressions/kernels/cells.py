"""Operators on single cells: arrays (T, B) or numbers in, one array (T, B) out.

No infinity leaves the language: whatever can make one replaces it with NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Operand: TypeAlias = "Array | float"
Run: TypeAlias = Callable[[list[Operand], tuple[int, ...], int, Array], None]
"""Arguments, parameters, absolute number of row 0, and where to write."""
Resume: TypeAlias = Callable[[list[Operand], tuple[int, ...], Array, Array], None]
"""Arguments, parameters, state, and where to write."""

LARGEST = float(np.finfo(np.float64).max)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def scrub(block: Array) -> None:
    """Replace the infinities of a contiguous array by NaN, in place."""
    flat = block.reshape(-1)
    for i in range(flat.size):
        flat[i] = flat[i] if abs(flat[i]) <= LARGEST else np.nan


@numba.njit(nogil=True, cache=True, error_model="numpy")
def clear(lanes: Array, value: float) -> None:
    """Set every lane; a slice would do, but costs the compiler two seconds."""
    for j in range(lanes.shape[0]):
        lanes[j] = value


@numba.njit(nogil=True, cache=True, error_model="numpy")
def carry(rows: Array, k: int) -> None:
    """Copy row k + 1 to row k."""
    for j in range(rows.shape[1]):
        rows[k, j] = rows[k + 1, j]


def unary(ufunc: np.ufunc, bounded: bool = False) -> Run:
    """Make an operator of a NumPy function of one argument; `bounded` ones make no infinity."""

    def run(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
        ufunc(args[0], out=out)
        if not bounded:
            scrub(out)

    return run


def binary(ufunc: np.ufunc, bounded: bool = False) -> Run:
    """Make an operator of a NumPy function of two arguments that keeps NaN."""

    def run(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
        ufunc(args[0], args[1], out=out)
        if not bounded:
            scrub(out)

    return run


def truth(ufunc: np.ufunc) -> Run:
    """Make an operator that gives 1 or 0 of a NumPy predicate, and NaN where an operand is NaN."""

    def run(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
        np.copyto(out, ufunc(*args))
        for operand in args:
            np.copyto(out, np.nan, where=np.isnan(operand))

    return run


def power(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
    """Raise a to b; unlike IEEE's, NaN ** 0 and 1 ** NaN are NaN."""
    base, exponent = args
    if isinstance(exponent, float) and exponent == 2.0:
        np.multiply(base, base, out=out)
    else:
        np.power(base, exponent, out=out)
        for operand in args:
            np.copyto(out, np.nan, where=np.isnan(operand))
    scrub(out)


def where(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
    """Take a where the condition is not 0, else b; NaN where the condition is NaN."""
    condition, a, b = args
    np.copyto(out, b)
    np.copyto(out, a, where=np.not_equal(condition, 0.0))
    np.copyto(out, np.nan, where=np.isnan(condition))


def shift(args: list[Operand], params: tuple[int, ...], first_row: int, out: Array) -> None:
    """Move a series params[0] rows later (negative: earlier)."""
    (x,) = args
    assert isinstance(x, np.ndarray)
    (rows,) = params
    T = len(x)
    if rows >= 0:
        out[: min(rows, T)] = np.nan
        out[rows:] = x[: max(T - rows, 0)]
    else:
        out[max(T + rows, 0) :] = np.nan
        out[: max(T + rows, 0)] = x[-rows:]

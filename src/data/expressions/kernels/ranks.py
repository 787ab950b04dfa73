"""Ranks in a window, and ranks and z-scores across symbols: (T, B) or (T, N) in, the same out."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from .cells import LARGEST, Array, clear

Mask = npt.NDArray[np.bool_]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def window_rank(x: Array, rows: int, periods: int, out: Array) -> None:
    """Rank the newest cell among the finite cells of its window, as a share in (0, 1].

    Ties share their average rank. O(rows) a cell.
    """
    T, B = x.shape
    less, equal, count = np.zeros(B), np.zeros(B), np.zeros(B)
    for t in range(T):
        clear(less, 0.0)
        clear(equal, 0.0)
        clear(count, 0.0)
        for r in range(max(0, t - rows + 1), t + 1):
            for j in range(B):
                less[j] += 1.0 if x[r, j] < x[t, j] else 0.0
                equal[j] += 1.0 if x[r, j] == x[t, j] else 0.0
                count[j] += 1.0 if x[r, j] == x[r, j] else 0.0
        for j in range(B):
            share = (less[j] + 0.5 * (equal[j] + 1.0)) / count[j]
            out[t, j] = share if count[j] >= periods and equal[j] > 0.0 else np.nan


def cross_rank(x: Array, out: Array) -> None:
    """Rank each row's finite cells among themselves, as a share in (0, 1]; ties are averaged."""
    # NumPy sorts NaN last, and sorts faster than anything that compiles in less than a second.
    _shares(x, np.argsort(x, axis=1), out)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _shares(x: Array, rising: npt.NDArray[np.int64], out: Array) -> None:
    T, N = x.shape
    for t in range(T):
        n = 0
        for i in range(N):
            out[t, i] = np.nan
            n += 1 if x[t, i] == x[t, i] else 0
        low = 0
        while low < n:
            high = low
            while high + 1 < n and x[t, rising[t, high + 1]] == x[t, rising[t, low]]:
                high += 1
            for k in range(low, high + 1):
                out[t, rising[t, k]] = (0.5 * (low + high) + 1.0) / n
            low = high + 1


def cross_rank_among(x: Array, member: Mask, out: Array) -> None:
    """Rank each row's finite cells among the members (T, N), as a share in (0, 1].

    A member's rank is that among the members alone. Another cell's is the one that it would have if
    it joined them: among the members and itself. NaN where no member's cell is finite.
    """
    _shares_among(x, np.argsort(x, axis=1), member, out)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _shares_among(x: Array, rising: npt.NDArray[np.int64], member: Mask, out: Array) -> None:
    T, N = x.shape
    for t in range(T):
        finite, n = 0, 0
        for i in range(N):
            out[t, i] = np.nan
            if x[t, i] == x[t, i]:
                finite += 1
                n += 1 if member[t, i] else 0
        low, less = 0, 0
        while low < finite and n > 0:
            high, equal = low, 0
            while high < finite and x[t, rising[t, high]] == x[t, rising[t, low]]:
                equal += 1 if member[t, rising[t, high]] else 0
                high += 1
            for k in range(low, high):
                i = rising[t, k]
                if member[t, i]:
                    out[t, i] = (less + 0.5 * (equal + 1)) / n
                else:
                    out[t, i] = (less + 0.5 * (equal + 2)) / (n + 1)
            less += equal
            low = high


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cross_zscore(x: Array, out: Array) -> None:
    """Centre each row's finite cells and divide them by their sample deviation (divisor n - 1)."""
    T, N = x.shape
    for t in range(T):
        n, mean, square = 0.0, 0.0, 0.0
        for i in range(N):
            if x[t, i] == x[t, i]:
                n += 1.0
                d = x[t, i] - mean
                mean += d / n
                square += d * (x[t, i] - mean)
        deviation = np.sqrt(square / (n - 1.0)) if n > 1.0 else np.nan
        for i in range(N):
            z = (x[t, i] - mean) / deviation
            out[t, i] = z if abs(z) <= LARGEST else np.nan


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cross_zscore_among(x: Array, member: Mask, out: Array) -> None:
    """Centre and scale each row's finite cells as `cross_zscore` does those of its members (T, N).

    NaN where fewer than two members' cells are finite.
    """
    T, N = x.shape
    for t in range(T):
        n, mean, square = 0.0, 0.0, 0.0
        for i in range(N):
            if member[t, i] and x[t, i] == x[t, i]:
                n += 1.0
                d = x[t, i] - mean
                mean += d / n
                square += d * (x[t, i] - mean)
        deviation = np.sqrt(square / (n - 1.0)) if n > 1.0 else np.nan
        for i in range(N):
            z = (x[t, i] - mean) / deviation
            out[t, i] = z if abs(z) <= LARGEST else np.nan

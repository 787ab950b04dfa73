"""Sums, means and extremes of the newest `rows` cells of every lane: (T, B) in, (T, B) out.

Time is cut into blocks of `rows` rows at absolute multiples of `rows`. A window is the end of one
block and the beginning of the next, so its value is the merger of a suffix and a prefix (van Herk
1992): O(1) a cell, and a function of the window's own cells and the absolute row number alone.
A running sum would carry an outlier's rounding for ever, and depend on where the panel began.
"""

from __future__ import annotations

import numba
import numpy as np

from .cells import LARGEST, Array, carry, clear


@numba.njit(nogil=True, cache=True, error_model="numpy")
def window_sum(x: Array, rows: int, periods: int, mean: bool, first_row: int, out: Array) -> None:
    """Sum, or average, the finite cells of each window that has at least `periods` of them."""
    T, B = x.shape
    suffix, suffix_n = np.zeros((rows + 1, B)), np.zeros((rows + 1, B))
    prefix, prefix_n = np.zeros(B), np.zeros(B)
    start = -(first_row % rows)
    while start < T:
        clear(prefix, 0.0)
        clear(prefix_n, 0.0)
        for t in range(max(start, 0), min(start + rows, T)):
            k = t - start + 1
            for j in range(B):
                ok = x[t, j] == x[t, j]
                s = prefix[j] + (x[t, j] if ok else 0.0)
                n = prefix_n[j] + (1.0 if ok else 0.0)
                prefix[j] = s
                prefix_n[j] = n
                s += suffix[k, j]
                n += suffix_n[k, j]
                s = s / n if mean else s
                out[t, j] = s if n >= periods and abs(s) <= LARGEST else np.nan
        if start + rows < T:
            for k in range(rows - 1, -1, -1):
                t = start + k
                if t < 0:
                    carry(suffix, k)
                    carry(suffix_n, k)
                    continue
                for j in range(B):
                    ok = x[t, j] == x[t, j]
                    suffix[k, j] = suffix[k + 1, j] + (x[t, j] if ok else 0.0)
                    suffix_n[k, j] = suffix_n[k + 1, j] + (1.0 if ok else 0.0)
        start += rows


@numba.njit(nogil=True, cache=True, error_model="numpy")
def window_max(x: Array, rows: int, periods: int, sign: float, first_row: int, out: Array) -> None:
    """Take the largest (sign 1) or smallest (sign -1) finite cell of each window."""
    T, B = x.shape
    suffix, suffix_n = np.full((rows + 1, B), -np.inf), np.zeros((rows + 1, B))
    prefix, prefix_n = np.zeros(B), np.zeros(B)
    start = -(first_row % rows)
    while start < T:
        clear(prefix, -np.inf)
        clear(prefix_n, 0.0)
        for t in range(max(start, 0), min(start + rows, T)):
            k = t - start + 1
            for j in range(B):
                v = sign * x[t, j]
                m = v if v > prefix[j] else prefix[j]
                n = prefix_n[j] + (1.0 if v == v else 0.0)
                prefix[j] = m
                prefix_n[j] = n
                m = m if m > suffix[k, j] else suffix[k, j]
                out[t, j] = sign * m if n + suffix_n[k, j] >= periods else np.nan
        if start + rows < T:
            for k in range(rows - 1, -1, -1):
                t = start + k
                if t < 0:
                    carry(suffix, k)
                    carry(suffix_n, k)
                    continue
                for j in range(B):
                    v = sign * x[t, j]
                    suffix[k, j] = v if v > suffix[k + 1, j] else suffix[k + 1, j]
                    suffix_n[k, j] = suffix_n[k + 1, j] + (1.0 if v == v else 0.0)
        start += rows

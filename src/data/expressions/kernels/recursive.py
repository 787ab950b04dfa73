"""Operators whose value rests on all earlier rows: (T, B) in, (T, B) out.

What they remember of earlier rows is a state (S, B), which a kernel takes up and leaves behind, so
that it can go on from any row. `START` holds the states before the first row.
"""

from __future__ import annotations

import numba
import numpy as np

from .cells import Array

START = {
    "fill_forward": (np.nan,),
    "ewm_mean": (np.nan, 1.0),
    "ewm_std": (np.nan, 0.0, 1.0, 1.0, 1.0),
    "relative_strength": (np.nan, 0.0, 0.0, 0.0),
    "average_true_range": (np.nan, 0.0, 0.0),
}


@numba.njit(nogil=True, cache=True, error_model="numpy")
def fill_forward(x: Array, state: Array, out: Array) -> None:
    """Repeat the newest finite cell where a cell is missing."""
    T, B = x.shape
    last = state[0]
    for t in range(T):
        for j in range(B):
            last[j] = x[t, j] if x[t, j] == x[t, j] else last[j]
            out[t, j] = last[j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def ewm_mean(x: Array, span: int, state: Array, out: Array) -> None:
    """Average with weights that fall by 1 - 2/(span + 1) a row, from the first finite cell on.

    As pandas' ``ewm(span, adjust=False, ignore_na=False).mean()``: a missing cell repeats the
    average, and the weight of the past falls during it as during any other row.
    """
    T, B = x.shape
    new = 2.0 / (span + 1.0)
    mean, old = state[0], state[1]
    for t in range(T):
        for j in range(B):
            v, m = x[t, j], mean[j]
            ok = v == v
            w = old[j] * (1.0 - new)
            merged = (w * m + new * v) / (w + new) if m != v else m
            mean[j] = (merged if m == m else v) if ok else m
            old[j] = 1.0 if ok or m != m else w
            out[t, j] = mean[j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def ewm_std(x: Array, span: int, state: Array, out: Array) -> None:
    """Take the exponentially weighted deviation, corrected for bias.

    As pandas' ``ewm(span, adjust=False, ignore_na=False).std(bias=False)``.
    """
    T, B = x.shape
    new = 2.0 / (span + 1.0)
    keep = 1.0 - new
    mean, variance, old, weight, weight2 = state[0], state[1], state[2], state[3], state[4]
    for t in range(T):
        for j in range(B):
            v, m = x[t, j], mean[j]
            if m != m:
                mean[j] = v
            else:
                weight[j] *= keep
                weight2[j] *= keep * keep
                old[j] *= keep
                if v == v:
                    w = old[j]
                    if m != v:
                        mean[j] = (w * m + new * v) / (w + new)
                    before, after = m - mean[j], v - mean[j]
                    variance[j] = (w * (variance[j] + before * before) + new * after * after) / (
                        w + new
                    )
                    weight[j] = (weight[j] + new) / (w + new)
                    weight2[j] = (weight2[j] + new * new) / ((w + new) * (w + new))
                    old[j] = 1.0
            square = weight[j] * weight[j]
            rest = square - weight2[j]
            seen = mean[j] == mean[j] and rest > 0.0
            out[t, j] = np.sqrt(square / rest * variance[j]) if seen else np.nan


@numba.njit(nogil=True, cache=True, error_model="numpy")
def wilder(value: float, average: float, seen: float, rows: int) -> float:
    """Add a value to Wilder's average: a plain mean of the first `rows`, then 1/rows of the new."""
    if seen < rows:
        return average + value
    if seen == rows:
        return (average + value) / rows
    return (average * (rows - 1.0) + value) / rows


@numba.njit(nogil=True, cache=True, error_model="numpy")
def relative_strength(x: Array, rows: int, state: Array, out: Array) -> None:
    """Wilder's relative strength index, 0 to 100; missing cells are skipped and stay missing.

    The first value comes after `rows` changes. A change after a gap is from the last finite cell.
    """
    T, B = x.shape
    last, seen, gain, loss = state[0], state[1], state[2], state[3]
    for t in range(T):
        for j in range(B):
            out[t, j] = np.nan
            v = x[t, j]
            if v != v:
                continue
            d = v - last[j]
            last[j] = v
            if d == d:
                seen[j] += 1.0
                gain[j] = wilder(max(d, 0.0), gain[j], seen[j], rows)
                loss[j] = wilder(max(-d, 0.0), loss[j], seen[j], rows)
                both = gain[j] + loss[j]
                if seen[j] >= rows and both > 0.0:
                    out[t, j] = 100.0 * (gain[j] / both)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def average_true_range(
    high: Array, low: Array, close: Array, rows: int, state: Array, out: Array
) -> None:
    """Wilder's average of the true range; rows that lack high or low are skipped, stay missing.

    The true range needs the last finite close before the row, so the first row has none.
    """
    T, B = close.shape
    last, seen, average = state[0], state[1], state[2]
    for t in range(T):
        for j in range(B):
            out[t, j] = np.nan
            span = high[t, j] - low[t, j]
            up, down = abs(high[t, j] - last[j]), abs(low[t, j] - last[j])
            if span == span and up == up:
                seen[j] += 1.0
                average[j] = wilder(max(span, up, down), average[j], seen[j], rows)
                if seen[j] >= rows:
                    out[t, j] = average[j]
            if close[t, j] == close[t, j]:
                last[j] = close[t, j]

"""Standard deviations and correlations of windows: (T, B) in, (T, B) out.

Counts, means and central moments of a suffix and a prefix (see `windows`) are updated cell by cell
(Welford 1962) and merged by the pairwise formula of Chan, Golub & LeVeque (1983), so that tiny
moves of large prices keep their digits, and equal cells have a deviation of exactly 0.
"""

from __future__ import annotations

import numba
import numpy as np

from .cells import LARGEST, Array, carry, clear


@numba.njit(nogil=True, cache=True, error_model="numpy")
def window_std(x: Array, rows: int, periods: int, first_row: int, out: Array) -> None:
    """Take the sample standard deviation (divisor n - 1) of the finite cells of each window."""
    T, B = x.shape
    suffix_n, suffix_m = np.zeros((rows + 1, B)), np.zeros((rows + 1, B))
    suffix_q = np.zeros((rows + 1, B))
    prefix_n, prefix_m, prefix_q = np.zeros(B), np.zeros(B), np.zeros(B)
    start = -(first_row % rows)
    while start < T:
        clear(prefix_n, 0.0)
        clear(prefix_m, 0.0)
        clear(prefix_q, 0.0)
        for t in range(max(start, 0), min(start + rows, T)):
            k = t - start + 1
            for j in range(B):
                ok = x[t, j] == x[t, j]
                n = prefix_n[j] + (1.0 if ok else 0.0)
                d = x[t, j] - prefix_m[j] if ok else 0.0
                m = prefix_m[j] + (d / n if ok else 0.0)
                q = prefix_q[j] + (d * (x[t, j] - m) if ok else 0.0)
                prefix_n[j] = n
                prefix_m[j] = m
                prefix_q[j] = q
                both = n + suffix_n[k, j]
                d = m - suffix_m[k, j]
                # An empty part has mean 0, which must not be squared against a huge one.
                cross = d * d * (n * suffix_n[k, j] / both) if n * suffix_n[k, j] > 0.0 else 0.0
                v = np.sqrt((q + suffix_q[k, j] + cross) / (both - 1.0))
                out[t, j] = v if both >= periods and abs(v) <= LARGEST else np.nan
        if start + rows < T:
            for k in range(rows - 1, -1, -1):
                t = start + k
                if t < 0:
                    carry(suffix_n, k)
                    carry(suffix_m, k)
                    carry(suffix_q, k)
                    continue
                for j in range(B):
                    ok = x[t, j] == x[t, j]
                    n = suffix_n[k + 1, j] + (1.0 if ok else 0.0)
                    d = x[t, j] - suffix_m[k + 1, j] if ok else 0.0
                    m = suffix_m[k + 1, j] + (d / n if ok else 0.0)
                    suffix_q[k, j] = suffix_q[k + 1, j] + (d * (x[t, j] - m) if ok else 0.0)
                    suffix_n[k, j] = n
                    suffix_m[k, j] = m
        start += rows


@numba.njit(nogil=True, cache=True, error_model="numpy")
def window_corr(x: Array, y: Array, rows: int, periods: int, first_row: int, out: Array) -> None:
    """Correlate x and y (Pearson) over the rows of each window where both are finite."""
    T, B = x.shape
    # Of suffix (s) and prefix (p): count, means, centred squares, centred product. Arrays apart,
    # and not one, are what lets the compiler work on all lanes at once.
    sn, sx, sy = np.zeros((rows + 1, B)), np.zeros((rows + 1, B)), np.zeros((rows + 1, B))
    sxx, syy, sxy = np.zeros((rows + 1, B)), np.zeros((rows + 1, B)), np.zeros((rows + 1, B))
    pn, px, py = np.zeros(B), np.zeros(B), np.zeros(B)
    pxx, pyy, pxy = np.zeros(B), np.zeros(B), np.zeros(B)
    start = -(first_row % rows)
    while start < T:
        for moment in (pn, px, py, pxx, pyy, pxy):
            clear(moment, 0.0)
        for t in range(max(start, 0), min(start + rows, T)):
            for j in range(B):
                ok = x[t, j] == x[t, j] and y[t, j] == y[t, j]
                n = pn[j] + (1.0 if ok else 0.0)
                share = 1.0 / n if ok else 0.0
                dx = x[t, j] - px[j] if ok else 0.0
                dy = y[t, j] - py[j] if ok else 0.0
                mx = px[j] + dx * share
                my = py[j] + dy * share
                pxx[j] += dx * (x[t, j] - mx) if ok else 0.0
                pyy[j] += dy * (y[t, j] - my) if ok else 0.0
                pxy[j] += dx * (y[t, j] - my) if ok else 0.0
                pn[j] = n
                px[j] = mx
                py[j] = my
            k = t - start + 1
            for j in range(B):
                n = pn[j] + sn[k, j]
                weight = pn[j] * sn[k, j]
                share = weight / n if weight > 0.0 else 0.0
                dx = px[j] - sx[k, j] if weight > 0.0 else 0.0
                dy = py[j] - sy[k, j] if weight > 0.0 else 0.0
                xx = pxx[j] + sxx[k, j] + dx * dx * share
                yy = pyy[j] + syy[k, j] + dy * dy * share
                r = (pxy[j] + sxy[k, j] + dx * dy * share) / (np.sqrt(xx) * np.sqrt(yy))
                r = min(max(r, -1.0), 1.0)
                out[t, j] = r if n >= periods and xx > 0.0 and yy > 0.0 else np.nan
        if start + rows < T:
            for k in range(rows - 1, -1, -1):
                t = start + k
                if t < 0:
                    for moments in (sn, sx, sy, sxx, syy, sxy):
                        carry(moments, k)
                    continue
                for j in range(B):
                    ok = x[t, j] == x[t, j] and y[t, j] == y[t, j]
                    n = sn[k + 1, j] + (1.0 if ok else 0.0)
                    share = 1.0 / n if ok else 0.0
                    dx = x[t, j] - sx[k + 1, j] if ok else 0.0
                    dy = y[t, j] - sy[k + 1, j] if ok else 0.0
                    mx = sx[k + 1, j] + dx * share
                    my = sy[k + 1, j] + dy * share
                    sxx[k, j] = sxx[k + 1, j] + (dx * (x[t, j] - mx) if ok else 0.0)
                    syy[k, j] = syy[k + 1, j] + (dy * (y[t, j] - my) if ok else 0.0)
                    sxy[k, j] = sxy[k + 1, j] + (dx * (y[t, j] - my) if ok else 0.0)
                    sn[k, j] = n
                    sx[k, j] = mx
                    sy[k, j] = my
        start += rows

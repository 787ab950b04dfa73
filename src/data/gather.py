"""Gathering: rows of the shared tensor in, a batch of scaled windows out, in one pass.

The kernel reads each cell once, scales it, turns a missing one into 0 and writes it into a buffer
that is used again, so that no window is ever kept for the whole data set. A GPU gathers by itself.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import torch

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def _gather(
    features: F32,
    rows: I64,
    cols: I64,
    first: int,
    center: F32,
    inverse: F32,
    fill: bool,
    out: F32,
) -> None:
    """Windows of adjacent columns: out (B, L, C) from features (N, T, F)."""
    size, length, count = out.shape
    for b in range(size):
        symbol, start = cols[b], rows[b] - length + 1
        for step in range(length):
            source = features[symbol, start + step, first : first + count]
            target = out[b, step]
            for c in range(count):
                value = (source[c] - center[c]) * inverse[c]
                target[c] = value if (value == value or not fill) else np.float32(0.0)


@numba.njit(nogil=True, cache=True)
def _gather_columns(
    features: F32,
    rows: I64,
    cols: I64,
    columns: I64,
    center: F32,
    inverse: F32,
    fill: bool,
    out: F32,
) -> None:
    """Windows of chosen columns: out (B, L, C) from features (N, T, F)."""
    size, length, count = out.shape
    for b in range(size):
        symbol, start = cols[b], rows[b] - length + 1
        for step in range(length):
            for c in range(count):
                value = (features[symbol, start + step, columns[c]] - center[c]) * inverse[c]
                out[b, step, c] = value if (value == value or not fill) else np.float32(0.0)


@numba.njit(nogil=True, cache=True)
def _gather_missing(features: F32, rows: I64, cols: I64, columns: I64, out: F32) -> None:
    """1 where a cell is missing, else 0: out (B, L, C)."""
    size, length, count = out.shape
    for b in range(size):
        symbol, start = cols[b], rows[b] - length + 1
        for step in range(length):
            for c in range(count):
                value = features[symbol, start + step, columns[c]]
                out[b, step, c] = np.float32(0.0) if value == value else np.float32(1.0)


def gather(
    features: F32,
    rows: I64,
    cols: I64,
    columns: I64,
    center: F32,
    inverse: F32,
    out: F32,
    *,
    fill: bool = True,
) -> None:
    """Write the scaled windows that end at (rows[b], cols[b]).

    Parameters
    ----------
    features : (N, T, F)
    rows, cols : (B,)
        Decision row and symbol of each window; rows[b] >= L - 1.
    columns : (C,)
        Features of the view, in its order.
    center, inverse : (C,)
        The window holds (value - center) * inverse.
    out : (B, L, C)
    fill : bool
        Write 0 for a missing value, else NaN.
    """
    if len(columns) and (np.diff(columns) == 1).all():
        _gather(features, rows, cols, int(columns[0]), center, inverse, fill, out)
    else:
        _gather_columns(features, rows, cols, columns, center, inverse, fill, out)


def gather_missing(features: F32, rows: I64, cols: I64, columns: I64, out: F32) -> None:
    """Write the mask channel, 1 where the value is missing; shapes as in `gather`."""
    _gather_missing(features, rows, cols, columns, out)


def gather_on_device(
    features: torch.Tensor,
    at: tuple[torch.Tensor, torch.Tensor],
    channels: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    out: torch.Tensor,
    missing: torch.Tensor | None = None,
) -> None:
    """Do on the features' own device what `gather` and `gather_missing` do on the CPU.

    Parameters
    ----------
    features : (N, T, F)
    at : rows (B,), cols (B,)
    channels : columns (C,), center (C,), inverse (C,)
    out, missing : (B, L, C)
    """
    (rows, cols), (columns, center, inverse) = at, channels
    size, length, count = out.shape
    times = rows[:, None] + torch.arange(1 - length, 1, device=features.device)
    flat = (cols[:, None] * features.shape[1] + times).reshape(-1)
    table = features.reshape(-1, features.shape[2])
    picked = table.index_select(0, flat).index_select(1, columns).view(size, length, count)
    torch.sub(picked, center, out=out)
    out.mul_(inverse)
    if missing is not None:
        missing.copy_(picked.isnan())
    out.nan_to_num_(nan=0.0)

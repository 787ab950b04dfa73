"""Finished columns, a few at a time, to the tensor that windows are cut from.

In: (G, T, B), one block of symbols of G columns. Out: these columns of (B, T, F).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True, error_model="numpy")
def write_columns(
    staged: npt.NDArray[Any], first: int, largest: float, out: npt.NDArray[Any]
) -> None:
    """Write G columns side by side from column `first` on; what exceeds `largest` becomes NaN."""
    G, T, B = staged.shape
    for t in range(T):
        for j in range(B):
            row = out[j, t, first : first + G]
            for g in range(G):
                v = staged[g, t, j]
                row[g] = v if abs(v) <= largest else np.nan

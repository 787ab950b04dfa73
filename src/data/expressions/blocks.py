"""The memory of one thread that works on blocks (T, B) of symbols.

In: finished values of a block. Out: their columns of the result; and blocks to write new values to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .kernels.cells import Array, Operand
from .kernels.layout import write_columns

GROUP = 32
"""Columns written at once: some cache lines of a row of the result."""


class Buffers:
    """Blocks of memory (T, B) of one thread, handed out again and again."""

    def __init__(self, rows: int, width: int) -> None:
        self.rows, self.width = rows, width
        self._free: list[Array] = []

    def take(self, width: int) -> Array:
        """Return a block (T, width) with anything in it."""
        flat = self._free.pop() if self._free else np.empty(self.rows * self.width)
        return flat[: self.rows * width].reshape(self.rows, width)

    def give(self, block: Array) -> None:
        """Take a block back."""
        base = block
        while isinstance(base.base, np.ndarray):
            base = base.base
        self._free.append(base)


class Staged:
    """Finished columns of a block that lie side by side, gathered to be written together."""

    def __init__(self, out: npt.NDArray[Any], rows: int, width: int) -> None:
        self.memory = np.empty(GROUP * rows * width, out.dtype)
        self.largest = float(np.finfo(out.dtype).max)
        self.rows, self.first, self.count = rows, 0, 0

    def add(self, column: int, value: Operand, stop: int, out: npt.NDArray[Any]) -> None:
        """Hold a column of `out` (B, rows, F), NaN from row `stop` on, until it is written."""
        if self.count == GROUP or column != self.first + self.count:
            self.flush(out)
        if self.count == 0:
            self.first = column
        place = self._blocks(len(out))[self.count]
        place[...] = value
        place[max(stop, 0) :] = np.nan
        self.count += 1

    def flush(self, out: npt.NDArray[Any]) -> None:
        """Write what is held."""
        if self.count:
            staged = self._blocks(len(out))[: self.count]
            write_columns(staged, self.first, self.largest, out)
        self.count = 0

    def _blocks(self, width: int) -> npt.NDArray[Any]:
        return self.memory[: GROUP * self.rows * width].reshape(GROUP, self.rows, width)

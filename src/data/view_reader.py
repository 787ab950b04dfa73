"""One view's windows: rows and symbols in, scaled windows in a buffer that is used again out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from .features import View
from .gather import gather, gather_missing, gather_on_device
from .scaling import Affine
from .tensor import WindowTensor


class ViewReader:
    """Gathers one view's windows into two buffers, used in turn."""

    def __init__(
        self,
        tensor: WindowTensor,
        view: View,
        inputs: Affine,
        size: int,
        device: str,
        length: int | None = None,
    ) -> None:
        self.tensor, self.view, self.device = tensor, view, device
        self.columns = tensor.column_indices(view)
        self.length = view.rows if length is None else length
        self.shape = view.shape if length is None else None
        width = len(tensor.columns)
        spread = np.arange(tensor.n_out)[:, None] * width + self.columns
        self.center = inputs.center[spread].astype(np.float32)
        self.inverse = (1.0 / inputs.scale[spread]).astype(np.float32)
        channels = tensor.n_out * len(self.columns)
        self.parts = 2 if tensor.mask else 1
        self.buffers = [
            torch.empty((size, self.length, channels * self.parts), device=device) for _ in range(2)
        ]

    def read(
        self, rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64], *, fill: bool = True
    ) -> torch.Tensor:
        """Return (B, *shape) windows; the buffer is written again two reads later."""
        self.buffers.reverse()
        out = self.buffers[0][: len(rows)]
        count, joint = len(self.columns), self.tensor.layout == "joint"
        for n in range(self.tensor.n_out):
            symbols = np.full_like(cols, n) if joint else cols
            values = slice(n * count, (n + 1) * count)
            flags = slice((self.tensor.n_out + n) * count, (self.tensor.n_out + n + 1) * count)
            if self.device != "cpu":
                self._read_on_device(out, rows, symbols, n, values, flags)
                continue
            buffer = out.numpy()
            gather(
                self.tensor.features,
                rows,
                symbols,
                self.columns,
                self.center[n],
                self.inverse[n],
                buffer[:, :, values],
                fill=fill,
            )
            if self.parts == 2:
                gather_missing(
                    self.tensor.features, rows, symbols, self.columns, buffer[:, :, flags]
                )
        return out if self.shape is None else out.reshape(len(rows), *self.shape)

    def _read_on_device(
        self,
        out: torch.Tensor,
        rows: npt.NDArray[np.int64],
        symbols: npt.NDArray[np.int64],
        n: int,
        values: slice,
        flags: slice,
    ) -> None:
        move = [
            torch.from_numpy(a).to(self.device)
            for a in (rows, symbols, self.columns, self.center[n], self.inverse[n])
        ]
        scaled = torch.empty((len(rows), self.length, len(self.columns)), device=self.device)
        missing = torch.empty_like(scaled) if self.parts == 2 else None
        features = self.tensor.features_on(self.device)
        at, channels = (move[0], move[1]), (move[2], move[3], move[4])
        gather_on_device(features, at, channels, scaled, missing)
        out[:, :, values] = scaled
        if missing is not None:
            out[:, :, flags] = missing

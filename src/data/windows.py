"""Windows: index pairs into one shared tensor in, batches out.

`Windows` are the samples of one part of one fold, seen through that fold's scalers. A window is
never copied until a batch asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from .features import View
from .scaling import FoldScalers
from .tensor import WindowTensor
from .view_reader import ViewReader

Array = npt.NDArray[np.float64]


class Batch(NamedTuple):
    """B samples in scaled units.

    Attributes
    ----------
    x : view name -> (B, *shape) float32; missing inputs are 0
    y : (B, W) float32; W = K (pooled) or N * K, symbol-major (joint); missing labels are NaN
    """

    x: dict[str, torch.Tensor]
    y: torch.Tensor


class Windows:
    """Samples of one part of a fold.

    Parameters
    ----------
    tensor : WindowTensor
    rows : (R,)
        Decision rows; each becomes one sample (joint) or one for every symbol with a bar (pooled),
        a member's alone where there is a universe.
    scalers : FoldScalers
    labelled : bool
        Keep only samples with at least one realised label; without it, the newest rows stay.

    Attributes
    ----------
    rows, cols : (S,)
        Decision row and symbol index of each sample, times in order; in the joint layout cols is 0.
    """

    def __init__(
        self,
        tensor: WindowTensor,
        rows: npt.NDArray[np.int64],
        scalers: FoldScalers,
        *,
        labelled: bool = True,
    ) -> None:
        self.tensor, self.scalers = tensor, scalers
        self.labels, self.layout, self.n_out = tensor.labels, tensor.layout, tensor.n_out
        keep = tensor.present[rows]
        if labelled:
            keep = keep & np.isfinite(tensor.values.y[rows]).any(axis=2)
        if self.layout == "pooled":
            at, symbols = np.nonzero(keep)
            self.rows, self.cols = rows[at], symbols.astype(np.int64)
        else:
            self.rows = rows[keep.any(axis=1)]
            self.cols = np.zeros(len(self.rows), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def _cells(self, values: Array) -> Array:
        """Pick (S, W) cells from (T, N, K)."""
        if self.layout == "pooled":
            return values[self.rows, self.cols]
        return values[self.rows].reshape(len(self.rows), -1)

    @cached_property
    def y(self) -> Array:
        """Realised labels (S, W) in their own units; classes numbered; NaN missing."""
        return self._cells(self.tensor.values.y)

    @cached_property
    def known(self) -> Array:
        """Newest realised labels (S, W) at each decision time."""
        return self._cells(self.tensor.values.known)

    @cached_property
    def frozen(self) -> Array:
        """Frozen-future labels (S, W)."""
        return self._cells(self.tensor.values.frozen)

    @cached_property
    def scaled_y(self) -> npt.NDArray[np.float32]:
        """Labels (S, W) in the units that a model learns."""
        return self.scalers.labels.apply(self.y).astype(np.float32)

    def known_history(self, lags: int) -> Array:
        """Newest known label at t and at each of the `lags` - 1 rows before: (S, W, lags)."""
        known = self.tensor.values.known
        padded = np.concatenate([np.full((lags - 1, *known.shape[1:]), np.nan), known])
        steps = [self._cells(padded[lags - 1 - lag :]) for lag in range(lags)]
        return np.stack(steps, axis=-1)

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        """Decision time of each answer, (S * n_out,)."""
        return self.tensor.times[np.repeat(self.rows, self.n_out)]

    @cached_property
    def symbols(self) -> npt.NDArray[np.object_]:
        """Symbol of each answer, (S * n_out,)."""
        names = np.array(self.tensor.symbols, dtype=object)
        return names[self.cols] if self.layout == "pooled" else np.tile(names, len(self.rows))

    def truth(self) -> dict[str, Array]:
        """Realised labels aligned with a forecast: label name -> (S * n_out,)."""
        cells = self.y.reshape(-1, len(self.labels))
        return {label.name: cells[:, k] for k, label in enumerate(self.labels)}

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of one sample in each view."""
        return {
            name: view.shape or (view.rows, self._channels(view))
            for name, view in self.tensor.views.items()
        }

    def _channels(self, view: View) -> int:
        return self.n_out * len(view.columns) * (2 if self.tensor.mask else 1)

    def batches(
        self,
        size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        epoch: int = 0,
        device: str = "cpu",
    ) -> Iterator[Batch]:
        """Yield all samples in batches.

        The tensors are overwritten two batches later: copy what must last. The order of a shuffled
        epoch follows from seed and epoch alone, so that a resumed run sees the same one.
        """
        order = np.arange(len(self), dtype=np.int64)
        if shuffle:
            np.random.default_rng((seed, epoch)).shuffle(order)
        views = {
            name: ViewReader(self.tensor, view, self.scalers.inputs, size, device)
            for name, view in self.tensor.views.items()
        }
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield Batch(
                {name: v.read(self.rows[chosen], self.cols[chosen]) for name, v in views.items()},
                torch.from_numpy(self.scaled_y[chosen]).to(device),
            )

    def design(self, window: str = "last", *, fill: bool = True) -> npt.NDArray[np.float32]:
        """Return one matrix (S, P) over all views, for models that read tables.

        Parameters
        ----------
        window : {"last", "flatten"}
            The decision row alone, or every row of every view.
        fill : bool
            Write 0 for missing values, else leave NaN.
        """
        parts = []
        for view in self.tensor.views.values():
            length = 1 if window == "last" else view.rows
            reader = ViewReader(self.tensor, view, self.scalers.inputs, len(self), "cpu", length)
            parts.append(
                reader.read(self.rows, self.cols, fill=fill).numpy().reshape(len(self), -1)
            )
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def design_names(self, window: str = "last") -> list[str]:
        """Names (P,) of the columns of `design`, such as ``mom_20[-3]`` for three rows before."""
        names = []
        for view in self.tensor.views.values():
            channels = list(view.columns)
            if self.layout == "joint":
                channels = [f"{s}.{c}" for s in self.tensor.symbols for c in view.columns]
            if self.tensor.mask:
                channels += [f"missing.{channel}" for channel in channels]
            length = 1 if window == "last" else view.rows
            names += [f"{c}[{row}]" if row else c for row in range(1 - length, 1) for c in channels]
        return names

"""Windows: index pairs into one shared tensor in, batches out.

`WindowTensor` holds what all folds and trials share; `Windows` are the samples of one part of one
fold, seen through that fold's scalers. A window is never copied until a batch asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ..errors import ConfigError, DataError
from ..models.forecast import Forecast
from .features import Features, View
from .gather import gather, gather_missing, gather_on_device
from .labels import Label
from .panel import Panel
from .scaling import Affine, FoldScalers, Scaler, joined
from .targets import LabelValues, Targets

Layout = Literal["pooled", "joint"]
Array = npt.NDArray[np.float64]
MIN_ROWS = 30
"""Fewer usable rows than this cannot be split, fitted and judged."""


class Batch(NamedTuple):
    """B samples in scaled units.

    Attributes
    ----------
    x : view name -> (B, *shape) float32; missing inputs are 0
    y : (B, W) float32; W = K (pooled) or N * K, symbol-major (joint); missing labels are NaN
    """

    x: dict[str, torch.Tensor]
    y: torch.Tensor


@dataclass(frozen=True)
class WindowTensor:
    """Features and labels of a panel, built once and shared by every fold.

    Attributes
    ----------
    features : (N, T, F) float32, each symbol's rows contiguous, in the features' own units
    columns : (F,) names
    views : name -> View
    labels : (K,)
    values : LabelValues, each (T, N, K)
    present : (T, N) bool
        Whether the symbol has a bar on the row.
    times : (T,) decision times, UTC
    symbols : (N,)
    first : int
        The first row whose windows are whole and warmed up.
    layout : {"pooled", "joint"}
        A sample is one (time, symbol), or one time with all symbols as channels.
    mask : bool
        Append to each view a channel per column that is 1 where the value is missing.
    """

    features: npt.NDArray[np.float32]
    columns: tuple[str, ...]
    views: Mapping[str, View]
    labels: tuple[Label, ...]
    values: LabelValues
    present: npt.NDArray[np.bool_]
    times: pd.DatetimeIndex
    symbols: tuple[str, ...]
    first: int
    layout: Layout = "pooled"
    mask: bool = False
    _on_device: dict[str, torch.Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_out(self) -> int:
        """Symbols that one sample answers for: 1 (pooled) or N (joint)."""
        return 1 if self.layout == "pooled" else len(self.symbols)

    def column_indices(self, view: View) -> npt.NDArray[np.int64]:
        """Positions (C,) of a view's columns in the tensor."""
        return np.array([self.columns.index(name) for name in view.columns], dtype=np.int64)

    def features_on(self, device: str) -> torch.Tensor:
        """Return the tensor on a device, copied there once."""
        if device not in self._on_device:
            self._on_device[device] = torch.from_numpy(self.features).to(device)
        return self._on_device[device]

    def fit_scalers(self, rows: npt.NDArray[np.int64], scaler: Scaler) -> FoldScalers:
        """Fit the fold's maps on its train rows (R,) and on nothing else."""
        start, stop = int(rows[0]), int(rows[-1]) + 1
        whole = len(rows) == stop - start
        inputs = self.features[:, start:stop] if whole else self.features[:, rows]
        labels = np.ascontiguousarray(self.values.y[rows].transpose(1, 0, 2))
        if self.layout == "pooled":
            maps = [scaler(inputs)], [scaler(labels)]
        else:
            symbols = range(len(self.symbols))
            maps = (
                [scaler(inputs[n : n + 1]) for n in symbols],
                [scaler(labels[n : n + 1]) for n in symbols],
            )
        classes = np.tile([label.classes > 0 for label in self.labels], len(maps[1]))
        fitted = joined(maps[1])
        return FoldScalers(
            joined(maps[0]),
            Affine(np.where(classes, 0.0, fitted.center), np.where(classes, 1.0, fitted.scale)),
        )


def build_tensor(
    panel: Panel,
    features: Features,
    targets: Targets,
    layout: Layout = "pooled",
    *,
    mask: bool = False,
    verify: bool = True,
) -> WindowTensor:
    """Compute features and labels of a panel; `verify` runs Python features truncated as well.

    Raises
    ------
    ConfigError, ExpressionError
        If the layout is unknown, or an expression names a field that the panel lacks.
    """
    check_layout(features, layout, mask=mask)
    features.check_fields(tuple(panel.fields))
    targets.check_fields(tuple(panel.fields))
    present = np.isfinite(panel.fields["close"])
    return WindowTensor(
        features=features.values(panel, verify=verify),
        columns=features.columns,
        views=features.views,
        labels=targets.labels,
        values=targets.values(panel),
        present=present,
        times=panel.times,
        symbols=panel.symbols,
        first=features.warmup + features.longest_view - 1,
        layout=layout,
        mask=mask,
    )


def check_layout(features: Features, layout: str, *, mask: bool) -> None:
    """Refuse a layout that is unknown, or that the views' shapes leave no room for.

    Raises
    ------
    ConfigError
    """
    if layout not in ("pooled", "joint"):
        raise ConfigError(f"windows.layout={layout!r} must be pooled or joint")
    for view in features.views.values():
        if view.shape is not None and (layout == "joint" or mask):
            raise ConfigError(
                f"view {view.name!r} has a shape, which leaves no room for the channels of "
                "windows.layout=joint or windows.mask=true: use pooled and no mask"
            )


def check_rows(panel: Panel, features: Features, targets: Targets) -> None:
    """Refuse a symbol whose bars cannot fill the windows and still be split and judged.

    Raises
    ------
    DataError
    """
    spent = features.warmup + features.longest_view - 1
    bars = np.isfinite(panel.fields["close"]).sum(axis=0)
    short = np.flatnonzero(bars < spent + targets.purge + MIN_ROWS)
    if len(short):
        names = ",".join(panel.symbols[n] for n in short)
        raise DataError(
            f"symbol {panel.symbols[short[0]]!r} has {bars[short[0]]} rows, but features and "
            f"windows take {spent} to warm up, the target {targets.purge} to be realised and a fit "
            f"{MIN_ROWS}: use more data, shorter features, or dataset.exclude=[{names}]"
        )


class Windows:
    """Samples of one part of a fold.

    Parameters
    ----------
    tensor : WindowTensor
    rows : (R,)
        Decision rows; each becomes one sample (joint) or one for every symbol with a bar (pooled).
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

    def forecast(self, raw: Mapping[str, Array], *, scaled: bool = True) -> Forecast:
        """Turn a model's output, label name -> (S, n_out, Q), into a Forecast.

        Parameters
        ----------
        raw : mapping
        scaled : bool
            Whether numbers and quantiles are in the fold's scaled units.
        """
        values = {}
        for k, label in enumerate(self.labels):
            answers = np.asarray(raw[label.name], dtype=np.float64)
            if answers.shape != (len(self), self.n_out, len(label.quantities)):
                raise DataError(
                    f"the model answered {answers.shape} for {label.name}, which is not "
                    f"{(len(self), self.n_out, len(label.quantities))}"
                )
            if scaled and not label.classes:
                columns = np.arange(self.n_out) * len(self.labels) + k
                center = self.scalers.labels.center[columns]
                scale = self.scalers.labels.scale[columns]
                answers = answers * scale[None, :, None] + center[None, :, None]
            values[label.name] = answers.reshape(-1, answers.shape[2])
        return Forecast(self.times, self.symbols, self.labels, values)


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

"""The tensor: features and labels of a panel in, what every fold and trial shares out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ..errors import ConfigError, DataError
from .features import Features, View
from .labels import Label
from .panel import Panel
from .scaling import Affine, FoldScalers, Scaler, joined
from .targets import LabelValues, Targets

Layout = Literal["pooled", "joint"]
MIN_ROWS = 30
"""Fewer usable rows than this cannot be split, fitted and judged."""


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

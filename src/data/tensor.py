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
BLOCK = 4096
"""Cells of members that a scaler reads at a time."""


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
        Whether the symbol has a bar on the row, and is a member of the universe where there is one.
    times : (T,) decision times, UTC
    symbols : (N,)
    first : int
        The first row whose windows are whole and warmed up.
    layout : {"pooled", "joint"}
        A sample is one (time, symbol), or one time with all symbols as channels.
    mask : bool
        Append to each view a channel per column that is 1 where the value is missing.
    member : (T, N) bool, or None
        Which cells belong to the universe: only they train, are judged and are forecast, so that
        others have no label in ``values.y``. None: all of them.
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
    member: npt.NDArray[np.bool_] | None = None
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
        """Fit the fold's maps on its train rows (R,), the members' where there is a universe.

        A symbol with a map of its own (joint) that is a member on fewer than `MIN_ROWS` of them is
        fitted on all of its train rows: on its features, and on the labels that were known then.
        """
        labels = np.ascontiguousarray(self.values.y[rows].transpose(1, 0, 2))
        if self.layout == "pooled":
            maps = [scaler(self._inputs(rows))], [scaler(labels)]
        else:
            symbols = [slice(n, n + 1) for n in range(len(self.symbols))]
            if self.member is not None:
                few = np.flatnonzero(self.present[rows].sum(axis=0) < MIN_ROWS)
                labels[few] = self.values.known[rows][:, few].transpose(1, 0, 2)
            maps = (
                [scaler(self._inputs(rows, symbol)) for symbol in symbols],
                [scaler(labels[symbol]) for symbol in symbols],
            )
        classes = np.tile([label.classes > 0 for label in self.labels], len(maps[1]))
        fitted = joined(maps[1])
        return FoldScalers(
            joined(maps[0]),
            Affine(np.where(classes, 0.0, fitted.center), np.where(classes, 1.0, fitted.scale)),
        )

    def _inputs(
        self, rows: npt.NDArray[np.int64], symbols: slice = slice(None)
    ) -> npt.NDArray[np.float32]:
        """Return what a scaler reads of some symbols: (N, R, F), without a copy where it can be.

        Of a universe the members' cells alone, side by side in blocks, with NaN after the last; all
        cells of a single symbol that has too few of them.
        """
        features = self.features[symbols]
        few = self.layout == "joint" and self.present[rows, symbols].sum() < MIN_ROWS
        if self.member is None or few:
            start, stop = int(rows[0]), int(rows[-1]) + 1
            return features[:, start:stop] if len(rows) == stop - start else features[:, rows]
        kept = [rows[joined] for joined in self.member[rows, symbols].T]
        total, width = sum(map(len, kept)), features.shape[2]
        rows_each = max(1, min(BLOCK, total))
        blocks = -(-total // rows_each)
        cells = np.full((blocks * rows_each, width), np.nan, dtype=features.dtype)
        at = 0
        for values, own in zip(features, kept, strict=True):
            cells[at : at + len(own)] = values[own]
            at += len(own)
        return cells.reshape(blocks, rows_each, width)


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
    present, member = np.isfinite(panel.fields["close"]), panel.member
    values = targets.values(panel)
    if member is not None:
        present &= member
        # The past of a symbol was knowable before it joined: `known` keeps it.
        values.y[~member] = np.nan
    return WindowTensor(
        features=features.values(panel, verify=verify),
        columns=features.columns,
        views=features.views,
        labels=targets.labels,
        values=values,
        present=present,
        times=panel.times,
        symbols=panel.symbols,
        first=features.warmup + features.longest_view - 1,
        layout=layout,
        mask=mask,
        member=member,
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

    In a universe symbols come and go: one with few bars is trained on where it is a member, with
    what it has, and only too few rows with any member at all are refused.

    Raises
    ------
    DataError
    """
    spent = features.warmup + features.longest_view - 1
    there = np.isfinite(panel.fields["close"])
    if panel.member is not None:
        joined = int((there & panel.member).any(axis=1).sum())
        if joined < spent + targets.purge + MIN_ROWS:
            raise DataError(
                f"the universe has a member with a bar on {joined} rows, but features and windows "
                f"take {spent} to warm up, the target {targets.purge} to be realised and a fit "
                f"{MIN_ROWS}: use more data, shorter features, or mend dataset.universe"
            )
        return
    bars = there.sum(axis=0)
    short = np.flatnonzero(bars < spent + targets.purge + MIN_ROWS)
    if len(short):
        names = ",".join(panel.symbols[n] for n in short)
        raise DataError(
            f"symbol {panel.symbols[short[0]]!r} has {bars[short[0]]} rows, but features and "
            f"windows take {spent} to warm up, the target {targets.purge} to be realised and a fit "
            f"{MIN_ROWS}: use more data, shorter features, or dataset.exclude=[{names}]"
        )

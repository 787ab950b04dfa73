"""Scaling: a fold's train rows in, one affine map out, applied to each gathered batch.

Four fits share one signature; each reads the values once, symbol by symbol, so that no second copy
of a large tensor is made. Missing values take no part. A constant column keeps scale 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import RunError
from .plain_json import read_json

Values = npt.NDArray[np.floating]
Scaler = Callable[[Values], "Affine"]


@dataclass(frozen=True)
class Affine:
    """The map x -> (x - center) / scale, one pair a column.

    Attributes
    ----------
    center, scale : (C,) float64
        Scale is positive and finite.
    """

    center: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]

    def apply(self, values: Values) -> npt.NDArray[np.float64]:
        """Scale values whose last axis is C."""
        scaled: npt.NDArray[np.float64] = (values - self.center) / self.scale
        return scaled

    def invert(self, values: Values) -> npt.NDArray[np.float64]:
        """Turn scaled values (last axis C) back into their own units."""
        raw: npt.NDArray[np.float64] = values * self.scale + self.center
        return raw

    @staticmethod
    def identity(columns: int) -> Affine:
        """Return the map that changes nothing."""
        return Affine(np.zeros(columns), np.ones(columns))


def joined(parts: Sequence[Affine]) -> Affine:
    """Concatenate maps column by column."""
    return Affine(
        np.concatenate([p.center for p in parts]), np.concatenate([p.scale for p in parts])
    )


def standard(values: Values) -> Affine:
    """Mean 0 and standard deviation 1 on the rows given.

    Parameters
    ----------
    values : (N, R, C)
        N symbols, R train rows, C columns.
    """
    columns = values.shape[2]
    count, total, squares = (np.zeros(columns) for _ in range(3))
    for block in values:
        seen = np.isfinite(block)
        count += seen.sum(axis=0)
        total += np.where(seen, block, 0.0).sum(axis=0, dtype=np.float64)
    center = total / np.maximum(count, 1)
    for block in values:
        away = np.where(np.isfinite(block), block - center, 0.0)
        squares += np.einsum("rc,rc->c", away, away)
    return Affine(center, _positive(np.sqrt(squares / np.maximum(count, 1))))


def min_max(values: Values) -> Affine:
    """Smallest value 0 and largest 1 on the rows given, (N, R, C)."""
    columns = values.shape[2]
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    for block in values:
        seen = np.isfinite(block)
        low = np.minimum(low, np.where(seen, block, np.inf).min(axis=0, initial=np.inf))
        high = np.maximum(high, np.where(seen, block, -np.inf).max(axis=0, initial=-np.inf))
    center = np.where(np.isfinite(low), low, 0.0)
    return Affine(center, _positive(high - low))


def robust(values: Values) -> Affine:
    """Median 0 and interquartile range 1 on the rows given, (N, R, C)."""
    columns = values.shape[2]
    center, scale = np.zeros(columns), np.ones(columns)
    for c in range(columns):
        column = values[:, :, c]
        column = column[np.isfinite(column)]
        if column.size:
            lower, center[c], upper = np.percentile(column.astype(np.float64), [25, 50, 75])
            scale[c] = upper - lower
    return Affine(center, _positive(scale))


def none(values: Values) -> Affine:
    """Leave the values, (N, R, C), in their own units."""
    return Affine.identity(values.shape[2])


def _usable(scale: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    # Batches are scaled in float32, where the inverse of a smaller one is infinite.
    return np.isfinite(scale) & (scale > np.finfo(np.float32).tiny)


def _positive(scale: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(_usable(scale), scale, 1.0)


@dataclass(frozen=True)
class FoldScalers:
    """The two maps of one fold: of the model's inputs, and of its labels.

    Attributes
    ----------
    inputs : Affine
        C = F features (pooled) or N * F, symbol-major (joint).
    labels : Affine
        C = K labels (pooled) or N * K, symbol-major (joint). Identity for classes.
    """

    inputs: Affine
    labels: Affine

    def save(self, path: Path) -> None:
        """Write both maps as JSON."""
        maps = {
            name: {"center": part.center.tolist(), "scale": part.scale.tolist()}
            for name, part in (("inputs", self.inputs), ("labels", self.labels))
        }
        path.write_text(json.dumps(maps))

    @staticmethod
    def load(path: Path) -> FoldScalers:
        """Read what `save` wrote.

        Raises
        ------
        RunError
            If the file is missing or holds anything else.
        """
        try:
            maps = read_json(path)
            parts = {
                name: Affine(
                    np.asarray(maps[name]["center"], dtype=np.float64),
                    np.asarray(maps[name]["scale"], dtype=np.float64),
                )
                for name in ("inputs", "labels")
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{path}: not the scalers of a fold ({type(error).__name__}); train the run again"
            ) from error
        for part in parts.values():
            whole = part.center.ndim == 1 and part.center.shape == part.scale.shape
            if not whole or not np.isfinite(part.center).all() or not _usable(part.scale).all():
                raise RunError(f"{path}: scales must be positive numbers; train the run again")
        return FoldScalers(**parts)

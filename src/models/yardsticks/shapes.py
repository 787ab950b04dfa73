"""Shapes: the small statistical forms that yardsticks are made of.

In: realised values y (C,) and, where the form conditions on one, a number known beforehand x (C,).
Out: a few parameters (P,), and from one row of them per cell, (C, P), forecasts (C, Q).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Shape(Protocol):
    """A form with an estimator; cells given to it are finite."""

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return parameters (P,) from at least one cell."""

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, Q) from parameters (C, P)."""


@dataclass(frozen=True)
class Mean:
    """The mean of y, whatever x."""

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return (1,)."""
        return np.array([y.mean()])

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, 1)."""
        return parameters


@dataclass(frozen=True)
class Line:
    """Least squares of y on x; the mean of y where x does not vary."""

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return intercept and slope, (2,)."""
        away = x - x.mean()
        spread = float(away @ away)
        varies = np.ptp(x) > 0 and spread > 0
        slope = float(away @ (y - y.mean())) / spread if varies else 0.0
        return np.array([y.mean() - slope * x.mean(), slope])

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, 1)."""
        return (parameters[:, 0] + parameters[:, 1] * x)[:, None]


@dataclass(frozen=True)
class Frequencies:
    """Class frequencies, one added to each count (Laplace): no class is impossible."""

    classes: int

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return (classes,), which sum to 1."""
        counts = np.bincount(y.astype(np.int64), minlength=self.classes) + 1.0
        return np.asarray(counts / counts.sum())

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, classes)."""
        return parameters


@dataclass(frozen=True)
class FrequenciesGiven:
    """Class frequencies given the class x, one added to each count."""

    classes: int

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return (classes * classes,): a row of frequencies for each value of x."""
        pair = x.astype(np.int64) * self.classes + y.astype(np.int64)
        counts = np.bincount(pair, minlength=self.classes**2).reshape(self.classes, -1) + 1.0
        return np.asarray(counts / counts.sum(1, keepdims=True)).reshape(-1)

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, classes)."""
        tables = parameters.reshape(len(x), self.classes, self.classes)
        return np.asarray(tables[np.arange(len(x)), x.astype(np.int64)])


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of y, whatever x."""

    levels: tuple[float, ...]

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return (levels,)."""
        return np.asarray(np.quantile(y, self.levels))

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, levels)."""
        return parameters


@dataclass(frozen=True)
class QuantilesAbout:
    """x plus the quantiles of y - x."""

    levels: tuple[float, ...]

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return (levels,)."""
        return np.asarray(np.quantile(y - x, self.levels))

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, levels)."""
        return x[:, None] + parameters


@dataclass(frozen=True)
class QuantilesTimes:
    """A scale x, not negative, times the quantiles of y / x."""

    levels: tuple[float, ...]

    def estimate(self, y: Floats, x: Floats) -> Floats:
        """Return (levels,); 0 if x is always 0."""
        usable = x > 0
        if not usable.any():
            return np.zeros(len(self.levels))
        return np.asarray(np.quantile(y[usable] / x[usable], self.levels))

    def forecast(self, parameters: Floats, x: Floats) -> Floats:
        """Return (C, levels)."""
        return x[:, None] * parameters

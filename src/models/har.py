"""HAR: a label regressed on its own known past at three scales; windows in, a Forecast out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from ..data.labels import Task
from .forecast import in_own_units
from .forecaster import Forecaster
from .samples import present
from .spec import Spec, describe, fitted, read_arrays, read_spec, require_shape, write_arrays

if TYPE_CHECKING:
    from ..data.datamodule import MarketDataModule
    from ..data.windows import Windows
    from .forecast import Forecast
    from .forecaster import FitLog, TrainerFactory

Floats = npt.NDArray[np.float64]

MONTH = 22
WEEK = 5


class HAR(Forecaster):
    """Heterogeneous autoregression (Corsi 2009, "A Simple Approximate Long-Memory Model of RV").

    Least squares, in the label's own units, on its newest known value and on the means over its
    newest 5 and 22 known rows: a day, a week and a month of daily bars. Each label has one set of
    slopes for all symbols and one intercept a symbol: volatilities differ in level far more than in
    dynamics, so that sharing slopes helps symbols with a short past and costs one with a long past
    little (Bollerslev et al. 2018, "Risk Everywhere"). With one symbol it is the textbook's HAR.

    Missing lags are left out of the means; the newest value, when missing, is the week's mean, and
    the week's the month's. A sample without any of the 22 has no forecast, nor has a symbol without
    a train row.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"regression"})

    def __init__(self) -> None:
        self._slopes: Floats = np.empty((0, 3))
        self._intercepts: Floats = np.empty((0, 0))
        self._spec: Spec | None = None

    @property
    def past(self) -> int:
        """Rows of the target's own past that a forecast reads."""
        return MONTH

    def fit(self, data: MarketDataModule, trainer: TrainerFactory, log: FitLog) -> None:
        """Solve each label in closed form; neither `trainer` nor validation is used.

        Raises
        ------
        DataError
            If a label is missing from all train rows.
        """
        windows = data.train
        present(windows, "train")
        symbols = tuple(str(symbol) for symbol in windows.tensor.symbols)
        owner = _owners(windows, symbols)
        truth = windows.y.reshape(len(owner), -1)
        lags = _lags(windows)
        slopes, intercepts = [], []
        for k in range(len(windows.labels)):
            slope, intercept = _within(lags[:, k], truth[:, k], owner, len(symbols))
            slopes.append(slope)
            intercepts.append(intercept)
        self._slopes, self._intercepts = np.stack(slopes), np.stack(intercepts)
        self._spec = describe(type(self).__name__, windows, symbols=symbols)
        log.progress("fitted", 1, 1)

    def predict(self, windows: Windows) -> Forecast:
        """Forecast every sample of `windows`; see `Forecaster.predict`."""
        spec = fitted(self._spec, type(self).__name__)
        spec.expect(windows)
        owner = _owners(windows, tuple(spec.extra["symbols"]))
        # A symbol that was not there when the model was fitted finds the last column, an empty one.
        intercepts = np.pad(self._intercepts, ((0, 0), (0, 1)), constant_values=np.nan)
        lags = _lags(windows)
        raw = {}
        for k, label in enumerate(windows.labels):
            mean = (lags[:, k] * self._slopes[k]).sum(1) + intercepts[k, owner]
            raw[label.name] = mean.reshape(len(windows), windows.n_out, 1)
        return in_own_units(windows, raw, scaled=False)

    def save(self, directory: Path) -> None:
        """Write slopes (K, 3), intercepts (K, N) and ``spec.json`` into an existing folder."""
        fitted(self._spec, type(self).__name__).write(directory)
        write_arrays(directory, {"slopes": self._slopes, "intercepts": self._intercepts})

    def load(self, directory: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        RunError
        """
        spec = read_spec(directory, type(self).__name__)
        arrays = read_arrays(directory)
        labels, symbols = len(spec.labels), len(spec.extra["symbols"])
        self._slopes = require_shape(arrays, "slopes", (labels, 3), directory)
        self._intercepts = require_shape(arrays, "intercepts", (labels, symbols), directory)
        self._spec = spec


def _owners(windows: Windows, symbols: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return the index of each answer's symbol, (S * n_out,); -1 where `symbols` lacks it."""
    index = {symbol: n for n, symbol in enumerate(symbols)}
    return np.array([index.get(str(s), -1) for s in windows.symbols], dtype=np.int64)


def _lags(windows: Windows) -> Floats:
    """Return newest value, week's mean and month's mean of each label, (S * n_out, K, 3)."""
    past = windows.known_history(MONTH)
    past = past.reshape(len(windows) * windows.n_out, -1, MONTH)
    month = _mean(past)
    week = _mean(past[..., :WEEK])
    week = np.where(np.isnan(week), month, week)
    newest = np.where(np.isnan(past[..., 0]), week, past[..., 0])
    return np.stack([newest, week, month], axis=-1)


def _mean(values: Floats) -> Floats:
    """Average the present values along the last axis; NaN where there is none."""
    present_ = ~np.isnan(values)
    count = present_.sum(-1)
    total = np.where(present_, values, 0.0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _within(x: Floats, y: Floats, owner: npt.NDArray[np.int64], n: int) -> tuple[Floats, Floats]:
    """Regress y (R,) on x (R, P) with one intercept an owner: slopes (P,), intercepts (n,).

    Owners' means are taken off first (Frisch & Waugh 1933), which keeps the system P wide. An owner
    without a row has the intercept NaN.
    """
    use = ~np.isnan(y) & ~np.isnan(x).any(1)
    x, y, owner = x[use], y[use], owner[use]
    count = np.bincount(owner, minlength=n)
    with np.errstate(invalid="ignore"):
        mean_y = np.bincount(owner, y, n) / count
        mean_x = (
            np.stack([np.bincount(owner, column, n) for column in x.T], axis=1) / count[:, None]
        )
    slopes = np.asarray(np.linalg.lstsq(x - mean_x[owner], y - mean_y[owner])[0], np.float64)
    return slopes, np.asarray(mean_y - mean_x @ slopes)

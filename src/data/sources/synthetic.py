"""Made-up bars whose truth is known: a few numbers flow in, raw daily rows flow out.

For tests and for learning the tool. The same parameters give the same bars, bit for bit.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from annotated_types import Ge, Le

from ...errors import DataError
from ...ranges import MOST, Count, Fraction, Whole
from ..bars.calendars import sessions
from .source import Source

Floats = npt.NDArray[np.float64]

DEGREES = 5.0
"""Degrees of freedom of Student's t: daily returns of indices have 3 to 5."""
STAY = np.array([0.99, 0.96])
"""Daily probability of staying in the calm and in the stormy regime."""
STORM = 2.5
"""Volatility in the stormy regime, as a multiple of the calm one's."""
OVERNIGHT = 0.2
"""Share of a day's variance that falls between the close and the next open."""


class Synthetic(Source):
    """Correlated symbols with regimes of volatility, fat tails, and a signal of known strength.

    The log return of symbol n is ``r[t+1] = beta * signal[t] + e[t+1]``. The noise ``e`` has the
    variance ``sigma[n]**2``, is scaled by a two-state Markov regime common to all symbols, follows
    Student's t with 5 degrees of freedom, and is correlated across symbols. ``signal`` is standard
    normal, independent over time and symbols, and known at the close of t. With
    ``beta = sigma[n] * sqrt(R2 / (1 - R2))`` a regression of ``r[t+1]`` on ``signal[t]`` has, in a
    long sample, the determination ``R2 = planted_r2``. High and low are drawn from the law of the
    extremes of a Brownian bridge from open to close.

    Parameters
    ----------
    symbols : int
        How many; they are called SYN00, SYN01...
    rows : int
        Sessions.
    seed : int
    start : date
        The first session is on or after it.
    planted_r2 : float in [0, 1)
        0 plants nothing, and leaves the column ``signal`` out.
    correlation : float in [0, 1)
        Between the noises of any two symbols.
    walk : bool
        Plain Gaussian random walks: no regimes and no fat tails.
    exchange : str
        Whose sessions the bars are dated on.
    """

    made_up = True

    def __init__(
        self,
        symbols: Count = 30,
        rows: Annotated[int, Ge(2), Le(MOST)] = 5000,
        seed: Whole = 0,
        start: str = "2000-01-03",
        planted_r2: Fraction = 0.0,
        correlation: Fraction = 0.3,
        walk: bool = False,
        exchange: str = "XNYS",
    ) -> None:
        if symbols < 1 or rows < 2:
            raise DataError(f"synthetic: symbols={symbols}, rows={rows} are too few")
        if not isinstance(seed, int) or seed < 0:
            raise DataError(f"synthetic: seed={seed!r} must be a whole number from 0 up")
        if not 0 <= planted_r2 < 1 or not 0 <= correlation < 1:
            raise DataError(
                f"synthetic: planted_r2={planted_r2} and correlation={correlation} must be "
                "at least 0 and below 1"
            )
        self.symbols = symbols
        self.rows = rows
        self.seed = seed
        self.start = start
        self.planted_r2 = planted_r2
        self.correlation = correlation
        self.walk = walk
        self.exchange = self._exchange = exchange

    @property
    def description(self) -> str:
        """State every parameter, since they are the whole truth."""
        return (
            f"synthetic: symbols={self.symbols} rows={self.rows} seed={self.seed} "
            f"start={self.start} planted_r2={self.planted_r2} correlation={self.correlation} "
            f"walk={self.walk}"
        )

    def load(self) -> pd.DataFrame:
        """Return the bars, symbol by symbol."""
        rng = np.random.default_rng(self.seed)
        T, N = self.rows, self.symbols
        sigma = rng.uniform(0.15, 0.45, N) / np.sqrt(252)
        regime = np.ones(T) if self.walk else _regimes(rng, T)
        own, market = self._shocks(rng, (N, T)), self._shocks(rng, (1, T))
        mixed = np.sqrt(1 - self.correlation) * own + np.sqrt(self.correlation) * market
        scale = sigma[:, None] * regime
        returns = scale * mixed
        fields: dict[str, Floats] = {}
        if self.planted_r2:
            signal = rng.standard_normal((N, T))
            beta = sigma * np.sqrt(self.planted_r2 / (1 - self.planted_r2))
            returns[:, 1:] += beta[:, None] * signal[:, :-1]
            fields["signal"] = signal
        close = np.log(rng.uniform(20, 500, N))[:, None] + np.cumsum(returns, axis=1)
        gap = OVERNIGHT * returns + np.sqrt(OVERNIGHT * (1 - OVERNIGHT)) * scale * (
            rng.standard_normal((N, T))
        )
        opened = close - returns + gap
        high, low = _extremes(rng, opened, close, (1 - OVERNIGHT) * scale**2)
        level = rng.uniform(12, 17, N)[:, None]
        volume = np.round(
            np.exp(level + 0.4 * rng.standard_normal((N, T)) + 0.3 * np.abs(mixed) * regime)
        )
        prices = {"open": opened, "high": high, "low": low, "close": close}
        columns: dict[str, Any] = {name: np.exp(x).ravel() for name, x in prices.items()}
        columns["volume"] = volume.ravel()
        columns |= {name: x.ravel() for name, x in fields.items()}
        width = max(2, len(str(N - 1)))
        names = [f"SYN{n:0{width}d}" for n in range(N)]
        return pd.DataFrame(
            {
                "date": np.tile(self._dates(), N),
                "symbol": pd.Categorical.from_codes(
                    np.repeat(np.arange(N), T), categories=pd.Index(names)
                ),
                **columns,
            }
        )

    def _shocks(self, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
        """Draw noise of mean 0 and variance 1."""
        if self.walk:
            return rng.standard_normal(shape)
        return np.asarray(rng.standard_t(DEGREES, shape) / np.sqrt(DEGREES / (DEGREES - 2)))

    def _dates(self) -> npt.NDArray[np.datetime64]:
        try:
            first = pd.Timestamp(self.start)
        except ValueError:
            raise DataError(f"synthetic: start={self.start} is not a date") from None
        # Every calendar has more than 200 sessions a year.
        last = first + pd.Timedelta(days=int(self.rows / 200 * 366) + 30)
        dates = sessions(self._exchange, first, last).dates[: self.rows]
        return np.asarray(dates.to_numpy())


def _regimes(rng: np.random.Generator, rows: int) -> Floats:
    """Draw a path of the regime's volatility, whose mean square over the long run is 1."""
    storms = (1 - STAY[0]) / (2 - STAY.sum())
    draws = rng.random(rows)
    state = int(draws[0] < storms)
    path = np.empty(rows, dtype=np.int64)
    for t in range(rows):
        path[t] = state
        if draws[t] >= STAY[state]:
            state = 1 - state
    level = np.array([1.0, STORM])
    mean_square = (1 - storms) + storms * STORM**2
    return np.asarray(level[path] / np.sqrt(mean_square))


def _extremes(
    rng: np.random.Generator, start: Floats, end: Floats, variance: Floats
) -> tuple[Floats, Floats]:
    """Draw the maximum and the minimum of Brownian bridges, each from its own exact law."""
    high, low = (
        sign
        * 0.5
        * (
            sign * (start + end)
            + np.sqrt((end - start) ** 2 - 2 * variance * np.log1p(-rng.random(start.shape)))
        )
        for sign in (1.0, -1.0)
    )
    return high, low

"""Splits: rows of a panel in, folds of (train, valid, test) rows out.

The purge is never typed: it is the longest lookahead of the run's targets. A label at row t is
realised at row t + lookahead, so the last `purge` rows before a later part are left out, and no
label span of a train row reaches a validation or test row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import ConfigError, DataError
from ..ranges import Count, Share, Whole

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Decision rows of one fit and of the test that judges it, each increasing."""

    train: Rows
    valid: Rows
    test: Rows


class Split(Protocol):
    """What every split offers."""

    @property
    def leaks(self) -> bool:
        """Whether train rows can know test labels; such a split marks every report."""
        ...

    @property
    def rolls(self) -> bool:
        """Whether later folds forget the oldest rows, and a refit on the newest rows with them."""
        ...

    def folds(self, times: pd.DatetimeIndex, first: int, purge: int) -> list[Fold]:
        """Return the folds over rows `first` to T - 1 of `times` (T,), UTC.

        Raises
        ------
        DataError
            If the rows do not suffice.
        """
        ...


def _span(start: int, stop: int) -> Rows:
    return np.arange(start, max(start, stop), dtype=np.int64)


def _checked(fold: Fold, what: str, advice: str) -> Fold:
    for part in ("train", "valid", "test"):
        if len(getattr(fold, part)) == 0:
            raise DataError(f"{what} leaves no {part} rows: {advice}")
    return fold


@dataclass(frozen=True)
class Chronological:
    """One fold: the oldest rows train, the next validate, the newest test.

    Parameters
    ----------
    train, valid : float
        Shares of the usable rows; the rest is the test part.
    valid_from, test_from : date, UTC
        First decision times of the two parts, instead of the shares.
    embargo : int
        Rows left out besides the purge.
    """

    train: Share = 0.7
    valid: Share = 0.1
    valid_from: str | None = None
    test_from: str | None = None
    embargo: Whole = 0
    leaks: ClassVar[bool] = False
    rolls: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_shares(self.train, self.valid)
        if (self.valid_from is None) != (self.test_from is None):
            raise ConfigError("split: give both valid_from and test_from, or neither")
        dates = [_instant(date) for date in (self.valid_from, self.test_from) if date is not None]
        if dates and dates[0] >= dates[1]:
            raise ConfigError(
                f"split: valid_from={self.valid_from} must be before test_from={self.test_from}"
            )
        _refuse_negative(embargo=self.embargo)

    def folds(self, times: pd.DatetimeIndex, first: int, purge: int) -> list[Fold]:
        """See `Split.folds`."""
        usable = len(times) - first
        if self.valid_from is not None and self.test_from is not None:
            valid = int(times.searchsorted(_instant(self.valid_from)))
            test = int(times.searchsorted(_instant(self.test_from)))
        else:
            valid = first + int(usable * self.train)
            test = first + int(usable * (self.train + self.valid))
        gap = purge + self.embargo
        fold = Fold(
            _span(first, valid - gap),
            _span(max(valid, first), test - gap),
            _span(max(test, first), len(times)),
        )
        what = f"split=chronological over {max(usable, 0)} usable rows, {gap} purged,"
        return [_checked(fold, what, "use more data, other shares or shorter windows")]


@dataclass(frozen=True)
class WalkForward:
    """Several folds: train on the past, validate on the next rows, test on those after, move on.

    Parameters
    ----------
    train, valid, test : int
        Rows of each part in the first fold. The test parts follow each other without a gap; the
        last one takes what is left, from half of `test` to half more.
    window : {"expanding", "rolling"}
        Whether later folds keep all older train rows, or only the newest `train` of them.
    embargo : int
        Rows left out besides the purge.
    """

    train: Count
    valid: Count
    test: Count
    window: Literal["expanding", "rolling"] = "expanding"
    embargo: Whole = 0
    leaks: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if min(self.train, self.valid, self.test) < 1:
            raise ConfigError("split: train, valid and test must each be at least one row")
        if self.window not in ("expanding", "rolling"):
            raise ConfigError(f"split: window={self.window!r} must be expanding or rolling")
        _refuse_negative(embargo=self.embargo)

    @property
    def rolls(self) -> bool:
        """See `Split.rolls`."""
        return self.window == "rolling"

    def folds(self, times: pd.DatetimeIndex, first: int, purge: int) -> list[Fold]:
        """See `Split.folds`."""
        usable, gap = len(times) - first, purge + self.embargo
        before = self.train + self.valid
        count = max(1, round((usable - before) / self.test))
        folds = []
        what = f"split=walk_forward over {max(usable, 0)} usable rows, {gap} purged,"
        for k in range(count):
            test = first + before + k * self.test
            stop = len(times) if k == count - 1 else test + self.test
            start = first if self.window == "expanding" else first + k * self.test
            valid = test - self.valid
            fold = Fold(_span(start, valid - gap), _span(valid, test - gap), _span(test, stop))
            folds.append(
                _checked(fold, what, "use more data, or smaller split.train/valid/test rows")
            )
        return folds


@dataclass(frozen=True)
class LeakyShuffle:
    """Rows dealt out at random: reproduces published claims, and is evidence of nothing.

    Windows that overlap land on both sides, so the test part is known while training.
    """

    train: Share = 0.7
    valid: Share = 0.1
    seed: Whole = 0
    leaks: ClassVar[bool] = True
    rolls: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _check_shares(self.train, self.valid)

    def folds(self, times: pd.DatetimeIndex, first: int, purge: int) -> list[Fold]:
        """See `Split.folds`; the purge is ignored, which is the leak."""
        rows = np.random.default_rng(self.seed).permutation(_span(first, len(times)))
        valid, test = int(len(rows) * self.train), int(len(rows) * (self.train + self.valid))
        fold = Fold(np.sort(rows[:valid]), np.sort(rows[valid:test]), np.sort(rows[test:]))
        return [
            _checked(fold, f"split=leaky_shuffle over {len(rows)} usable rows", "use more data")
        ]


def _instant(date: str) -> pd.Timestamp:
    try:
        stamp = pd.Timestamp(date)
    except ValueError as error:
        raise ConfigError(f"split: {date!r} is no date; write it as YYYY-MM-DD") from error
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def _check_shares(train: float, valid: float) -> None:
    if not (0 < train < 1 and 0 < valid < 1 and train + valid < 1):
        raise ConfigError(
            f"split: train={train} and valid={valid} must be positive shares whose sum is below 1"
        )


def _refuse_negative(**values: int) -> None:
    for name, value in values.items():
        if value < 0:
            raise ConfigError(f"split: {name}={value} must not be negative")

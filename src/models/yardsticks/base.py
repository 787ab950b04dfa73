"""Yardstick: a Forecaster that reads labels only, and whose whole fit is a small JSON file.

In: one label's realised, known and frozen values. Out: its forecast, NaN where it has no answer.
"""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.labels import Label
from ...data.plain_json import read_json
from ...errors import RunError
from ..forecast import Forecast, in_own_units
from ..forecaster import FitLog, Forecaster, TrainerFactory

if TYPE_CHECKING:
    from ...data.datamodule import MarketDataModule
    from ...data.windows import Windows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RECENT = 22
"""Rows within which the newest realised value still counts as such."""


@dataclass(frozen=True)
class Cells:
    """One label of S * n_out = C (time, symbol) cells, in the order of a Forecast.

    Attributes
    ----------
    label : Label
    rows, cols : (C,) row and symbol of each cell in the (T, N) grid
    symbols : (N,) names
    y, frozen : (C,) own units or class index, NaN where missing
    history : (T, N)
        At row t the label of row t - lookahead, the newest that can be known at t.
    """

    label: Label
    rows: Ints
    cols: Ints
    symbols: tuple[str, ...]
    y: Floats
    frozen: Floats
    history: Floats

    def newest(self) -> Floats:
        """Return the (C,) newest realised values, at most `RECENT` rows old.

        A symbol that missed a session, or whose value was not finite, keeps its last one.
        """
        filled = pd.DataFrame(self.history).ffill(limit=RECENT - 1).to_numpy()
        return np.asarray(filled[self.rows, self.cols])


def cells_of(windows: Windows) -> list[Cells]:
    """Return the cells of each label, from either layout."""
    tensor = windows.tensor
    rows = np.repeat(windows.rows, windows.n_out)
    cols = windows.cols
    if windows.layout == "joint":
        cols = np.tile(np.arange(windows.n_out), len(windows.rows))
    return [
        Cells(
            label=label,
            rows=rows,
            cols=cols,
            symbols=tuple(tensor.symbols),
            y=tensor.values.y[rows, cols, k],
            frozen=tensor.values.frozen[rows, cols, k],
            history=tensor.values.known[:, :, k],
        )
        for k, label in enumerate(windows.labels)
    ]


class Yardstick(Forecaster):
    """A forecaster fitted label by label; ``None`` in place of a fit means not applicable."""

    def __init__(self) -> None:
        self.fitted: dict[str, dict[str, Any] | None] = {}

    @abstractmethod
    def fit_label(self, cells: Cells) -> dict[str, Any] | None:
        """Return what is learned from train cells, as JSON; None if it does not apply to them."""

    @abstractmethod
    def predict_label(self, cells: Cells, fitted: dict[str, Any]) -> Floats:
        """Return (C, Q) forecasts in own units, NaN where there is no answer."""

    def fit(self, data: MarketDataModule, trainer: TrainerFactory, log: FitLog) -> None:
        """Learn from the train rows' labels; there is nothing to iterate or to stop early."""
        self.fitted = {cells.label.name: self.fit_label(cells) for cells in cells_of(data.train)}

    def predict(self, windows: Windows) -> Forecast:
        """Forecast every sample of `windows`; all NaN for a label that it does not apply to.

        Raises
        ------
        RunError
            If it was not fitted on one of the labels.
        """
        raw = {}
        for cells in cells_of(windows):
            if cells.label.name not in self.fitted:
                raise RunError(
                    f"{type(self).__name__} was not fitted on {cells.label.name}; train it again"
                )
            fitted = self.fitted[cells.label.name]
            answers = np.full((len(cells.rows), len(cells.label.quantities)), np.nan)
            if fitted is not None:
                answers = self._answers(cells, fitted, answers.shape)
            raw[cells.label.name] = answers.reshape(len(windows), windows.n_out, -1)
        return in_own_units(windows, raw, scaled=False)

    def _answers(
        self, cells: Cells, fitted: dict[str, Any], shape: tuple[int, ...]
    ) -> npt.NDArray[np.float64]:
        """Forecast a label from what was learned of it, which a file may have said wrongly."""
        try:
            answers = self.predict_label(cells, fitted)
            if answers.shape == shape:
                return answers
            reason = f"it makes {answers.shape}, not {shape}"
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RunError(
            f"{type(self).__name__} cannot forecast {cells.label.name} by what it learned "
            f"({reason}): train it again"
        )

    def save(self, directory: Path) -> None:
        """Write ``yardstick.json``."""
        content = {"yardstick": type(self).__name__, "labels": self.fitted}
        (directory / "yardstick.json").write_text(json.dumps(content, allow_nan=False))

    def load(self, directory: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        RunError
            If the file is missing, or is not of this yardstick.
        """
        path = directory / "yardstick.json"
        try:
            content = read_json(path)
            name, labels = content["yardstick"], dict(content["labels"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{path}: not a saved yardstick ({type(error).__name__}); train the run again"
            ) from error
        if name != type(self).__name__:
            raise RunError(f"{path} holds {name}, not {type(self).__name__}; train the run again")
        for label, fitted in labels.items():
            if fitted is not None and not (isinstance(fitted, dict) and _finite(fitted)):
                raise RunError(f"{path}: what it learned of {label!r} is damaged; train again")
        self.fitted = labels


def _finite(value: Any) -> bool:
    """Whether all of what was learned is finite numbers, by name."""
    if isinstance(value, dict):
        return all(_finite(entry) for entry in value.values())
    if isinstance(value, list):
        return all(type(entry) in (int, float) and math.isfinite(entry) for entry in value)
    return value is None or isinstance(value, str) or (
        type(value) in (int, float) and math.isfinite(value)
    )  # fmt: skip


def one_hot(index: Floats, classes: int) -> Floats:
    """Return (C, classes) certainties of class indices (C,); NaN where the index is."""
    rows = (index[:, None] == np.arange(classes)).astype(np.float64)
    return np.where(np.isfinite(index)[:, None], rows, np.nan)

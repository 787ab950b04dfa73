"""What a report says: everything that the page shows, gathered before a line of it is drawn.

A finished run flows in, as plain values; `render.write_report` turns them into one HTML file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from ...data.features import FeatureFacts
    from ..evaluate import Evaluation
    from ..ledger import Opened

Segment = tuple[pd.Timestamp, pd.Timestamp]
"""First and last time of a run of adjacent rows, both included."""


@dataclass(frozen=True)
class FoldSpan:
    """Where one fold's parts lie in time, as runs of adjacent rows.

    Attributes
    ----------
    train, valid, test : segments in increasing time; several where the rows were shuffled
    rows : numbers of train, validation and test rows
    """

    train: tuple[Segment, ...]
    valid: tuple[Segment, ...]
    test: tuple[Segment, ...]
    rows: tuple[int, int, int]

    @classmethod
    def of(
        cls,
        times: pd.DatetimeIndex,
        train: npt.ArrayLike,
        valid: npt.ArrayLike,
        test: npt.ArrayLike,
    ) -> FoldSpan:
        """Gather row numbers into segments.

        Parameters
        ----------
        times : (T,) datetime64[ns, UTC]
            Decision times of the panel.
        train, valid, test : row numbers into `times`, in any order, possibly repeated or none

        >>> days = pd.date_range("2024-01-01", periods=6, tz="UTC")
        >>> fold = FoldSpan.of(days, [0, 1, 2], [], [4, 5])
        >>> fold.rows, len(fold.train), str(fold.test[0][0].date())
        ((3, 0, 2), 1, '2024-01-05')
        """
        parts = [np.unique(np.asarray(rows, dtype=np.int64)) for rows in (train, valid, test)]
        segments = [_segments(times, rows) for rows in parts]
        counts = len(parts[0]), len(parts[1]), len(parts[2])
        return cls(segments[0], segments[1], segments[2], counts)


def _segments(times: pd.DatetimeIndex, rows: npt.NDArray[np.int64]) -> tuple[Segment, ...]:
    if not len(rows):
        return ()
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return tuple((times[run[0]], times[run[-1]]) for run in runs)


@dataclass(frozen=True)
class LabelPredictions:
    """The test rows of one label, all folds together.

    Attributes
    ----------
    times : (S,) datetime64[ns, UTC]
    symbols : (S,) names
    truth : (S,) float64
        In the label's own units, or the class index. NaN where missing or not scored.
    forecast, yardstick : (S, Q) float64
        The model's and the best yardstick's values, Q as ``label.quantities``. NaN: no answer.
    """

    times: pd.DatetimeIndex
    symbols: npt.NDArray[np.object_]
    truth: npt.NDArray[np.float64]
    forecast: npt.NDArray[np.float64]
    yardstick: npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report shows. All text is escaped when it is rendered.

    Attributes
    ----------
    name : str
        The experiment, the page's title.
    run : str
        The run id.
    created : Timestamp (UTC)
    choices : Hydra group -> choice
    evaluation : Evaluation
        Its ``model`` and ``leaks`` name the model and whether the protocol leaks.
    predictions : label name -> LabelPredictions
        A label without an entry has its table and no figures of its own.
    folds : one FoldSpan a fold
    histories : one list of {"epoch", "train_loss", "valid_loss"} a fold; empty for closed forms
    health : DataFrame
        One row a symbol (its index); a column whose name contains "share" holds fractions.
    health_notes : one sentence each
    features : FeatureFacts
    purge : int
        Rows left out between the parts of a fold.
    manifest : text -> value, or a mapping of these (one level): snapshot, code, versions, timings
    config : str
        The resolved recipe, YAML.
    commands : what it does -> command line
    notes : one sentence each
    opened : Opened, optional
        How often the test period was opened before; None where nobody counted.
    """

    name: str
    run: str
    created: pd.Timestamp
    choices: Mapping[str, str]
    evaluation: Evaluation
    predictions: Mapping[str, LabelPredictions]
    folds: Sequence[FoldSpan]
    histories: Sequence[Sequence[Mapping[str, float]]]
    health: pd.DataFrame
    features: Sequence[FeatureFacts]
    purge: int
    manifest: Mapping[str, object]
    config: str
    commands: Mapping[str, str]
    health_notes: Sequence[str] = field(default=())
    notes: Sequence[str] = field(default=())
    opened: Opened | None = None

"""What an evaluation found: figures, intervals and verdicts, and their JSON form.

In: what `evaluate` computed. Out: dataclasses that the terminal's table and the report read.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from ..data.labels import Label

LEAKY_VERDICT = "no evidence of skill, since the protocol leaks"


@dataclass(frozen=True)
class FoldSkill:
    """Skill over the label's best yardstick within one fold's test times.

    Attributes
    ----------
    fold : int
    start, end : Timestamp
        First and last decision time, UTC.
    times : int
    skill, low, high : float
        Fractions, not percent; NaN interval below 30 times.
    """

    fold: int
    start: pd.Timestamp
    end: pd.Timestamp
    times: int
    skill: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelEvaluation:
    """One label's figures.

    Attributes
    ----------
    label : Label
    loss : str
        What the skill is measured in: ``squared error``, ``Brier score`` or ``pinball loss``.
    times, rows : int
        Test times, and (time, symbol) cells whose truth the model and every applicable yardstick
        answered: all figures are of these.
    metrics : DataFrame
        Index: the model first, then every yardstick; columns: metrics. NaN: not applicable.
    best : str
        The yardstick of the lowest mean loss; empty if none applies.
    skill, low, high : float
        1 - loss / loss of `best`, as a fraction, with its 95% interval.
    block : float
        Mean block length of the bootstrap, in times.
    skills : DataFrame
        Index: every yardstick; columns ``skill``, ``low``, ``high`` of the model over it.
    folds : the skill over `best` within each fold
    notes : sentences for the reader
    """

    label: Label
    loss: str
    times: int
    rows: int
    metrics: pd.DataFrame
    best: str
    skill: float
    low: float
    high: float
    block: float
    skills: pd.DataFrame
    folds: tuple[FoldSkill, ...]
    notes: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0

    @property
    def verdict(self) -> str:
        """``skill shown``, ``no skill shown``, or ``worse than <best>`` (no skill either)."""
        if self.shown:
            return "skill shown"
        return f"worse than {self.best}" if self.high < 0 else "no skill shown"


@dataclass(frozen=True)
class Evaluation:
    """A run's figures, one entry a label; `leaks` marks a protocol that looks ahead."""

    model: str
    labels: tuple[LabelEvaluation, ...]
    leaks: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about the whole: several targets are several chances of a false claim."""
        count = len(self.labels)
        if count < 2:
            return ()
        return (
            f"{count} targets were tested, each at 95%: without any skill, expect up to "
            f"{0.05 * count:.2g} false claims among them",
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what ``metrics.json`` holds: plain types, null for NaN and infinity."""
        return {
            "model": self.model,
            "leaks": self.leaks,
            "notes": list(self.notes),
            "labels": [_label_dict(entry, self.leaks) for entry in self.labels],
        }


def _label_dict(entry: LabelEvaluation, leaks: bool) -> dict[str, Any]:
    return {
        "label": {
            **asdict(entry.label),
            "edges": list(entry.label.edges),
            "levels": list(entry.label.levels),
            "name": entry.label.name,
        },
        "loss": entry.loss,
        "times": entry.times,
        "rows": entry.rows,
        "best": entry.best,
        "skill": _number(entry.skill),
        "low": _number(entry.low),
        "high": _number(entry.high),
        "block": _number(entry.block),
        "shown": entry.shown and not leaks,
        "verdict": LEAKY_VERDICT if leaks else entry.verdict,
        "metrics": _table(entry.metrics),
        "skills": _table(entry.skills),
        "folds": [
            {
                "fold": fold.fold,
                "start": fold.start.isoformat(),
                "end": fold.end.isoformat(),
                "times": fold.times,
                "skill": _number(fold.skill),
                "low": _number(fold.low),
                "high": _number(fold.high),
            }
            for fold in entry.folds
        ],
        "notes": list(entry.notes),
    }


def _table(frame: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    return {
        str(row): {str(name): _number(value) for name, value in figures.items()}
        for row, figures in frame.to_dict(orient="index").items()
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

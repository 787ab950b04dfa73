"""A label: one number per time and symbol that a model is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["regression", "binary", "classification", "quantile"]
TASKS: tuple[Task, ...] = ("regression", "binary", "classification", "quantile")


@dataclass(frozen=True)
class Label:
    """One target at one horizon.

    Attributes
    ----------
    target : str
        Its name in the recipe, such as ``ret_next``.
    horizon : int
        Rows ahead at which it is realised.
    expression : str
        Its text, with the horizon filled in. For ``classification`` the number that the edges cut.
    task : Task
    lookahead : int
        Rows after t that the label at t depends on; its value is known at row t + lookahead.
    edges : increasing numbers
        ``classification``: class k holds edges[k-1] < value <= edges[k]. ``binary``: one edge,
        class 1 holds value > edge.
    levels : increasing numbers in (0, 1)
        ``quantile``: the probabilities asked for.
    measure : str
        What the number is: ``return``, ``log_variance`` (adds QLIKE to the metrics) or ``value``.
    """

    target: str
    horizon: int
    expression: str
    task: Task
    lookahead: int
    edges: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    measure: str = "value"

    @property
    def name(self) -> str:
        """Target and horizon in one word, unique in a run, such as ``ret_next@1``."""
        return f"{self.target}@{self.horizon}"

    @property
    def classes(self) -> int:
        """Number of classes, 0 where the label is a number."""
        return len(self.edges) + 1 if self.task in ("binary", "classification") else 0

    @property
    def quantities(self) -> tuple[str, ...]:
        """What is forecast: ``mean``, ``q0.05``..., or the probabilities ``p0``, ``p1``..."""
        if self.classes:
            return tuple(f"p{k}" for k in range(self.classes))
        if self.task == "quantile":
            return tuple(f"q{level:g}" for level in self.levels)
        return ("mean",)

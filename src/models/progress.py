"""How boosting is going: LightGBM's evaluations in, the FitLog's history and progress out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .forecaster import FitLog

EVERY = 10
"""Rounds from one word on progress to the next."""


class BoostingProgress:
    """Follow the boosters of one fit, one after the other.

    The history averages their losses round by round; a stopped booster counts with its last.

    Parameters
    ----------
    log : FitLog
    boosters : int
        How many will be trained.
    rounds : int
        Most rounds of each.
    """

    def __init__(self, log: FitLog, boosters: int, rounds: int) -> None:
        self._log = log
        self._boosters = boosters
        self._rounds = rounds
        self._curves: list[list[tuple[float, float]]] = []
        self._best: list[float] = []

    def booster(self, name: str) -> Callable[[Any], None]:
        """Return the callback that LightGBM calls after each round of the next booster."""
        curve: list[tuple[float, float]] = []
        self._curves.append(curve)
        self._best.append(math.inf)
        before = (len(self._curves) - 1) * self._rounds
        total = self._boosters * self._rounds

        def follow(env: Any) -> None:
            losses = {part: float(loss) for part, _, loss, _ in env.evaluation_result_list}
            curve.append((losses["train"], losses["valid"]))
            self._best[-1] = min(self._best[-1], losses["valid"])
            if len(curve) % EVERY == 0:
                self._log.validate(before + len(curve), sum(self._best) / len(self._best))
            if len(curve) % EVERY == 1:
                text = (
                    f"{name} round {len(curve)}/{self._rounds}  "
                    f"train {losses['train']:.4f}  valid {losses['valid']:.4f}"
                )
                self._log.progress(text, before + len(curve), total)

        follow.before_iteration = False  # type: ignore[attr-defined]
        # Before early stopping (30), which leaves by an exception.
        follow.order = 20  # type: ignore[attr-defined]
        return follow

    def finish(self) -> None:
        """Write the history."""
        rounds = max(len(curve) for curve in self._curves)
        losses = np.array([curve + [curve[-1]] * (rounds - len(curve)) for curve in self._curves])
        for k, (train, valid) in enumerate(losses.mean(0)):
            self._log.record(
                {"epoch": k + 1, "train_loss": float(train), "valid_loss": float(valid)}
            )
        self._log.progress(f"{rounds} rounds", 1, 1)

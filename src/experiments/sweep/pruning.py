"""Pruning: a fit's validation losses in; reports to the study, and a stop where they do not pay.

Losses of different folds have different levels. So a trial's step is its fold and its epoch, what
it reports is the mean over its folds so far, and it is compared with others at the same step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING

from optuna import TrialPruned
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

FOLD = 1_000_000
"""Steps from one fold to the next: more than any fit has epochs or rounds."""


class WithinFold(BasePruner):
    """Let a pruner see of the trial at hand only the fold that it is in.

    Optuna's own compare the best of all its steps so far, and an easy first fold would shield it.
    """

    def __init__(self, inner: BasePruner) -> None:
        self._inner = inner

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Judge the trial by its newest fold."""
        last = trial.last_step
        if last is None:
            return False
        seen = copy(trial)
        seen.intermediate_values = {
            step: value
            for step, value in trial.intermediate_values.items()
            if step // FOLD == last // FOLD
        }
        return self._inner.prune(study, seen)


class OutOfTime(Exception):  # noqa: N818 - no error, but an end
    """The search's time is over; the trial under way goes back into the queue."""


class Reporter:
    """Follow the fits of one trial.

    Parameters
    ----------
    trial : Trial, optional
        None where nothing is pruned, as with several objectives.
    deadline : float, optional
        Seconds of `time.time` at which the trial is to stop.
    """

    def __init__(self, trial: Trial | None, deadline: float | None = None) -> None:
        self._trial, self._deadline = trial, deadline
        self._done: list[float] = []

    def fold(self) -> Callable[[int, float], None]:
        """Return what the next fold's fit is to call with its step and its validation loss.

        It raises `optuna.TrialPruned` or `OutOfTime`.
        """
        number = len(self._done)
        best = math.inf

        def validated(step: int, loss: float) -> None:
            nonlocal best
            if self._deadline is not None and time.time() > self._deadline:
                raise OutOfTime
            if self._trial is None:
                return
            best = min(best, loss)
            if not math.isfinite(best):
                return
            self._trial.report(
                (sum(self._done) + best) / (number + 1), number * FOLD + min(step, FOLD - 1)
            )
            if self._trial.should_prune():
                raise TrialPruned(f"fold {number + 1}, step {step}: {best:.4g} is not promising")

        return validated

    def fold_done(self, loss: float) -> None:
        """Hear the fold's final loss."""
        self._done.append(loss)

"""What a person at the terminal sees while a search goes on: the study in, stderr out.

A thread of its own reads the study, so that trials of every process and machine are shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.markup import escape

from ..progress import live_bars
from .choose import ranked
from .queue import REASON, counts
from .settings import Settings

if TYPE_CHECKING:
    from optuna.study import Study

EVERY = 0.5
"""Seconds between looks."""


class Watch:
    """A bar with the best value so far; where stderr is no terminal, a line a trial.

    Parameters
    ----------
    open_study : () -> Study
        Called in the thread: a storage serves one thread.
    settings : Settings
    """

    def __init__(
        self, open_study: Callable[[], Study], settings: Settings, *, quiet: bool = False
    ) -> None:
        self._open, self._settings, self._quiet = open_study, settings, quiet
        self._console = Console(stderr=True, quiet=quiet)
        self._told: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._bar = live_bars(self._console)
        self._task = self._bar.add_task("trials", total=settings.trials, text="")

    def __enter__(self) -> Watch:
        if not self._quiet:
            self._bar.start()
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._quiet:
            self._stop.set()
            self._thread.join()
            self._bar.stop()

    def _follow(self) -> None:
        study = self._open()
        before = {t.number for t in study.get_trials(deepcopy=False) if t.state.is_finished()}
        self._told |= before
        if before:
            self._console.print(f"{len(before)} trials of this study are there", highlight=False)
        ended = False
        while not ended:
            ended = self._stop.wait(EVERY)  # and look once more
            with suppress(StorageInternalError):  # a database that is busy is asked again
                self._look([t for t in study.get_trials(deepcopy=False) if counts(t)])

    def _look(self, trials: list[FrozenTrial]) -> None:
        done = [t for t in trials if t.state.is_finished()]
        order = ranked(done, self._settings)
        best = f"best {order[0].values[0]:.5g} (trial {order[0].number})" if order else ""
        failed = sum(t.state == TrialState.FAIL for t in done)
        pruned = sum(t.state == TrialState.PRUNED for t in done)
        counted = [f"{n} {word}" for n, word in ((pruned, "pruned"), (failed, "failed")) if n]
        self._bar.update(self._task, completed=len(done), text=escape("  ".join([best, *counted])))
        for trial in done:
            if trial.number in self._told:
                continue
            self._told.add(trial.number)
            if not self._console.is_terminal or trial.state == TrialState.FAIL:
                self._console.print(_line(trial, best), highlight=False, markup=False)


def _line(trial: FrozenTrial, best: str) -> str:
    if trial.state == TrialState.COMPLETE:
        values = ", ".join(f"{value:.5g}" for value in trial.values)
        return f"trial {trial.number}: {values}  {best}"
    word = "pruned" if trial.state == TrialState.PRUNED else "failed"
    return f"trial {trial.number} {word}: {trial.user_attrs.get(REASON, '')}"

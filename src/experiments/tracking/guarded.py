"""Guarded: calls to a tracker in; the same calls out, but none that stops or hangs a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from .tracker import Tracker

PATIENCE = 60.0
"""Seconds that one call may take; more than a tracker's own limits, which can say more."""


class Guarded:
    """A tracker that can neither stop nor hang a run.

    Its calls are made one by one in a thread of their own. After the first that raises, or takes
    too long, one line on stderr says so and the run goes on without it; one that had started is
    still asked to finish, so that it can close what it opened.

    Parameters
    ----------
    name : str
        Its name in the recipe, for that line.
    tracker : Tracker
    patience : float
        Seconds that a call may take.
    """

    def __init__(self, name: str, tracker: Tracker, patience: float = PATIENCE) -> None:
        self._name = name
        self._tracker = tracker
        self._patience = patience
        self._opened = self._failed = self._stuck = False
        self._thread: Thread | None = None
        self._calls: SimpleQueue[tuple[str, tuple[Any, ...]] | None] = SimpleQueue()
        self._ends: SimpleQueue[BaseException | None] = SimpleQueue()

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """See `Tracker.start`."""
        self._failed = self._stuck = False
        self._call("start", name, run_id, config, folder)
        self._opened = not self._failed

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """See `Tracker.epoch`."""
        if not self._failed:
            self._call("epoch", fold, dict(entry))

    def finish(self, summary: Mapping[str, float], run: Path | None) -> None:
        """See `Tracker.finish`; nothing if the run ended before it began."""
        if self._opened and not self._stuck:
            self._call("finish", dict(summary), run)
        if self._thread is not None:
            self._calls.put(None)
            self._opened, self._thread = False, None

    def _call(self, method: str, *arguments: Any) -> None:
        if self._thread is None:
            self._calls, self._ends = SimpleQueue(), SimpleQueue()
            # A daemon: a call that hangs must not keep the process alive either.
            self._thread = Thread(target=self._work, name=f"tracking-{self._name}", daemon=True)
            self._thread.start()
        self._calls.put((method, arguments))
        try:
            error = self._ends.get(timeout=self._patience)
        except Empty:
            self._stuck = True
            self._give_up(f"{method} took more than {self._patience:g} s")
            return
        if error is not None:
            self._give_up(f"{method}: {_line(error)}")

    def _give_up(self, reason: str) -> None:
        if self._failed:
            return  # it has been said
        self._failed = True
        print(
            f"warning: tracking={self._name} failed ({reason}); the run goes on without it",
            file=sys.stderr,
        )

    def _work(self) -> None:
        calls, ends = self._calls, self._ends
        while (call := calls.get()) is not None:
            method, arguments = call
            try:
                getattr(self._tracker, method)(*arguments)
            except BaseException as error:  # even a library's exit: the run matters more
                ends.put(error)
            else:
                ends.put(None)


def _line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if said else ''}{said[:200]}"

"""One bar on stderr for work that is counted: steps flow in, a person at the terminal sees them."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.markup import escape

from .progress import live_bars


class StepProgress:
    """A bar that is there from the start, or from the first step, and is gone at the end.

    Where stderr is no terminal, one line is printed at the end of work that had any.

    Parameters
    ----------
    what : str
        Stands before the bar.
    noun : str, optional
        What is counted, in the plural, for the line; without it there is none.
    total : int, optional
        How much there is to do; 0 of it is then shown at once.
    quiet : bool
        Show nothing.
    """

    def __init__(
        self,
        what: str,
        noun: str | None = None,
        *,
        total: int | None = None,
        quiet: bool = False,
    ) -> None:
        self._what, self._noun, self._quiet = what, noun, quiet
        self._last: tuple[int, int] | None = None
        console = Console(stderr=True, quiet=quiet)
        self._terminal = console.is_terminal
        self._bar = live_bars(console)
        shown = total is not None
        self._task = self._bar.add_task(escape(what), total=total, text="", visible=shown)

    def __enter__(self) -> StepProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if kind is not None or self._last is None or self._quiet or self._terminal:
            return
        if self._noun is not None:
            done, total = self._last
            print(f"{self._what}: {done} of {total} {self._noun}", file=sys.stderr)

    def step(self, text: str, done: int, total: int) -> None:
        """Show how far the work is, such as symbol 3 of 25."""
        self._last = done, total
        self._bar.update(self._task, completed=done, total=total, text=escape(text), visible=True)

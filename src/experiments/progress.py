"""Progress: what a person at the terminal sees while a run works.

Everything goes to stderr but the closing table, so that stdout can be piped.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def live_bars(console: Console) -> Progress:
    """Return bars that are gone at the end and say nothing where `console` is no live terminal.

    Each task needs a field ``text``: what is under way, after the count and the time.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[text]}"),
        console=console,
        transient=True,
        disable=console.quiet or not console.is_terminal,
    )


class RunProgress:
    """A bar for the folds and one, below it, for what the current fit does.

    Where stderr is no terminal, a line a fold is printed instead.
    """

    def __init__(self, folds: int, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet)
        self._bars = live_bars(self.console)
        self._folds = self._bars.add_task("folds", total=folds, text="")
        self._fit = self._bars.add_task("  fit", total=None, text="")

    def __enter__(self) -> RunProgress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def step(self, text: str, done: int, total: int) -> None:
        """Show how far the current fit is, such as epoch 3 of 30."""
        self._bars.update(self._fit, completed=done, total=total, text=escape(text))

    def fold_done(self, text: str) -> None:
        """Print one line on the fold that ended, and begin the next."""
        self.console.print(text, highlight=False, markup=False)
        self._bars.advance(self._folds)
        self._bars.reset(self._fit, total=None, text="")

"""The ten best trials: a search's find in, a table for the terminal out."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial
from rich.table import Table

from .choose import front, ranked
from .settings import Settings

SHOWN = 10


def best_table(trials: Sequence[FrozenTrial], chosen: FrozenTrial, settings: Settings) -> Table:
    """Lay out the ten best trials with the parameters in which they differ."""
    best, names = ten_best(trials, settings)
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("trial", justify="right")
    for metric in settings.goals:
        table.add_column(metric, justify="right")
    for name in names:
        table.add_column(name.rpartition(".")[2] or name, overflow="fold")
    unbeaten = front(trials, settings) if len(settings.goals) > 1 else set()
    for trial in best:
        marks = ("*" if trial.number in unbeaten else "") + (
            ">" if trial.number == chosen.number else ""
        )
        table.add_row(
            f"{marks}{trial.number}",
            *(f"{value:.5g}" for value in trial.values),
            *(shown(trial.params[name]) for name in names),
            style="bold" if trial.number == chosen.number else "",
        )
    return table


def ten_best(
    trials: Sequence[FrozenTrial], settings: Settings
) -> tuple[list[FrozenTrial], list[str]]:
    """Return the ten best trials, and the parameters in which they are not all alike."""
    best = ranked(trials, settings)[:SHOWN]
    names = list(best[0].params) if best else []
    differ = [n for n in names if len({repr(trial.params[n]) for trial in best}) > 1]
    return best, differ or names


def shown(value: object) -> str:
    """Write a parameter's value."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

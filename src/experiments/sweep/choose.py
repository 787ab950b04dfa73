"""Choosing: the trials of a study in; their order, and the one to train for good, out."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from .settings import Settings


def ranked(trials: Sequence[FrozenTrial], settings: Settings) -> list[FrozenTrial]:
    """Return the finished trials, the best first objective first; the older of equals."""
    sign = 1 if next(iter(settings.goals.values())) == "minimize" else -1
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return sorted(done, key=lambda trial: (sign * trial.values[0], trial.number))


def chosen(trials: Sequence[FrozenTrial], settings: Settings) -> FrozenTrial:
    """Return the best trial, or the smallest model that is as good within one standard error.

    One standard error (Breiman et al. 1984, "Classification and Regression Trees"): of the trials
    whose validation loss is at most the lowest one plus its standard error, the one whose saved
    models are smallest; of these, the lowest loss.

    Raises
    ------
    ValueError
        If no trial is finished.
    """
    order = ranked(trials, settings)
    if not order:
        raise ValueError("no trial is finished")
    if settings.select == "best":
        return order[0]
    best = min(order, key=lambda trial: trial.user_attrs["valid_loss"])
    limit = best.user_attrs["valid_loss"] + best.user_attrs["error"]
    near = [trial for trial in order if trial.user_attrs["valid_loss"] <= limit]
    return min(near, key=lambda t: (t.user_attrs["size"], t.user_attrs["valid_loss"], t.number))


def front(trials: Sequence[FrozenTrial], settings: Settings) -> set[int]:
    """Return the numbers of the trials that no other beats in every objective."""
    signs = [1 if way == "minimize" else -1 for way in settings.goals.values()]
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    values = {t.number: tuple(s * v for s, v in zip(signs, t.values, strict=True)) for t in done}

    def beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return a != b and all(x <= y for x, y in zip(a, b, strict=True))

    return {
        number
        for number, mine in values.items()
        if not any(beats(theirs, mine) for theirs in values.values())
    }

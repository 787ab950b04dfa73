"""A search's end: the chosen trial in; an ordinary run, which opens the test part once, out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from .plan import Plan
from .queue import Queue, counts
from .worker import SNAPSHOT

if TYPE_CHECKING:
    from ..run import Run

REFIT = "refit"


def refit(
    plan: Plan, queue: Queue, trial: FrozenTrial, *, quiet: bool
) -> tuple[Path | None, Run | None]:
    """Train a trial's recipe as `train` does, unless that was done or another process does it.

    Returns
    -------
    path, run
        The run's directory, None while another process makes it; and the run where we made it.
    """
    from ..train import train_config

    with queue.alone(REFIT) as mine:
        done = queue.study.user_attrs.get(REFIT, {})
        if done.get("trial") == trial.number and Path(done["run"]).is_dir():
            return Path(done["run"]), None
        if not mine:
            return None, None
        words = plan.trial_words(trial.params)
        config, choices = plan.compose(words)
        run = train_config(
            config,
            choices,
            words,
            quiet=quiet,
            extra=context(plan, queue, trial),
            snapshot=queue.study.user_attrs.get(SNAPSHOT),
        )
        queue.study.set_user_attr(REFIT, {"trial": trial.number, "run": run.path.as_posix()})
    return run.path, run


def context(plan: Plan, queue: Queue, trial: FrozenTrial) -> dict[str, Any]:
    """Return what the run's manifest says of the search that chose it."""
    trials = [t for t in queue.study.get_trials(deepcopy=False) if counts(t)]
    return {
        "sweep": {
            "study": plan.name,
            "trial": trial.number,
            "trials": sum(t.state.is_finished() for t in trials),
            "select": plan.settings.select,
            "metric": next(iter(plan.settings.goals)),
            "value": trial.values[0],
        }
    }

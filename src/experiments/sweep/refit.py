"""A search's end: the chosen trial in; an ordinary run, which opens the test part once, out.

The run's id is in the study before its training begins: whoever repeats the command goes on with
that run, and never opens the test part in a second one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial

from ...errors import RunError
from ..ledger import Opened, Search, raise_trials, record_search
from ..recipe import Recipe
from ..rundir import MANIFEST, new_run_id
from ..start import now
from .plan import Plan
from .queue import Queue, counts
from .worker import SNAPSHOT

if TYPE_CHECKING:
    from ..run import Run

REFIT = "refit"


@dataclass(frozen=True)
class Refit:
    """What became of the chosen trial.

    Attributes
    ----------
    path : Path or None
        The run's directory; None while another process makes it.
    run : Run or None
        The run, where it was trained just now.
    grown : Opened or None
        Where it was trained before and the search has gone on since: the trials from which it is
        chosen by now, which its sealed report does not say.
    """

    path: Path | None = None
    run: Run | None = None
    grown: Opened | None = None


def refit(plan: Plan, queue: Queue, trial: FrozenTrial, *, quiet: bool) -> Refit:
    """Train a trial's recipe as `train` does, unless that was done or another process does it."""
    from ..train import train_config

    with queue.alone(REFIT) as mine:
        extra = context(plan, queue, trial)
        begun = queue.study.user_attrs.get(REFIT, {})
        path = Path(begun["run"]) if begun.get("trial") == trial.number else None
        if path is not None and (path / MANIFEST).is_file():
            return Refit(path, grown=_grown(path, extra["sweep"]["trials"]))
        if not mine:
            return Refit()
        words = plan.trial_words(trial.params)
        config, choices = plan.compose(words)
        recipe = Recipe.of(config, choices)
        folder = recipe.outputs / recipe.name
        # A folder without a manifest is no run, and in the way of one.
        if path is None or path.exists():
            path = folder / new_run_id(recipe.model_name)
        path = folder / path.name
        queue.study.set_user_attr(REFIT, {"trial": trial.number, "run": path.as_posix()})
        note_search(plan, queue, trial, path.name)
        run = train_config(
            config,
            choices,
            words,
            quiet=quiet,
            extra=extra,
            snapshot=queue.study.user_attrs.get(SNAPSHOT),
            run_id=path.name,
        )
    return Refit(run.path, run)


def note_search(plan: Plan, queue: Queue, trial: FrozenTrial, run: str | None = None) -> None:
    """Write into the ledger how many trials there were, and which run trains their choice."""
    recipe = Recipe.of(*plan.compose(plan.trial_words(trial.params)))
    search = Search(
        study=plan.name,
        dataset=recipe.dataset.name,
        labels={label.name: label.expression for label in recipe.targets.labels},
        created=now(),
        trials=context(plan, queue, trial)["sweep"]["trials"],
        run=run,
    )
    record_search(recipe.outputs, search)


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


def _grown(path: Path, trials: int) -> Opened | None:
    """Tell the ledger from how many trials a finished run is chosen by now, if from more."""
    from ..run import Run

    raise_trials(path.absolute().parents[1], path.name, trials)
    try:
        opened = Run.load(path).opened
    except RunError:
        return None  # whoever opens the run is told what is wrong with it
    if opened is None or trials <= opened.trials:
        return None
    return replace(opened, trials=trials)

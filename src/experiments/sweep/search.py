"""A search: a plan in; its trials run, its page written and its choice trained, out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from ...errors import MarketlabError
from ..configs import compose_config, resolved
from .choose import chosen
from .page import write_page
from .plan import Plan, split_words
from .queue import REASON, Queue
from .refit import Refit, note_search, refit
from .storage import JOURNAL, hidden, open_storage
from .study import open_queue
from .watch import Watch
from .worker import work

if TYPE_CHECKING:
    from ..ledger import Opened
    from ..run import Run

PAGE = "sweep.html"
BEST = "best.json"
Launch = Callable[[Plan], None]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes
    ----------
    study : str
        Its name.
    trials : those that count, in order
    chosen : FrozenTrial
    words : overrides
        Of the chosen recipe, for ``train``.
    page : Path
        ``sweep.html``.
    path : Path or None
        The run that the chosen recipe was trained in.
    run : Run or None
        The same, if it was trained just now.
    grown : Opened or None
        From how many trials it is chosen by now, where its report was sealed before the last ones.
    """

    study: str
    trials: Sequence[FrozenTrial]
    chosen: FrozenTrial
    words: Sequence[str]
    page: Path
    path: Path | None
    run: Run | None
    grown: Opened | None = None


def sweep(overrides: Sequence[str] = (), *, quiet: bool = False) -> Found:
    """Search as ``marketlab-train -m`` does, in this process.

    Parameters
    ----------
    overrides : Hydra overrides
        Such as ``["sweep=lstm_small", "model.net.dropout=interval(0,0.5)", "sweep.trials=20"]``.
    quiet : bool
        Show no progress.

    Raises
    ------
    MarketlabError
        In one line, for anything that the user can mend.
    """
    searched, words, own = split_words(overrides)
    if not any(word.partition("=")[0].lstrip("+") == "sweep" for word in own):
        own = ["sweep=default", *own]
    node = resolved(compose_config("train", own)[0])["sweep"]
    inline = {o.get_key_element(): o.get_value_string() for o in searched}
    plan = Plan.of(words, node, lambda chosen: compose_config("train", chosen), inline)
    return run_search(plan, lambda plan: work(plan, open_queue(plan)), quiet=quiet)


def run_search(plan: Plan, launch: Launch, *, quiet: bool = False) -> Found:
    """Run the trials that are left, and end as the settings say.

    Parameters
    ----------
    plan : Plan
    launch : (Plan) -> None
        Runs workers until they find nothing left to do; again, if some of them died.

    Raises
    ------
    MarketlabError
        If every trial failed, or workers die before they begin one.
    """
    queue = open_queue(plan)
    settings = plan.settings
    if settings.timeout is not None and settings.deadline is None:
        settings = replace(settings, deadline=time.time() + settings.timeout)
        plan = replace(plan, settings=settings)
    console = Console(stderr=True, quiet=quiet)
    console.print(f"study {plan.name}: {plan.folder}", highlight=False, soft_wrap=True)

    def read() -> optuna.study.Study:
        return optuna.load_study(
            study_name=plan.name, storage=open_storage(settings.storage, plan.folder)
        )

    with Watch(read, settings, quiet=quiet):
        _launch_until_done(plan, queue, launch)
    return _end(plan, queue, console, quiet=quiet)


def _launch_until_done(plan: Plan, queue: Queue, launch: Launch) -> None:
    while True:
        before = len(queue.study.get_trials(deepcopy=False))
        try:
            launch(plan)
            return
        except MarketlabError:
            raise
        except Exception as error:  # each launcher says in its own way that a worker died
            if len(queue.study.get_trials(deepcopy=False)) == before:
                reason = (str(error).splitlines() or [""])[0][:200]
                raise MarketlabError(
                    f"sweep: workers die before they begin a trial ({type(error).__name__}: "
                    f"{reason})"
                ) from error


def _end(plan: Plan, queue: Queue, console: Console, *, quiet: bool) -> Found:
    trials = queue.trials()
    settings = plan.settings
    failed = [t for t in trials if t.state == TrialState.FAIL]
    if not any(t.state == TrialState.COMPLETE for t in trials):
        if failed:
            reason = failed[0].user_attrs.get(REASON, "for no reason that was recorded")
            raise MarketlabError(
                f"sweep: {len(failed)} of {len(trials)} trials failed and none ended well; the "
                f"first: {reason}"
            )
        raise MarketlabError(
            "sweep: no trial has ended yet: give it more sweep.timeout, or wait for the others"
        )
    left = settings.trials - len(trials)
    if left > 0 and (settings.deadline is None or time.time() < settings.deadline):
        console.print(f"the space has no more than {len(trials)} points", highlight=False)
    trial = chosen(trials, settings)
    words = plan.trial_words(trial.params)
    page = plan.folder / PAGE
    (plan.folder / BEST).write_text(
        json.dumps(
            {"study": plan.name, "trial": trial.number, "value": trial.values[0],
             "params": trial.params, "overrides": words, "trials": len(trials)},
            indent=1,
        )
    )  # fmt: skip
    storage = hidden(settings.storage) if settings.storage else str(plan.folder / JOURNAL)
    done = Refit()
    try:
        if settings.refit:
            done = refit(plan, queue, trial, quiet=quiet)
        else:
            note_search(plan, queue, trial)
    finally:
        write_page(page, queue.study, plan, trials, trial, done.path, storage)
    return Found(plan.name, trials, trial, words, page, done.path, done.run, done.grown)

"""A worker: a plan and its queue in; trials run, one after the other, until none is left.

Every launcher's job is one of these, and so is a second process on the same study.
"""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import optuna
import torch
from optuna.pruners import NopPruner

from ...errors import MarketlabError
from ..prepared import prepare
from .data_cache import DataCache
from .objective import Result, run_objective
from .plan import Plan
from .pruning import OutOfTime, Reporter
from .queue import Queue

if TYPE_CHECKING:
    from optuna.trial import Trial

    from ..prepared import Prepared
    from ..recipe import Recipe

SNAPSHOT = "snapshot"
"""The study's attribute that says on which data its trials stand."""
MOST_REASON = 300


def work(plan: Plan, queue: Queue) -> None:
    """Run trials until none is left.

    Raises
    ------
    MarketlabError
        If the data, which all trials share, do not serve.
    """
    cache = DataCache(lambda recipe: _prepare(plan, queue, recipe))
    while (trial := queue.next()) is not None:
        try:
            if not _run(plan, queue, trial, cache):
                return
        except BaseException:
            # Ctrl-C, or an error that is no single trial's: it runs again when the search resumes.
            queue.put_back(trial)
            raise


def _run(plan: Plan, queue: Queue, trial: Trial, cache: DataCache) -> bool:
    """Run one trial and record what came of it; False when the time is over."""
    prunes = (
        list(plan.settings.goals) == ["valid_loss"]
        and plan.compares_epochs
        and not isinstance(plan.settings.pruner, NopPruner)
    )
    reporter = Reporter(trial if prunes else None, plan.settings.deadline)
    try:
        recipe = plan.trial_recipe(trial.params)
    except MarketlabError as error:
        queue.fail(trial, _reason(error))
        return True
    try:
        torch.set_num_threads(recipe.threads)
        prepared = cache.get(recipe, shared=plan.shares_data)
    except MarketlabError as error:
        if plan.shares_data:
            raise
        queue.fail(trial, _reason(error))
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            result = run_objective(recipe, prepared, reporter, same_parts=plan.shares_data)
    except optuna.TrialPruned as error:
        queue.prune(trial, str(error))
    except OutOfTime:
        queue.put_back(trial)
        return False
    except MarketlabError as error:
        queue.fail(trial, _reason(error))
    except Exception as error:  # whatever a library raises is one trial's failure, not the search's
        queue.fail(trial, f"{type(error).__name__}: {_reason(error)}".rstrip(": "))
        gc.collect()  # the traceback held what the trial had in memory
    else:
        _record(plan, queue, trial, result)
    return True


def _prepare(plan: Plan, queue: Queue, recipe: Recipe) -> Prepared:
    """Build a recipe's data, from the snapshot that the search began with."""
    known = queue.study.user_attrs.get(SNAPSHOT)
    prepared = prepare(recipe, snapshot=known)
    if known is None:
        queue.study.set_user_attr(SNAPSHOT, prepared.loaded.snapshot.sha256)
    return prepared


def _record(plan: Plan, queue: Queue, trial: Trial, result: Result) -> None:
    values: Sequence[float] = [result.value(metric) for metric in plan.settings.goals]
    if not all(map(math.isfinite, values)):
        queue.fail(trial, f"{'/'.join(plan.settings.goals)} is {values}")
        return
    queue.complete(trial, values, result.attributes())


def _reason(error: BaseException) -> str:
    text = str(error)
    return text.splitlines()[0][:MOST_REASON] if text.strip() else ""

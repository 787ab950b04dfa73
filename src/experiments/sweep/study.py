"""A plan in; its study, opened or made, and its queue out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from ...errors import ConfigError
from .plan import Plan, sweep_folder
from .queue import Queue
from .settings import read_settings
from .storage import lock_folder, open_storage

GOALS, RECIPE, SPACE = "goals", "recipe", "space"


def open_queue(plan: Plan) -> Queue:
    """Open the plan's study, or make it.

    Raises
    ------
    ConfigError
        If the storage cannot be opened, or holds a study of this name with another recipe, space
        or objective.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    settings, name = plan.settings, plan.name
    locks = lock_folder(settings.storage, plan.folder)
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        locks.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{error.filename}: cannot write a sweep there ({error.strerror}); set paths.outputs="
        ) from error
    # Databases are made here too, and two processes may well start at once.
    with FileLock(locks / "study.lock"):
        storage = open_storage(settings.storage, plan.folder)
        _open(plan, storage)
    return Queue(storage, name, settings, plan.space, plan.recipe.seed, locks)


def _open(plan: Plan, storage: BaseStorage) -> None:
    goals = plan.settings.goals
    ours = {GOALS: [list(goal) for goal in goals.items()], RECIPE: plan.fingerprint}
    try:
        known = {summary.study_name for summary in optuna.get_all_study_summaries(storage, False)}
        study = optuna.create_study(
            storage=storage,
            study_name=plan.name,
            directions=[StudyDirection[way.upper()] for way in goals.values()],
            load_if_exists=True,
        )
    except (StorageInternalError, ValueError, KeyError) as error:
        raise ConfigError(
            f"sweep: the study {plan.name!r} cannot be opened ({str(error).splitlines()[0]}): set "
            "another sweep.name= or sweep.storage="
        ) from error
    if plan.name not in known or not study.user_attrs:
        for key, value in {**ours, SPACE: plan.space.texts}.items():
            study.set_user_attr(key, value)
        return
    theirs = study.user_attrs
    directions = [direction.name.lower() for direction in study.directions]
    if directions != list(goals.values()) or theirs.get(GOALS) != ours[GOALS]:
        found = ", ".join(" ".join(goal[::-1]) for goal in theirs.get(GOALS) or []) or directions
        raise ConfigError(
            f"sweep: the study {plan.name!r} is there to {found}, not to "
            f"{', '.join(f'{way} {metric}' for metric, way in goals.items())}: set another "
            "sweep.name="
        )
    if theirs.get(RECIPE) != plan.fingerprint:
        raise ConfigError(
            f"sweep: the study {plan.name!r} searched another recipe or space, whose values cannot "
            "stand beside this one's: set another sweep.name="
        )


def known_space(node: Any, outputs: Path) -> dict[str, str]:
    """Return the space of a study that is there, as whoever made it wrote it.

    Parameters
    ----------
    node : plain ``sweep`` node, which names the study
    outputs : Path
        Folder of all runs.
    """
    settings = read_settings(node)
    assert settings.name is not None
    storage = open_storage(settings.storage, sweep_folder(outputs, settings.name))
    study = optuna.load_study(study_name=settings.name, storage=storage)
    return dict(study.user_attrs[SPACE])

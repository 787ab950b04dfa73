"""train: a recipe in, a run directory out.

One model a fold, judged beside the yardsticks on the test rows of all folds, which it never saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigError, MarketlabError, RunError
from .attempt import CONFIG, attempt
from .configs import compose_config
from .fold_record import RECORD
from .recipe import Recipe
from .run import Run
from .rundir import PARTIAL, claimed, discard, new_run_id, open_partial
from .start import START, Start, now

SAVED = ("rerun", "resume")
"""Keys that name a run directory, whose saved config then takes the place of a composed one."""


def train(overrides: Sequence[str] = (), *, quiet: bool = False) -> Run:
    """Train what the overrides choose, as ``marketlab-train`` does.

    Parameters
    ----------
    overrides : Hydra overrides
        Such as ``["experiment=us_volatility", "model=lightgbm", "seed=1"]``; or ``rerun=`` or
        ``resume=`` and a run directory, which `rerun` and `resume` explain.
    quiet : bool
        Show no progress.

    Raises
    ------
    MarketlabError
        In one line, for anything that the user can mend.
    """
    if names_a_run(overrides):
        from .rerun import rerun_words
        from .resume import resume_words

        if any(word.startswith("resume=") for word in overrides):
            return resume_words(overrides, quiet=quiet)
        return rerun_words(overrides, quiet=quiet).run
    config, choices = compose_config("train", overrides)
    if config.get("sweep") is not None:
        raise ConfigError("a search is not one run: call marketlab.sweep, or add -m to the command")
    return train_config(config, choices, overrides, quiet=quiet)


def names_a_run(words: Sequence[str]) -> bool:
    """Whether the words of a command line repeat or resume a run instead of composing one."""
    return any(word.startswith(tuple(f"{key}=" for key in SAVED)) for word in words)


def train_config(
    config: DictConfig,
    choices: Mapping[str, str],
    overrides: Sequence[str] = (),
    *,
    quiet: bool = False,
    extra: Mapping[str, Any] | None = None,
    snapshot: str | None = None,
    run_id: str | None = None,
) -> Run:
    """Train a composed config; see `train`.

    Parameters
    ----------
    config : DictConfig
    choices : group -> choice
    overrides : words of the command line, to be recorded
    quiet : bool
    extra : mapping, optional
        Further entries of the manifest, plain JSON. ``sweep.trials`` is the number of trials from
        which this recipe was chosen: it goes into the ledger.
    snapshot : str, optional
        A hash: read this snapshot, whatever the recipe says.
    run_id : str, optional
        The run's id, from `new_run_id`. What a stopped run of this id and recipe left is gone on
        with; what one of another recipe left is removed.
    """
    for key in SAVED:
        if config.get(key) is not None:
            raise ConfigError(f"{key}= goes with KEY=VALUE words alone, without -m or other flags")
    composed = OmegaConf.masked_copy(config, [str(key) for key in config if key not in SAVED])
    recipe = Recipe.of(composed, choices)
    run_id = run_id or new_run_id(recipe.model_name)
    start = Start(run_id, list(overrides), now(), snapshot, dict(extra or {}))
    partial = recipe.outputs / recipe.name / f"{PARTIAL}{run_id}"
    stopped = _stopped(partial, recipe)
    if stopped is not None:
        start = replace(stopped, extra=start.extra)
    else:
        open_partial(recipe.outputs, recipe.name, run_id)
    try:
        return attempt(recipe, start, partial, quiet=quiet)
    except BaseException as error:
        # What nothing was fitted for is not worth keeping; what was refused cannot be resumed.
        fitted = any(partial.glob(f"folds/*/{RECORD}"))
        begun = not isinstance(error, MarketlabError) and (partial / START).is_file()
        if partial.is_dir() and not fitted and not begun:
            discard(partial)
        raise


def _stopped(partial: Path, recipe: Recipe) -> Start | None:
    """Return how a stopped run of this recipe began; remove what cannot be gone on with."""
    if not partial.is_dir():
        return None
    with claimed(partial):  # refuses while its process is alive
        try:
            start = Start.read(partial)
            if (partial / CONFIG).read_text(encoding="utf-8") == OmegaConf.to_yaml(recipe.config):
                return start
        except (RunError, OSError, UnicodeDecodeError):
            pass  # killed before its first fit, or damaged
    discard(partial)
    return None

"""LightGBM's parameters: ``model.params`` in; nothing, or one line that names the wrong one, out.

LightGBM knows its names, types and ranges best, so it is asked, with a handful of made-up rows.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import lightgbm
import numpy as np
from lightgbm.basic import _ConfigAliases

from ..errors import ConfigError, nearest

_OURS = {
    "objective": "target=",
    "num_class": "target=",
    "seed": "seed=",
    "num_iterations": "model.rounds=",
    "early_stopping_round": "model.patience=",
    "num_threads": "model.threads=",
    "deterministic": "nothing: it is always true",
    "verbosity": "nothing: it is always quiet",
}
"""Set from elsewhere in the recipe."""
# fmt: off
_OUTSIDE = frozenset((
    "config", "convert_model", "data", "forcedbins_filename",
    "forcedsplits_filename", "input_model", "local_listen_port", "machine_list_filename",
    "machines", "num_machines", "output_model", "output_result",
    "parser_config_file", "save_binary", "snapshot_freq", "task",
    "time_out", "tree_learner", "valid",
))
# fmt: on
"""Files and networks: a run reads its snapshot and writes its own directory, and nothing else."""


_UNCHECKED = ("linear_tree", "categorical_feature", "linear_lambda")
"""Trees that `boosting_text` does not know, and would refuse when the run is read."""


def check_params(params: Mapping[str, Any]) -> None:
    """Refuse names that LightGBM does not know, or that are not for a recipe, and bad values.

    Raises
    ------
    ConfigError
    """
    aliases = _ConfigAliases._get_all_param_aliases()
    own = {alias: name for name, others in aliases.items() for alias in (name, *others)}
    for name in params:
        if name not in own:
            hint = nearest(str(name), own)
            hint = hint if "did you mean" in hint else ""
            raise ConfigError(f"model.params: LightGBM has no parameter {name!r}{hint}")
        if own[name] in _OURS:
            raise ConfigError(f"model.params.{name} is not set here: set {_OURS[own[name]]}")
        if own[name] in _OUTSIDE:
            raise ConfigError(
                f"model.params.{name}: a recipe's trees use no files and no other machines; "
                "leave it out"
            )
        if own[name] in _UNCHECKED:
            raise ConfigError(f"model.params.{name}: such trees cannot be read back; leave it out")
    # A list has an entry a feature, and there are other features here.
    asked = {name: value for name, value in params.items() if not isinstance(value, list)}
    reason = _refusal(asked)
    if reason is None:
        return
    for name, value in asked.items():
        if _refusal({other: asked[other] for other in asked if other != name}) is None:
            raise ConfigError(f"model.params.{name}={value!r}: LightGBM wants {reason}")
    raise ConfigError(f"model.params: LightGBM wants {reason}")


def _refusal(params: Mapping[str, Any]) -> str | None:
    """Ask LightGBM; what it answers, in our words."""
    asked = {**params, "verbosity": -1, "num_threads": 1, "objective": "regression"}
    try:
        with _silent():
            data = lightgbm.Dataset(
                np.arange(8.0).reshape(4, 2), label=np.arange(4.0), params=asked
            )
            lightgbm.Booster(asked, data)
    except lightgbm.basic.LightGBMError as error:
        first = str(error).splitlines()[0]
        if found := re.match(r"Check failed: \((\w+)\) (\S+) \((.+?)\) at ", first):
            return " ".join(found.groups())
        said = re.sub(r" at \S+, line \d+ \.?", "", first)
        return f"another value ({said})"
    return None


@contextmanager
def _silent() -> Iterator[None]:
    """Keep from stderr what LightGBM's C++ writes there besides raising it."""
    sys.stderr.flush()
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)

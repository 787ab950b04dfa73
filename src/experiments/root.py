"""The root of a recipe: its plain values in; one line for a key or a value that cannot be, out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

import yaml
from annotated_types import Ge, Le

from ..errors import ConfigError, nearest
from ..ranges import MOST, Count
from .arguments import unfit
from .configs import config_files

PARTS = ("dataset", "features", "target", "split", "scaler", "model", "trainer")
"""The groups without which there is no run."""
_VALUES: Mapping[str, Any] = {
    # NumPy's global generator takes seeds below 2**32, and every fold adds its number.
    "seed": Annotated[int, Ge(0), Le(MOST)],
    "threads": Count,
    "refit": bool,
    "windows.layout": Literal["pooled", "joint"],
    "windows.batch_size": Count,
    "windows.mask": bool,
}


def check_keys(plain: Mapping[str, Any]) -> None:
    """Refuse a key that ``conf/train.yaml`` neither has nor chooses, at the root or a mapping.

    Raises
    ------
    ConfigError
    """
    known = _known()
    _refuse("", plain, [*known, "choices"])
    for name in PARTS:
        if plain.get(name) is None:
            raise ConfigError(f"the recipe lacks a {name}: choose one with {name}=")
    for name, keys in known.items():
        if keys:
            if not isinstance(plain.get(name), Mapping):
                raise ConfigError(
                    f"{name}={plain.get(name)!r} must be a mapping: set {name}.{keys[0]}="
                )
            _refuse(f"{name}.", plain[name], keys)


def check_values(plain: Mapping[str, Any]) -> None:
    """Refuse values of the wrong type, or out of range.

    Raises
    ------
    ConfigError
    """
    for place, hint in _VALUES.items():
        value: Any = plain
        for key in place.split("."):
            if key not in value:
                raise ConfigError(f"{place} is missing: add {place}=VALUE")
            value = value[key]
        if wanted := unfit(value, hint):
            raise ConfigError(f"{place}={value!r} must be {wanted}")


def _refuse(prefix: str, plain: Mapping[str, Any], known: list[str]) -> None:
    for key in plain:
        if key not in known:
            raise ConfigError(f"the recipe has no {prefix}{key}{nearest(str(key), known)}")


@cache
def _known() -> dict[str, list[str]]:
    """Return the root's keys, with those inside of the mappings that are no group."""
    root = yaml.safe_load(config_files()["train"])
    root.pop("hydra")
    groups = [key for entry in root.pop("defaults") if isinstance(entry, dict) for key in entry]
    keys = {name: list(node) if isinstance(node, dict) else [] for name, node in root.items()}
    chosen = (group.removeprefix("optional ") for group in groups if "override " not in group)
    return {**{group: [] for group in chosen}, **keys}

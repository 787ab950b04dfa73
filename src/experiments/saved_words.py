"""Words that follow a run directory on the command line: what they mean for its saved recipe.

KEY=VALUE words in; the user's own folders, and the saved config with its values changed, out. Hydra
cannot apply them: it would compose today's defaults first, and find no place in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..errors import ConfigError, RunError, nearest
from .configs import compose_config, config_files, folder, one_line, resolved

OWN = ("paths", "tracking")
"""Keys that are the user's own, whoever made the run."""
BOOKKEEPING = ("choices", "hydra", "rerun", "resume")
NEEDED = ("dataset", "features", "target", "split", "scaler", "model", "trainer")
SOURCE = ("source", "exchange", "allow_negative", "on_invalid", "ratios", "universe")
"""Keys of a dataset that are used when a snapshot is made, and not when it is read."""


@dataclass(frozen=True)
class SavedWords:
    """What the user said after naming a run.

    Attributes
    ----------
    run : Path
        The run directory.
    data, outputs : Path
        The user's own folders.
    tracking : choice and node, or None where nothing was said
    allow : targets that the saved config may name besides marketlab's
    values : overrides of the saved config
    """

    run: Path
    data: Path
    outputs: Path
    tracking: tuple[str, Any] | None
    allow: tuple[str, ...]
    values: tuple[Override, ...]


def read_words(key: str, words: Sequence[str]) -> SavedWords:
    """Sort the words of a command line that holds ``key=DIRECTORY``.

    Raises
    ------
    ConfigError
        For what is not KEY=VALUE, a sweep, a group, or a key that is added or removed.
    """
    parsed = [_parsed(word) for word in words]
    named = [one for one in parsed if one.key_or_group == key]
    others = [one for one in parsed if one.key_or_group in ("rerun", "resume") and one not in named]
    if len(named) != 1 or others:
        raise ConfigError(f"{key}= goes with one run directory, and without rerun= or resume=")
    run = named[0].value()
    if not isinstance(run, str) or not run:
        raise ConfigError(f"{key}={run} must be a run directory, as in {key}=outputs/NAME/ID")
    own: list[str] = []
    allow: tuple[str, ...] = ()
    values: list[Override] = []
    for one, word in zip(parsed, words, strict=True):
        root = one.key_or_group.partition(".")[0]
        if one is named[0]:
            continue
        if root in OWN:
            own.append(word)
        elif one.key_or_group == "allow":
            allow = _allowed(one.value())
        else:
            _check_value(one, word)
            values.append(one)
    config, choices = compose_config("train", own)
    plain = resolved(OmegaConf.masked_copy(config, list(OWN)))
    tracked = any(word.lstrip("+~").startswith("tracking") for word in own)
    return SavedWords(
        run=Path(run),
        data=folder(plain, "data"),
        outputs=folder(plain, "outputs"),
        tracking=(choices.get("tracking", "none"), plain["tracking"]) if tracked else None,
        allow=allow,
        values=tuple(values),
    )


def _parsed(word: str) -> Override:
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise ConfigError(f"{word} is not KEY=VALUE: {one_line(error)}") from error


def _allowed(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"allow={value} must be a list, as in allow=[{value}]")
    return tuple(str(target) for target in value)


def _check_value(one: Override, word: str) -> None:
    """Refuse what is more than another value of a key."""
    afresh = "a rerun keeps the saved choices; change values, or train afresh with"
    root = one.key_or_group.partition(".")[0]
    if one.type is not OverrideType.CHANGE:
        raise ConfigError(f"{word}: {afresh} {word}")
    if one.is_sweep_override():
        raise ConfigError(f"{word} gives several values: rerun with one at a time")
    if one.package is not None or "/" in one.key_or_group or one.key_or_group in groups():
        raise ConfigError(f"{word}: {afresh} {word}")
    if root in BOOKKEEPING:
        raise ConfigError(f"{word}: {root} is what marketlab notes down, and no part of a recipe")
    parts = one.key_or_group.split(".")
    if parts[0] == "dataset" and len(parts) > 1 and parts[1] in SOURCE:
        raise ConfigError(
            f"{word}: a rerun reads the snapshot of the run and not its source: choose another by "
            f"dataset.snapshot=, or train afresh with {word}"
        )


def groups() -> frozenset[str]:
    """Every group of ``conf/``."""
    return frozenset(name.rpartition("/")[0] for name in config_files() if "/" in name)


def changed(config: DictConfig, values: Sequence[Override]) -> DictConfig:
    """Return a saved config with other values.

    Raises
    ------
    ConfigError
        If it has no such key.
    """
    result = config.copy()
    OmegaConf.set_struct(result, True)
    for one in values:
        key = one.key_or_group
        _require(result, key)
        try:
            OmegaConf.update(result, key, one.value(), merge=True)
        except OmegaConfBaseException as error:
            raise ConfigError(f"{key}: {one_line(error)}") from error
    OmegaConf.set_struct(result, False)
    return result


def _require(config: DictConfig, key: str) -> None:
    node: Any = config
    parts = key.split(".")
    for depth, part in enumerate(parts):
        place = ".".join(parts[:depth]) or "the saved recipe"
        if OmegaConf.is_list(node) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, DictConfig) and part in node:
            node = node[part]
        else:
            names = [str(name) for name in node] if isinstance(node, DictConfig) else []
            raise ConfigError(f"{key}: {place} has no {part!r}{nearest(part, names)}")


def own_config(config: DictConfig, words: SavedWords) -> DictConfig:
    """Put the user's own folders and trackers in the place of the saved ones.

    Keys of the root that the saved config lacks get today's values.

    Raises
    ------
    RunError
        If the saved config is of no recipe.
    """
    today = yaml.safe_load(config_files()["train"])
    for name in NEEDED:
        if not isinstance(config.get(name), DictConfig):
            raise RunError(f"the config of {words.run} lacks {name}: train the run again")
    for name in ("defaults", *BOOKKEEPING):
        today.pop(name, None)
    # First and last: the saved values count, in their saved order.
    merged = OmegaConf.merge(config, OmegaConf.create(today), config)
    assert isinstance(merged, DictConfig)
    merged.paths = {"data": words.data.as_posix(), "outputs": words.outputs.as_posix()}
    if words.tracking is not None:
        merged.tracking = words.tracking[1]
    elif merged.get("tracking") is None:
        merged.tracking = {}
    return merged


def saved_choices(config: DictConfig, words: SavedWords) -> dict[str, str]:
    """Return group -> choice of a saved config, with the user's own trackers."""
    saved = config.get("choices")
    if not isinstance(saved, DictConfig):
        raise RunError(f"the config of {words.run} does not name its choices: train the run again")
    choices = {str(group): str(choice) for group, choice in saved.items()}
    name = choices.get("model", "model")
    if not name or any(not (c.isalnum() or c in "_-./") for c in name) or ".." in name:
        raise RunError(f"the config of {words.run} names a model {name!r}, which none is called")
    if words.tracking is not None:
        choices["tracking"] = words.tracking[0]
    return choices

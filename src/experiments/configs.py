"""Configs: overrides, or a file from a stranger, in; a plain config and the objects it names out.

The user's own command line and config are trusted. A saved config is not: it is plain YAML whose
targets must occur in the installed ``conf/`` or be allowed by the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    OverrideParseException,
)
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..data.disk import given_path
from ..errors import ConfigError, MarketlabError, RunError, nearest
from .arguments import HYDRA, check_arguments

CONFIG_MODULE = "marketlab.conf"
MAX_BYTES = 1_000_000
"""A saved config larger than this is not one of ours."""
MOST_NODES, MOST_DEPTH, MOST_DIGITS = 8_000, 40, 40
"""Nor is one of more values, deeper nested, or with longer numbers."""


def compose_config(root: str, overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    """Compose a root config of ``conf/`` with overrides, as ``hydra.main`` would.

    Returns
    -------
    config, choices
        The config without its ``hydra`` node, and group -> choice.

    Raises
    ------
    ConfigError
        One line for an unknown group, choice or key, a value that does not parse or is missing.
    """
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module(CONFIG_MODULE, version_base="1.3"):
            config = compose(root, overrides=list(overrides), return_hydra_config=True)
            return without_hydra(config, config.hydra)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise ConfigError(one_line(error) + _hint(_text(error), root, overrides)) from error


def without_hydra(config: DictConfig, hydra: Any) -> tuple[DictConfig, dict[str, str]]:
    """Part a composed config from Hydra's own node; see `compose_config`."""
    choices = {
        str(group): str(choice)
        for group, choice in hydra.runtime.choices.items()
        if not str(group).startswith("hydra") and choice is not None
    }
    plain = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    _restore_missing(plain, choices)
    return plain, choices


def _restore_missing(config: DictConfig, choices: Mapping[str, str]) -> None:
    """Put ??? back where a chosen file asks for a value: merged over a null, it is lost."""
    files = config_files()
    for group, choice in choices.items():
        asked = yaml.safe_load(files.get(f"{group}/{choice}", "")) or {}
        for where, key, value in _leaves(asked, group):
            parent = OmegaConf.select(config, where.rpartition(".")[0])
            stated = value == "???" and isinstance(parent, DictConfig) and key in parent
            if stated and parent[key] is None:
                parent[key] = "???"


def resolved(config: DictConfig) -> dict[str, Any]:
    """Return the config as plain values.

    Raises
    ------
    ConfigError
        If a value that the user must choose is missing.
    """
    if missing := sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{missing[0]} must be chosen: add {missing[0]}=VALUE")
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(one_line(error)) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def folder(plain: Mapping[str, Any], key: str) -> Path:
    """Return a folder of ``paths``.

    Raises
    ------
    ConfigError
        If it is none.
    """
    paths = plain["paths"]
    value = paths.get(key) if isinstance(paths, Mapping) else None
    if not isinstance(value, str) or not value:
        raise ConfigError(f"paths.{key}={value!r} must be a folder")
    return given_path(value)


def build(node: Any, what: str, *, kind: type | None = None, **kwargs: Any) -> Any:
    """Build the object that a config node names in ``_target_``.

    Parameters
    ----------
    node : mapping
    what : str
        The node's place in the recipe, for the error.
    kind : type, optional
        What it must be.
    **kwargs
        Further arguments, over those of the node.

    Raises
    ------
    MarketlabError
        What the constructor refused, or one line for a class or an argument that does not exist, or
        a value of the wrong kind.
    """
    plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    if not isinstance(plain, dict) or "_target_" not in plain:
        raise ConfigError(f"{what} has no _target_, the name of the class to build")
    check_arguments(plain, what, kwargs, kind)
    try:
        built = instantiate(node, _convert_="all", **kwargs)
    except InstantiationException as error:
        causes: list[BaseException] = []
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MarketlabError):
                raise cause from error
            causes.append(cause)
            cause = cause.__cause__
        raise ConfigError(f"{what}: {_refusal(causes)}") from error
    if kind is not None and not isinstance(built, kind):
        raise ConfigError(f"{what} is a {type(built).__name__}, not a {kind.__name__}")
    return built


def _refusal(causes: list[BaseException]) -> str:
    """Say what Hydra could not build; `causes` begins with its own exception."""
    text, root = str(causes[0]), one_line(causes[-1])
    if found := re.match(r"Error in call to target '([^']+)'", text):
        return f"{found.group(1).rpartition('.')[2]} cannot be built: {root}"
    if found := re.match(r"Error locating target '([^']+)'", text):
        return f"there is no {found.group(1)!r} to import ({root}); mend _target_"
    return one_line(causes[0])


class _PlainLoader(yaml.SafeLoader):
    """YAML of plain values, and not too many of them: a few hundred bytes can fill the memory."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not allowed")
        self._nodes += 1
        self._depth += 1
        if self._nodes > MOST_NODES or self._depth > MOST_DEPTH:
            raise yaml.YAMLError(f"more than {MOST_NODES} values, or deeper than {MOST_DEPTH}")
        node = super().compose_node(parent, index)
        assert node is not None
        self._depth -= 1
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind not in _PLAIN:
            raise yaml.YAMLError(f"values of the type {kind[:40]!r} are not allowed")
        if kind in ("int", "float") and len(node.value) > MOST_DIGITS:
            raise yaml.YAMLError(f"a number of {len(node.value)} digits")
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = [key.value for key, _ in node.value]
        if len(set(map(str, names))) < len(names):
            raise yaml.YAMLError("a key occurs twice")
        return super().construct_mapping(node, deep)


_PLAIN = ("map", "seq", "str", "int", "float", "bool", "null")


def read_saved(path: Path, allow: Sequence[str] = (), ignore: Sequence[str] = ()) -> DictConfig:
    """Read the config of a run directory, which may come from a stranger.

    Parameters
    ----------
    path : Path
    allow : targets
        Dotted names that the user trusts besides those of the installed ``conf/``.
    ignore : keys of the root
        Of no use to the caller: not checked, and returned as None.

    Raises
    ------
    RunError
        If the file is not plain YAML of a sane size, interpolates, or names a foreign target.
    """
    try:
        if path.exists() and not path.is_file():
            raise RunError(f"{path}: not a config; it is no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise RunError(f"{path}: {path.stat().st_size} bytes is too large for a config")
        config = yaml.load(path.read_text("utf-8"), Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (OSError, ValueError, OverflowError, yaml.YAMLError, RecursionError) as error:
        raise RunError(f"{path}: not a config ({_brief(one_line(error))})") from error
    if not isinstance(config, dict):
        raise RunError(f"{path}: not a config; it holds no mapping")
    if "hydra" in config:
        raise RunError(f"{path}: it holds 'hydra', which a saved config may not")
    config.update(dict.fromkeys(set(ignore) & config.keys()))
    known = known_targets() | set(allow)
    try:
        for where, key, value in _leaves(config, ""):
            if isinstance(value, str) and "${" in value:
                raise RunError(f"{path}: {where} holds '${{', which a saved config may not")
            if key == "_target_" and (not isinstance(value, str) or value not in known):
                raise RunError(
                    f"{path}: {where} names {_brief(repr(value))}, which marketlab does not ship; "
                    f"if you trust it, add allow=[{_brief(str(value))}]"
                )
        for where, key, value in _leaves(config, ""):
            if key in ("_args_", "_convert_", "_recursive_") and not allow:
                raise RunError(f"{path}: {where} is not for a saved config")
            if value == "???":
                raise RunError(f"{path}: {where} is missing")
        return OmegaConf.create(config)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        raise RunError(f"{path}: not a config ({_brief(one_line(error))})") from error


def _brief(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}..."


def _leaves(node: Any, where: str) -> Iterator[tuple[str, str, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        place = f"{where}.{key}" if where else str(key)
        if isinstance(key, str) and "${" in key:
            yield place, key, key
        if isinstance(value, dict | list):
            if key in HYDRA:
                yield place, key, value
            yield from _leaves(value, place)
        else:
            yield place, str(key), value


@cache
def known_targets() -> frozenset[str]:
    """Every ``_target_`` of the installed ``conf/`` that a run is made of; no sweep's."""
    return frozenset(
        value
        for name, text in config_files().items()
        if not name.startswith(("hydra/", "sweep/"))
        for _, key, value in _leaves(yaml.safe_load(text) or {}, "")
        if key == "_target_"
    )


def config_files() -> dict[str, str]:
    """Every YAML of the installed ``conf/``: path without its ending -> text."""
    found = {}
    folders = [(resources.files(CONFIG_MODULE), "")]
    while folders:
        folder, prefix = folders.pop()
        for item in folder.iterdir():
            if item.is_dir():
                folders.append((item, f"{prefix}{item.name}/"))
            elif item.name.endswith(".yaml"):
                found[prefix + item.name.removesuffix(".yaml")] = item.read_text(encoding="utf-8")
    return found


_NOISE = (
    "To append",
    "full_key",
    "object_type",
    "reference_type",
    "Set the environment",
    "See https",
)


# What Hydra says in its own words, in those of a recipe.
_WORDS = (
    (
        r"Could not override '([^']+)'\. No match in the defaults list",
        r"no choice of a group '\1' is made here",
    ),
    (r"Could not override '([^']+)'\.\s*Key '[^']+' is not in struct", r"the recipe has no \1"),
    (r"In '[^']+': Could not (?:find|load) '([^']+)'", r"conf/ has no '\1'"),
    (
        r"Config group override must be a string or a list\. Got \w+",
        "an override sets a group to the name of one of its choices, as in model=ridge",
    ),
    (
        r"Ambiguous value for argument '([^']+)'[\s\S]*",
        r"\1 gives several values: add -m to run them in turn, or write a list as [a,b]",
    ),
)


def one_line(error: BaseException) -> str:
    """Say in one line what Hydra, OmegaConf or YAML found wrong."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{mark.name}: line {mark.line + 1}: not YAML ({error.problem})"
    text = _text(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ends = [
        i for i, line in enumerate(lines) if line.startswith(("Available options", "Config search"))
    ]
    kept = [line for line in lines[: min(ends, default=None)] if not line.startswith(_NOISE)]
    said = " ".join(kept).rstrip(".")
    for pattern, words in _WORDS:
        said = re.sub(pattern, words, said)
    return said


def _text(error: BaseException) -> str:
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override} is not KEY=VALUE: {str(error).splitlines()[0]}; a value with spaces "
            "or brackets needs quotes of its own, as in \"KEY='close / delay(close, 5)'\""
        )
    if isinstance(error, ConfigCompositionException) and error.__cause__ is not None:
        return f"{error}\n{error.__cause__}"
    return str(error)


def _groups(root: str) -> list[str]:
    """Return the groups that a root config chooses from."""
    entries = yaml.safe_load(config_files()[root])["defaults"]
    keys = (key for entry in entries if isinstance(entry, dict) for key in entry)
    return [key for key in keys if not key.startswith("override ")]


def _hint(text: str, root: str, overrides: Sequence[str]) -> str:
    """Suggest the group, choice or key nearest to one that Hydra could not find."""
    names = list(config_files())
    if found := re.search(r"Could not (?:find|load) '([^']+)'", text):
        group, _, choice = found.group(1).rpartition("/")
        return nearest(
            choice, [n.rpartition("/")[2] for n in names if n.rpartition("/")[0] == group]
        )
    if found := re.search(r"Could not override '([^'@]+)'\. No match", text):
        return nearest(found.group(1), _groups(root))
    if found := re.search(r"full_key: ([\w.]+)", text):
        parent, _, key = found.group(1).rpartition(".")
        groups = {name.rpartition("/")[0] for name in names}
        kept = [o for o in overrides if o.partition("=")[0] in groups]
        if len(kept) < len(overrides):
            node = compose_config(root, kept)[0]
            if parent:
                node = OmegaConf.select(node, parent)
            names = [str(name) for name in node] if isinstance(node, DictConfig) else []
            hint = nearest(key, [name for name in names if not name.startswith("_")])
            add = f"; to add it, write +{found.group(1)}=" if parent else ""
            return hint if "did you mean" in hint else hint + add
    return ""

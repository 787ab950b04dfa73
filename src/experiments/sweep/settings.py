"""The ``sweep`` node of a recipe: plain values in, settings that make sense out."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from ...errors import ConfigError, nearest
from ..configs import build

METRICS = {"valid_loss": "minimize", "seconds": "minimize", "size": "minimize"}
"""What a trial is judged by: its validation loss, its training time, its saved model's bytes."""
SELECT = ("best", "one_standard_error")
UNPICKLED = ("CmaEsSampler",)
"""Samplers whose state in the storage is a pickle."""


@dataclass(frozen=True)
class Settings:
    """How a search goes.

    Parameters
    ----------
    trials : int
        How many there shall be in all, whatever processes take part and however often it resumes.
    timeout : float, optional
        Seconds that a command searches; a trial under way is put back and run when it resumes.
    metric : {"valid_loss", "seconds", "size"}
    direction : {"minimize", "maximize"}, optional
        The metric's own unless given.
    objectives : metric -> direction, optional
        Several at once, in the place of `metric`; nothing is pruned then.
    sampler : () -> optuna.samplers.BaseSampler
    pruner : optuna.pruners.BasePruner
        None in the node: nothing is pruned.
    storage : str, optional
        A database's URL, such as ``sqlite:///sweep.db``; by default a journal beside the outputs.
    name : str, optional
        Of the study; by default it follows from the recipe and its space.
    space : parameter -> Hydra's sweep text
    select : {"best", "one_standard_error"}
        Which trial is trained for good: the best, or the smallest within its standard error.
    refit : bool
        Train the chosen trial at the end, and open its test part.
    workers : int, optional
        Jobs at once; by default one, or as many as there are cores for joblib and ray.
    attempts : int
        How often a trial may be begun whose process dies before it is recorded as failed.
    worker, deadline : int, float, optional
        Set for its jobs by the sweeper itself.

    Raises
    ------
    ConfigError
    """

    sampler: Callable[..., Any]
    pruner: Any
    trials: int = 50
    timeout: float | None = None
    metric: str = "valid_loss"
    direction: Literal["minimize", "maximize"] | None = None
    objectives: Mapping[str, str] | None = None
    storage: str | None = None
    name: str | None = None
    space: Mapping[str, str] = field(default_factory=dict)
    select: str = "best"
    refit: bool = True
    workers: int | None = None
    attempts: int = 3
    worker: int | None = None
    deadline: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("trials", self.trials), ("attempts", self.attempts)):
            if value < 1:
                raise ConfigError(f"sweep.{name}={value} must be a whole number from 1 up")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"sweep.workers={self.workers} must be a whole number from 1 up")
        if self.timeout is not None and not self.timeout > 0:
            raise ConfigError(f"sweep.timeout={self.timeout} must be seconds above 0, or null")
        if self.select not in SELECT:
            raise ConfigError(f"sweep.select={self.select!r} must be {' or '.join(SELECT)}")
        if self.storage is not None and "://" not in self.storage:
            raise ConfigError(
                f"sweep.storage={self.storage!r} must be null or the URL of a database, such as "
                "sqlite:///sweep.db"
            )
        if self.name is not None and not _plain_name(self.name):
            raise ConfigError(
                f"sweep.name={self.name!r} names a folder: use letters, digits, '_', '-' and '.'"
            )
        for metric, direction in self.goals.items():
            if metric not in METRICS:
                raise ConfigError(f"sweep: there is no metric {metric!r}{nearest(metric, METRICS)}")
            if direction not in ("minimize", "maximize"):
                raise ConfigError(
                    f"sweep: {metric} must be one to minimize or maximize, not {direction!r}"
                )
        if "valid_loss" not in self.goals and self.select == "one_standard_error":
            raise ConfigError("sweep.select=one_standard_error needs the metric valid_loss")

    @property
    def goals(self) -> dict[str, str]:
        """Metric -> direction, in the order of the study's values."""
        if self.objectives:
            return dict(self.objectives)
        return {self.metric: self.direction or METRICS.get(self.metric, "minimize")}


def read_settings(node: Any) -> Settings:
    """Build the settings from a ``sweep`` node.

    Raises
    ------
    ConfigError
        For an unknown key, class or value.
    """
    if not isinstance(node, dict):
        raise ConfigError(f"sweep={node!r} must be one of conf/sweep/, as in sweep=default")
    if node.get("pruner") is None:
        node = {**node, "pruner": {"_target_": "optuna.pruners.NopPruner"}}
    for part, base in (("sampler", BaseSampler), ("pruner", BasePruner)):
        child = node.get(part)
        if not isinstance(child, dict) or "_target_" not in child:
            raise ConfigError(f"sweep.{part} has no _target_, as in optuna.{part}s.{_usual(part)}")
        for target in _targets(child):
            _check_target(part, target, base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        settings = build({**node, "sampler": {**node["sampler"], "_partial_": True}}, "sweep")
    assert isinstance(settings, Settings)
    return settings


def _usual(part: str) -> str:
    return "TPESampler" if part == "sampler" else "MedianPruner"


def _check_target(part: str, target: Any, base: type) -> None:
    """Let only Optuna's own classes in: a storage is shared, and so are these words."""
    module = getattr(optuna, f"{part}s")
    names = [
        name
        for name in module.__all__
        if isinstance(getattr(module, name), type)
        and issubclass(getattr(module, name), base)
        and not inspect.isabstract(getattr(module, name))
    ]
    prefix, _, name = str(target).rpartition(".")
    if prefix != f"optuna.{part}s" or name not in names:
        raise ConfigError(
            f"sweep.{part}._target_={target!r} must be one of optuna.{part}s"
            f"{nearest(name, [n for n in names if n not in UNPICKLED])}"
        )
    if name in UNPICKLED:
        raise ConfigError(
            f"sweep.{part}._target_={target} keeps its state as a pickle, which could run whatever "
            "the storage holds: choose another, such as optuna.samplers.TPESampler"
        )


def _targets(node: Any) -> Iterator[Any]:
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "_target_":
            yield value
        elif isinstance(value, dict | list):
            yield from _targets(value)


def _plain_name(name: str) -> bool:
    return bool(name) and name[0] != "." and all(c.isalnum() or c in "_-." for c in name)

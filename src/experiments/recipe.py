"""Recipe: a composed config in, the run's collaborators out, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigError, DataError
from .arguments import check_arguments
from .configs import build, folder, resolved
from .provenance import available_threads
from .root import check_keys, check_values

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..data.features import Features
    from ..data.scaling import Scaler
    from ..data.splits import Split
    from ..data.targets import Targets
    from ..data.tensor import Layout
    from ..models.forecaster import Forecaster
    from .tracking import Several


_ANY_WEEK = pd.Timestamp("2022-01-03"), pd.Timestamp("2022-01-07")


@dataclass(frozen=True)
class Recipe:
    """Everything that a run is made of.

    Attributes
    ----------
    config : DictConfig
        Resolved; what ``config.yaml`` holds.
    choices : group -> choice
    """

    config: DictConfig
    choices: Mapping[str, str]
    dataset: Dataset
    features: Features
    targets: Targets
    split: Split
    scaler: Scaler
    tracking: Several

    @staticmethod
    def of(config: DictConfig, choices: Mapping[str, str]) -> Recipe:
        """Build a recipe's parts, and refuse those that do not fit together, before any work.

        Raises
        ------
        ConfigError, ExpressionError
        """
        from ..data.dataset import Dataset
        from ..data.features import Features
        from ..data.targets import Targets

        plain = resolved(config)
        check_keys(plain)
        plain["choices"] = dict(choices)
        if plain["threads"] is None:
            plain["threads"] = available_threads()
        check_values(plain)
        for key in ("data", "outputs"):
            folder(plain, key)
        _check_name("" if plain["name"] is None else str(plain["name"]))
        done = OmegaConf.create(plain)
        recipe = Recipe(
            config=done,
            choices=choices,
            dataset=build(done.dataset, "dataset", kind=Dataset),
            features=build(done.features, "features", kind=Features),
            targets=build(done.target, "target", kind=Targets),
            split=build(done.split, "split"),
            scaler=build(done.scaler, "scaler"),
            tracking=_tracking(plain.get("tracking")),
        )
        if recipe.split.leaks and not recipe.name.startswith("leaky_"):
            done.name = f"leaky_{recipe.name}"
        recipe.check()
        return recipe

    def check(self) -> None:
        """Refuse parts that do not fit together.

        Raises
        ------
        ConfigError
        """
        from ..data.bars.calendars import sessions
        from ..data.tensor import check_layout

        exchange = self.dataset.exchange
        named = exchange.values() if isinstance(exchange, Mapping) else [exchange]
        for key, names in (("clock", [self.dataset.clock]), ("exchange", named)):
            for name in names:
                try:
                    if name is not None:
                        sessions(str(name), *_ANY_WEEK)
                except DataError as error:
                    raise ConfigError(f"dataset.{key}: {error}") from error
        if not callable(getattr(self.split, "folds", None)):
            raise ConfigError(f"split: {type(self.split).__name__} is no split")
        if not callable(self.scaler):
            raise ConfigError("scaler is no function: choose scaler=, or add scaler._partial_=true")
        check_arguments(OmegaConf.to_container(self.config.trainer), "trainer")
        mask = bool(self.config.windows.mask)
        model, labels = self.new_model(), self.targets.labels
        model.check(labels, self.layout)
        check_layout(self.features, self.layout, mask=mask)
        inputs = {
            name: view.shape or (view.rows, len(view.columns) * (1 + mask))
            for name, view in self.features.views.items()
        }
        model.check_views(inputs, labels)

    def plain(self) -> dict[str, Any]:
        """Return the config as plain values."""
        return resolved(self.config)

    @property
    def name(self) -> str:
        """The experiment; a protocol that leaks is always called leaky_*."""
        return str(self.config.name)

    @property
    def model_name(self) -> str:
        """The model's name in tables."""
        return self.choices.get("model", "model")

    @property
    def seed(self) -> int:
        """Seed of every random choice."""
        return int(self.config.seed)

    @property
    def threads(self) -> int:
        """Threads of every library."""
        return int(self.config.threads)

    @property
    def layout(self) -> Layout:
        """How samples are cut from the panel."""
        layout: Layout = self.config.windows.layout
        return layout

    @property
    def data(self) -> Path:
        """Folder of the snapshots."""
        return Path(self.config.paths.data)

    @property
    def outputs(self) -> Path:
        """Folder of the runs."""
        return Path(self.config.paths.outputs)

    def new_model(self) -> Forecaster:
        """Build an unfitted model; every fold gets its own."""
        from ..models.forecaster import Forecaster

        model: Forecaster = build(self.config.model, "model", kind=Forecaster)
        return model

    def new_trainer(self, **kwargs: Any) -> Any:
        """Build a Lightning Trainer, anew for each fold: one Trainer trains only once.

        `callbacks` given here are appended to the recipe's.
        """
        callbacks = list(kwargs.pop("callbacks", []))
        node = OmegaConf.to_container(self.config.trainer)
        assert isinstance(node, dict)
        own = [
            build(child, f"trainer.callbacks.{index}")
            for index, child in enumerate(node.pop("callbacks", None) or ())
        ]
        return build(node, "trainer", callbacks=[*own, *callbacks], **kwargs)


def _tracking(nodes: Any) -> Several:
    """Build the trackers of ``tracking``, a mapping by name; one alone needs no name."""
    from .tracking import Several

    if nodes is not None and not isinstance(nodes, dict):
        raise ConfigError(f"tracking={nodes!r} must be trackers by name: choose tracking=")
    if nodes and "_target_" in nodes:
        nodes = {"own": nodes}
    trackers = {name: build(node, f"tracking.{name}") for name, node in (nodes or {}).items()}
    for name, tracker in trackers.items():
        if not all(callable(getattr(tracker, call, None)) for call in ("start", "epoch", "finish")):
            raise ConfigError(f"tracking.{name}: {type(tracker).__name__} is no tracker")
    return Several(trackers)


def _check_name(name: str) -> None:
    """Keep a run inside paths.outputs: its name is a folder's."""
    if not name or name.startswith(".") or not all(c.isalnum() or c in "_-." for c in name):
        raise ConfigError(f"name={name!r} names a folder: use letters, digits, '_', '-' and '.'")

"""Recipe: a composed config in, the run's collaborators out, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigError
from .configs import build, folder, resolved
from .provenance import available_threads

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..data.features import Features
    from ..data.scaling import Scaler
    from ..data.splits import Split
    from ..data.targets import Targets
    from ..data.tensor import Layout
    from ..models.forecaster import Forecaster
    from .tracking import Tracking


MOST_SEED = 2**31
"""NumPy's global generator takes seeds below 2**32, and every fold adds its number."""


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
    tracking: Tracking

    @staticmethod
    def of(config: DictConfig, choices: Mapping[str, str]) -> Recipe:
        """Build a recipe's parts, and refuse those that do not fit together, before any work.

        Raises
        ------
        ConfigError, ExpressionError
        """
        plain = resolved(config)
        plain["choices"] = dict(choices)
        if plain["threads"] is None:
            plain["threads"] = available_threads()
        _check_whole("threads", plain["threads"], least=1)
        _check_whole("seed", plain["seed"], least=0, most=MOST_SEED)
        if not isinstance(plain["windows"], dict):
            raise ConfigError(
                f"windows={plain['windows']!r} must be a mapping: set windows.layout="
            )
        _check_whole("windows.batch_size", plain["windows"]["batch_size"], least=1)
        _check_flag("refit", plain["refit"])
        _check_flag("windows.mask", plain["windows"]["mask"])
        for key in ("data", "outputs"):
            folder(plain, key)
        _check_name("" if plain["name"] is None else str(plain["name"]))
        done = OmegaConf.create(plain)
        parts = {
            name: build(done[name], name) for name in ("dataset", "features", "split", "scaler")
        }
        recipe = Recipe(
            config=done,
            choices=choices,
            targets=build(done.target, "target"),
            tracking=build(done.tracking, "tracking"),
            **parts,
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
        from ..data.tensor import check_layout

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
        model: Forecaster = build(self.config.model, "model")
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


def _check_whole(name: str, value: Any, *, least: int, most: int | None = None) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name}={value!r} must be a whole number from {least} up")
    if most is not None and value > most:
        raise ConfigError(f"{name}={value!r} must be at most {most}")


def _check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"{name}={value!r} must be true or false")


def _check_name(name: str) -> None:
    """Keep a run inside paths.outputs: its name is a folder's."""
    if not name or name.startswith(".") or not all(c.isalnum() or c in "_-." for c in name):
        raise ConfigError(f"name={name!r} names a folder: use letters, digits, '_', '-' and '.'")

"""Forecaster: the contract that every model keeps, whatever library it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..data.labels import TASKS, Label, Task
from ..errors import ConfigError

if TYPE_CHECKING:
    from ..data.datamodule import MarketDataModule
    from ..data.windows import Windows
    from .forecast import Forecast

TrainerFactory = Callable[..., Any]
"""Builds a new Lightning Trainer from the recipe: one Trainer trains only its first fold."""


def silent(text: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass
class FitLog:
    """Where a fit says how it is going.

    Attributes
    ----------
    directory : Path
        Logs and checkpoints of this fold go here.
    progress : (text, done, total) -> None
        Called once an epoch or iteration.
    epoch_ended : (entry) -> None
        Told each entry of the history as it is recorded.
    history : list of {"epoch", "train_loss", "valid_loss"}
        One entry an epoch, in scaled units; empty for models with a closed form.
    checkpoint : Path, optional
        Where a long fit may write its state now and then. If a file is there, the fit goes on from
        it, and ends at the same bits; one that cannot be read is as good as none.
    validated : (step, loss) -> None
        Told each validation loss as soon as there is one; it may raise, to end a fit that does not
        pay. A step is an epoch or a round, and never comes twice.
    """

    directory: Path
    progress: Callable[[str, int, int], None] = silent
    epoch_ended: Callable[[Mapping[str, float]], None] | None = None
    history: list[dict[str, float]] = field(default_factory=list)
    checkpoint: Path | None = None
    validated: Callable[[int, float], None] | None = None
    _step: int = field(default=0, repr=False)

    def record(self, entry: dict[str, float]) -> None:
        """Add an epoch to the history and tell whoever follows it."""
        self.history.append(entry)
        if self.epoch_ended is not None:
            self.epoch_ended(entry)
        if "epoch" in entry and "valid_loss" in entry:
            self.validate(int(entry["epoch"]), entry["valid_loss"])

    def validate(self, step: int, loss: float) -> None:
        """Pass a validation loss on, once a step: a history that is written late repeats some."""
        if self.validated is not None and step > self._step:
            self._step = step
            self.validated(step, loss)


class Forecaster(ABC):
    """Fit on a fold, forecast its windows, be saved without pickle."""

    tasks: ClassVar[frozenset[Task]] = frozenset(TASKS)
    layouts: ClassVar[frozenset[str]] = frozenset({"pooled", "joint"})

    @property
    def past(self) -> int | None:
        """Rows of the target's own past that a forecast reads: 0 none, None all of it."""
        return 0

    def check(self, labels: Sequence[Label], layout: str) -> None:
        """Refuse, before any work, targets or a layout that this model cannot serve.

        Raises
        ------
        ConfigError
        """
        name = type(self).__name__
        for label in labels:
            if label.task not in self.tasks:
                raise ConfigError(
                    f"{name} forecasts {', '.join(sorted(self.tasks))}, not the {label.task} "
                    f"target {label.target!r}: choose another model= or target="
                )
        if layout not in self.layouts:
            raise ConfigError(
                f"{name} does not read layout {layout!r}: set windows.layout="
                f"{' or '.join(sorted(self.layouts))}"
            )

    def check_views(  # noqa: B027 - most models read any view
        self, inputs: Mapping[str, tuple[int, ...]], labels: Sequence[Label]
    ) -> None:
        """Refuse, before any work, views that this model cannot read; by default it reads all.

        Parameters
        ----------
        inputs : view -> shape of one sample
            Of one symbol: how many a joint sample holds is not known before the data are.
        labels : sequence of Label

        Raises
        ------
        ConfigError
        """

    @abstractmethod
    def fit(self, data: MarketDataModule, trainer: TrainerFactory, log: FitLog) -> None:
        """Learn from ``data.train``; ``data.valid`` may say when to stop, ``data.test`` nothing."""

    @abstractmethod
    def predict(self, windows: Windows) -> Forecast:
        """Forecast every sample of `windows`, in the targets' own units."""

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write what `load` needs into an existing folder."""

    @abstractmethod
    def load(self, directory: Path) -> None:
        """Restore what was fitted into an instance built from the same config.

        Raises
        ------
        RunError
            If the folder does not hold this model.
        """

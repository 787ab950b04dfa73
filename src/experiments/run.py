"""Run: a finished run directory, as a notebook holds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .rundir import listed, read_manifest

if TYPE_CHECKING:
    from .evaluated import Evaluation


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes
    ----------
    path : Path
        Its directory.
    evaluation : Evaluation or None
        What `train` found, while in the same process; `metrics` is there always.
    """

    path: Path
    evaluation: Evaluation | None = None

    @staticmethod
    def load(path: str | Path) -> Run:
        """Open a run directory and check every file in it.

        Raises
        ------
        RunError
            If it is missing, incomplete, changed, or of a newer format.
        """
        run = Run(Path(path))
        assert run.manifest
        return run

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What ``manifest.json`` holds."""
        return read_manifest(self.path)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What ``metrics.json`` holds."""
        metrics = json.loads(listed(self.manifest, self.path, "metrics.json").read_text())
        assert isinstance(metrics, dict)
        return metrics

    @property
    def predictions(self) -> pd.DataFrame:
        """Test forecasts of the model and the yardsticks, one row a quantity."""
        return pd.read_parquet(listed(self.manifest, self.path, "predictions.parquet"))

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.path / "report.html"

    def predict(
        self,
        since: str | None = None,
        snapshot: str | None = None,
        data: str | Path = "data",
        allow: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Forecast with the run's newest model; see `marketlab.predict`."""
        from .predict import predict

        return predict(self.path, since=since, snapshot=snapshot, data=data, allow=allow)

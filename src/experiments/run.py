"""Run: a finished run directory, as a notebook holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..data.plain_json import read_json
from ..errors import RunError
from .ledger import Opened
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
        path = listed(self.manifest, self.path, "metrics.json")
        try:
            return dict(read_json(path))
        except (OSError, ValueError, TypeError) as error:
            raise RunError(f"{path}: not the metrics of a run ({error}); train it again") from error

    @property
    def opened(self) -> Opened | None:
        """How often the test period was opened before; None where nobody counted."""
        counts = self.manifest.get("ledger")
        if not isinstance(counts, dict):
            return None
        names = ("opened_before", "trials_before", "trials", "searched_before")
        return Opened(*(int(counts.get(name) or 0) for name in names))

    @property
    def predictions(self) -> pd.DataFrame:
        """Test forecasts of the model and the yardsticks, one row a quantity."""
        path = listed(self.manifest, self.path, "predictions.parquet")
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError, LookupError) as error:
            reason = str(error).splitlines()[0]
            raise RunError(
                f"{path}: not the forecasts of a run ({reason}); train it again"
            ) from error

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

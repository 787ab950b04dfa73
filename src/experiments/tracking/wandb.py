"""WandbTracker: a run in; the same run in Weights & Biases, or on disk for ``wandb sync``, out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ...errors import ConfigError
from ...ranges import Positive

Mode = Literal["online", "offline"]
RETRIES = 2


class WandbTracker:
    """Weights & Biases.

    A run there has the id of ours, so that one that is resumed goes on where it stopped.

    Parameters
    ----------
    project : str
    mode : {"online", "offline", None}
        None: online if WANDB_API_KEY is set, else offline (``wandb sync`` sends it later).
    timeout : float
        Seconds that the server may take to answer, and to receive what is left at the end.

    Raises
    ------
    ConfigError
        If wandb is not installed.
    """

    def __init__(
        self, project: str = "marketlab", mode: Mode | None = None, timeout: Positive = 10.0
    ) -> None:
        # Read when wandb is imported. What fails is ours to say, and nobody else's to know.
        os.environ.setdefault("WANDB_SILENT", "true")
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            import wandb
        except ImportError as error:
            raise ConfigError(
                "tracking=wandb needs Weights & Biases: pip install 'marketlab[wandb]'"
            ) from error
        if mode not in ("online", "offline", None):
            raise ConfigError(f"tracking.wandb.mode={mode!r} must be online, offline or null")
        self._wandb = wandb
        self._project = project
        fallback: Mode = "online" if os.environ.get("WANDB_API_KEY") else "offline"
        self._mode = mode or fallback
        self._timeout = timeout
        self._run: Any = None

    def start(self, name: str, run_id: str, config: Mapping[str, Any], folder: Path) -> None:
        """Open a W&B run of the same id, or go on with it; its files go to ``<folder>/wandb``."""
        seconds = max(1, round(self._timeout))
        self._run = self._wandb.init(
            project=self._project,
            id=run_id,
            name=run_id,
            resume="allow",
            group=name,
            config=dict(config),
            dir=str(folder),
            mode=self._mode,
            settings=self._wandb.Settings(
                silent=True,
                console="off",
                init_timeout=self._timeout,
                login_timeout=self._timeout,
                finish_timeout=self._timeout,
                finish_timeout_raises=True,
                x_graphql_retry_max=RETRIES,
                x_graphql_timeout_seconds=seconds,
                x_file_stream_retry_max=RETRIES,
                x_file_stream_timeout_seconds=seconds,
                x_file_transfer_retry_max=RETRIES,
                x_file_transfer_timeout_seconds=seconds,
            ),
        )

    def epoch(self, fold: int, entry: Mapping[str, float]) -> None:
        """Log the fold's losses under its own name."""
        self._run.log({f"fold_{fold:02d}/{key}": value for key, value in entry.items()})

    def finish(self, summary: Mapping[str, float], run: Path | None) -> None:
        """Write the summary, hand over the report and the models, and close the run."""
        try:
            self._run.summary.update(dict(summary))
            if run is not None:
                self._log("report", run, [run / "report.html"])
                self._log("model", run, sorted([*run.glob("folds/**/*"), *run.glob("final/**/*")]))
        finally:  # one that is left open would be closed, and waited for, as the process ends
            self._run.finish(exit_code=0 if summary else 1)

    def _log(self, kind: str, run: Path, files: list[Path]) -> None:
        """Log files as one artifact, named by their paths in the run directory."""
        artifact = self._wandb.Artifact(re.sub(r"[^\w.-]", "-", f"{run.name}-{kind}"), type=kind)
        for file in files:
            if file.is_file():
                # A run directory never changes, so that W&B need not keep a copy of its own.
                place = file.relative_to(run).as_posix()
                artifact.add_file(str(file), name=place, policy="immutable")
        self._run.log_artifact(artifact)

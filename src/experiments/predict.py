"""predict: a finished run and newer bars in, forecasts out; only the rows needed are computed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..data.scaling import FoldScalers
from ..data.windows import Windows, build_tensor
from ..errors import ConfigError, DataError, RunError
from .configs import build, read_saved
from .rundir import listed, read_manifest

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..data.features import Features
    from ..data.targets import Targets
    from ..models.forecaster import Forecaster

SUFFIXES = (".csv", ".parquet", ".json")


def predict(
    run: str | Path,
    *,
    since: str | None = None,
    snapshot: str | None = None,
    data: str | Path = "data",
    allow: Sequence[str] = (),
) -> pd.DataFrame:
    """Forecast with the newest model of a run.

    Parameters
    ----------
    run : path of a run directory
    since : date, UTC
        Forecast at every decision time from then on; by default at the newest alone.
    snapshot : "latest", a hash, or a path
        Newer bars than those of the run.
    data : path
        Folder of the snapshots.
    allow : targets
        Dotted names that the run's saved config may build, besides those of marketlab.

    Returns
    -------
    DataFrame
        time (decision, UTC), symbol, target, horizon (rows ahead), quantity, value (in the
        target's units).

    Raises
    ------
    RunError, SnapshotError, DataError
        In one line, if the run or its data cannot be read, or there are too few rows.
    """
    directory = Path(run)
    manifest = read_manifest(directory)
    config = read_saved(listed(manifest, directory, "config.yaml"), allow)
    place = manifest["predict_with"]
    scalers = FoldScalers.load(listed(manifest, directory, f"{place}/scaler.json"))
    dataset: Dataset = build(config.dataset, "dataset")
    features: Features = build(config.features, "features")
    targets: Targets = build(config.target, "target")
    model: Forecaster = build(config.model, "model")
    model.load(directory / place / "model")

    panel = dataset.load(Path(data), snapshot=snapshot or manifest["data"]["snapshot"]).panel
    trained = tuple(manifest["data"]["symbols"])
    if config.windows.layout == "joint" and panel.symbols != trained:
        raise DataError(
            f"the bars hold {len(panel.symbols)} symbols, but {directory.name} was trained jointly "
            f"on {', '.join(trained)}: fetch the same ones"
        )
    wanted = _wanted_row(panel.times, since)
    needed = features.warmup + features.longest_view - 1
    if wanted < needed:
        raise DataError(
            f"{panel.times[wanted]:%Y-%m-%d} is row {wanted} of the data, but the features need "
            f"{needed} rows before it: choose a later since= or a longer snapshot"
        )
    start = max(0, wanted - _reach(features, targets, model))
    tensor = build_tensor(
        panel.rows(start, len(panel.times)), features, targets, config.windows.layout,
        mask=bool(config.windows.mask), verify=False,
    )  # fmt: skip
    rows = np.arange(wanted - start, len(tensor.times), dtype=np.int64)
    windows = Windows(tensor, rows, scalers, labelled=False)
    if not len(windows):
        raise DataError(f"no symbol has a bar at {panel.times[-1]}: fetch again, or give since=")
    return model.predict(windows).frame()


def _wanted_row(times: pd.DatetimeIndex, since: str | None) -> int:
    if since is None:
        return len(times) - 1
    try:
        instant = pd.Timestamp(since)
    except ValueError as error:
        raise ConfigError(f"since={since!r} is no date; write it as YYYY-MM-DD") from error
    instant = instant.tz_localize("UTC") if instant.tzinfo is None else instant.tz_convert("UTC")
    row = int(times.searchsorted(instant))
    if row == len(times):
        raise DataError(f"since={since} is after the newest decision time, {times[-1]}")
    return row


def _reach(features: Features, targets: Targets, model: Forecaster) -> int:
    """Rows before a decision time that its forecast reads; more than any panel has for all."""
    everything = 1 << 62
    back, past, target = features.lookback, model.past, targets.lookback
    if back is None or past is None or target is None:
        return everything
    return max(back + features.longest_view - 1, target + targets.purge + past)


def save_table(table: pd.DataFrame, output: Path) -> None:
    """Write forecasts as what the ending of `output` says.

    Raises
    ------
    ConfigError
        If the ending is none of .csv, .parquet and .json.
    RunError
        If the file cannot be written.
    """
    check_output(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.suffix == ".parquet":
            table.to_parquet(output, index=False)
        elif output.suffix == ".csv":
            table.to_csv(output, index=False)
        else:
            # pandas' own writer rounds to ten decimals, which is nothing left of a small variance.
            times = [time.isoformat() for time in table["time"]]
            values = [float(v) if np.isfinite(v) else None for v in table["value"]]
            records = table.assign(time=times).astype(object).assign(value=values)
            output.write_text(json.dumps(records.to_dict("records"), indent=1, allow_nan=False))
    except OSError as error:
        raise RunError(f"output={output}: cannot be written ({error.strerror})") from error


def check_output(output: Path) -> None:
    """Refuse an ending that names no format, before any work."""
    if output.suffix not in SUFFIXES:
        raise ConfigError(f"output={output} must end in one of {', '.join(SUFFIXES)}")

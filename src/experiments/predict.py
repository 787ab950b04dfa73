"""predict: a finished run and newer bars in, forecasts out; only the rows needed are computed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from rich.console import Console

from ..data.dataset import Dataset
from ..data.features import Features
from ..data.scaling import FoldScalers
from ..data.targets import Targets
from ..data.tensor import build_tensor
from ..data.windows import Windows
from ..errors import ConfigError, DataError, RunError
from ..models.forecaster import Forecaster
from .configs import build, read_saved
from .rundir import MANIFEST, listed, read_manifest, recorded_snapshot

Part = TypeVar("Part")
FORMATS = (".json", ".safetensors", ".txt")
"""Of files that hold a model: numbers and text, which no library runs."""
SUFFIXES = (".csv", ".parquet", ".json")


def predict(
    run: str | Path,
    *,
    since: str | None = None,
    snapshot: str | None = None,
    data: str | Path = "data",
    allow: Sequence[str] = (),
    quiet: bool = True,
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
    quiet : bool
        Do not print the health of the bars to stderr.

    Returns
    -------
    DataFrame
        time (decision, UTC), symbol, target, horizon (rows ahead), quantity, value (in the
        target's units); for every symbol that has a bar at the time, and is a member of the
        universe then where the dataset has one.

    Raises
    ------
    RunError, SnapshotError, DataError
        In one line, if the run or its data cannot be read, or there are too few rows.
    """
    directory = Path(run)
    manifest = read_manifest(directory)
    try:
        place = str(manifest["predict_with"])
        recorded, trained = manifest["data"]["snapshot"], tuple(manifest["data"]["symbols"])
    except (KeyError, TypeError) as error:
        raise RunError(
            f"{directory / MANIFEST} lacks what a forecast needs ({error}); train the run again"
        ) from error
    recorded = recorded_snapshot(recorded, directory / MANIFEST)
    _vouched(manifest, directory, place, trusted=bool(allow))
    path = listed(manifest, directory, "config.yaml")
    config = read_saved(path, allow)
    scalers = FoldScalers.load(listed(manifest, directory, f"{place}/scaler.json"))
    dataset = _part(config, path, "dataset", Dataset)
    features = _part(config, path, "features", Features)
    targets = _part(config, path, "target", Targets)
    model: Forecaster = _part(config, path, "model", Forecaster)  # type: ignore[type-abstract]
    windows_config = _node(config, path, "windows")
    layout, mask = windows_config.get("layout"), bool(windows_config.get("mask"))
    if layout not in ("pooled", "joint"):
        raise RunError(f"{path}: windows.layout={layout!r} must be pooled or joint")
    try:
        model.load(directory / place / "model")
    except (
        LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError,
        MemoryError, OSError,
    ) as error:  # fmt: skip
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise RunError(
            f"{directory / place / 'model'}: not what {type(model).__name__} saved ({reason}); "
            "train the run again"
        ) from error

    # Its own snapshot is what the run was made of, wherever the source's files are now.
    loaded = dataset.load(Path(data), snapshot=snapshot or recorded, compared=snapshot is not None)
    Console(stderr=True, quiet=quiet).print(loaded.health.render())
    panel = loaded.panel
    if layout == "joint" and panel.symbols != trained:
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
        panel.rows(start, len(panel.times)), features, targets, layout, mask=mask, verify=False
    )  # fmt: skip
    widths = tensor.n_out * len(tensor.columns), tensor.n_out * len(tensor.labels)
    if (len(scalers.inputs.center), len(scalers.labels.center)) != widths:
        raise RunError(
            f"{directory / place / 'scaler.json'}: its scales are not of these features and "
            "targets; train the run again"
        )
    rows = np.arange(wanted - start, len(tensor.times), dtype=np.int64)
    windows = Windows(tensor, rows, scalers, labelled=False)
    if not len(windows):
        who = "symbol" if tensor.member is None else "member of the universe"
        raise DataError(f"no {who} has a bar at {panel.times[-1]}: fetch again, or give since=")
    frame = model.predict(windows).frame()
    if layout == "joint":  # it answers for all symbols, listed yet or not
        there = tensor.present[windows.rows].reshape(-1)
        frame = frame[np.tile(there, len(frame) // len(there))].reset_index(drop=True)
    return frame


def _node(config: DictConfig, path: Path, name: str) -> Any:
    node = config.get(name)
    if not isinstance(node, DictConfig):
        raise RunError(f"{path} lacks {name}; train the run again")
    return node


def _part(config: DictConfig, path: Path, name: str, kind: type[Part]) -> Part:
    """Build a part of a saved recipe, which may come from a stranger, and see what it is."""
    part: Part = build(_node(config, path, name), f"{path}: {name}", kind=kind)
    return part


def _vouched(manifest: Mapping[str, Any], directory: Path, place: str, *, trusted: bool) -> None:
    """Refuse a model beside whose files lie others: only those listed were checked.

    A model of the user's own, which `trusted` says, may keep files of any format.
    """
    folder = directory / place
    known = f"{place}/scaler.json" in manifest["files"] and ".." not in Path(place).parts
    if not known or not folder.is_dir():
        raise RunError(f"{directory} lacks its model {place[:80]!r}; train the run again")
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise RunError(f"{path} is no plain file, and marketlab wrote none such: train again")
        if path.is_file() and path.relative_to(directory).as_posix() not in manifest["files"]:
            raise RunError(f"{path} is not of this run: remove it, or train the run again")
        known = path.suffix in FORMATS or trusted
        if path.is_file() and path.parent.name == "model" and not known:
            raise RunError(
                f"{path}: no model of marketlab is kept in that format; train the run again"
            )


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
            records = [_record(row) for row in table.itertuples(index=False)]
            output.write_text(json.dumps(records, indent=1, allow_nan=False))
    except OSError as error:
        raise RunError(f"output={output}: cannot be written ({error.strerror})") from error


def _record(row: Any) -> dict[str, Any]:
    record = {**row._asdict(), "time": row.time.isoformat()}
    return record | {"value": row.value if np.isfinite(row.value) else None}


def check_output(output: Path) -> None:
    """Refuse an ending that names no format, before any work."""
    if output.suffix not in SUFFIXES:
        raise ConfigError(f"output={output} must end in one of {', '.join(SUFFIXES)}")

"""Entries of a comparison: paths in; runs, each with its recipe and its labels, out.

Every run directory may come from a stranger: its files are checked against its manifest, and what
is read from them is checked again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from omegaconf import OmegaConf

from ...data.labels import TASKS, Label
from ...errors import ConfigError, RunError
from ..configs import read_saved
from ..metrics import cell_loss
from ..run import Run
from ..rundir import MANIFEST, PARTIAL, listed

Floats = npt.NDArray[np.float64]
CELLS = ["time", "symbol"]
HIDDEN = ("choices", "paths", "tracking", "threads")
"""Keys of a recipe that say nothing of the forecasts."""


@dataclass(frozen=True)
class Forecasts:
    """One forecaster's answers for one label, one row a cell.

    Attributes
    ----------
    cells : MultiIndex of (time, symbol), sorted, each once
    truth : (S,)
    values : (S, Q)
    losses : (S,) NaN where either is missing
    """

    cells: pd.MultiIndex
    truth: Floats
    values: Floats
    losses: Floats

    def at(self, cells: pd.MultiIndex) -> Forecasts:
        """Return the same at some of the cells, in their order."""
        rows = self.cells.get_indexer(cells)
        return Forecasts(cells, self.truth[rows], self.values[rows], self.losses[rows])

    @property
    def answered(self) -> pd.MultiIndex:
        """The cells with a truth and a forecast."""
        return self.cells[np.isfinite(self.losses)]


@dataclass(frozen=True)
class Entry:
    """A run that takes part."""

    run: Run
    model: str
    labels: Mapping[str, Label]
    recipe: Mapping[str, str]

    @property
    def id(self) -> str:
        """Its name."""
        return self.run.path.name

    def forecasts(self, label: Label) -> dict[str, Forecasts]:
        """Return what every forecaster of the run said of a label, the model first."""
        table = self.run.predictions
        try:
            here = table[(table["target"] == label.target) & (table["horizon"] == label.horizon)]
            names = [str(name) for name in here["model"].unique()]
            found = {name: _forecasts(label, here[here["model"] == name]) for name in names}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            path = self.run.path / "predictions.parquet"
            raise RunError(f"{path}: not a table of forecasts ({_first_line(error)})") from error
        if not found:
            raise RunError(f"{self.run.path} has no forecast of {label.name}: train it again")
        return found


def _forecasts(label: Label, rows: pd.DataFrame) -> Forecasts:
    # Where several folds test a cell, the newest counts.
    rows = rows.drop_duplicates([*CELLS, "quantity"], keep="last")
    wide = rows.set_index([*CELLS, "quantity"])["value"].unstack("quantity")  # noqa: PD010 - no sums
    truth = rows.drop_duplicates(CELLS).set_index(CELLS)["truth"].reindex(wide.index)
    values = wide[list(label.quantities)].to_numpy(dtype=np.float64)
    truths = truth.to_numpy(dtype=np.float64)
    assert isinstance(wide.index, pd.MultiIndex)
    return Forecasts(wide.index, truths, values, cell_loss(label, truths, values))


def read_entries(paths: Sequence[str | Path], allow: Sequence[str] = ()) -> list[Entry]:
    """Open the runs at some paths; a folder stands for all runs in it and in its folders.

    Raises
    ------
    ConfigError
        If there are fewer than two, or a path is not there.
    RunError
        If one was changed, or is not what marketlab writes.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        directories = [*_directories(path)]
        if not directories and not path.exists():
            raise ConfigError(f"{path} matches no run directory: see what its folder holds")
        for directory in directories:
            if not directory.exists():
                raise ConfigError(f"{directory}: no such run directory")
            found.setdefault(directory.resolve(), directory)
    if len(found) < 2:
        what = "one run" if found else "no run"
        raise ConfigError(
            f"{what} to compare: give run directories, or folders of them, as in outputs/NAME"
        )
    return [_entry(Run.load(path), allow) for path in sorted(found.values())]


def _directories(path: Path) -> Iterator[Path]:
    pattern = any(letter in str(path) for letter in "*?[") and not path.exists()
    if pattern:
        anchor = Path(path.anchor) if path.is_absolute() else Path()
        try:
            matches = sorted(anchor.glob(str(path.relative_to(path.anchor))))
        except ValueError as error:
            raise ConfigError(f"{path} is no pattern of paths ({error})") from error
        for match in matches:
            if match.is_dir() and not match.name.startswith("."):
                yield from _directories(match)
    elif (path / MANIFEST).is_file() or not path.is_dir() or path.name.startswith(PARTIAL):
        yield path  # a run, or what Run.load can say is none
    else:
        for depth in ("*", "*/*"):
            for manifest in sorted(path.glob(f"{depth}/{MANIFEST}")):
                if not manifest.parent.name.startswith("."):
                    yield manifest.parent


def _entry(run: Run, allow: Sequence[str]) -> Entry:
    config = read_saved(listed(run.manifest, run.path, "config.yaml"), allow, ignore=HIDDEN)
    try:
        labels = [_label(entry["label"]) for entry in run.metrics["labels"]]
        model = str(run.metrics["model"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RunError(
            f"{run.path / 'metrics.json'}: not the metrics of a run ({_first_line(error)})"
        ) from error
    plain = OmegaConf.to_container(config)
    assert isinstance(plain, dict)
    shown = {key: value for key, value in plain.items() if key not in HIDDEN}
    return Entry(run, model, {label.name: label for label in labels}, dict(_flat(shown, "")))


def _label(node: Mapping[str, Any]) -> Label:
    known = {one.name for one in fields(Label)}
    values = {key: value for key, value in node.items() if key in known}
    for key in ("edges", "levels"):
        values[key] = tuple(float(value) for value in values.get(key, ()))
    label = Label(**values)
    if label.task not in TASKS:
        raise ValueError(f"task {label.task!r}")
    for whole in (label.horizon, label.lookahead):
        if not isinstance(whole, int):
            raise TypeError(f"{whole!r} is no number of rows")
    return label


def _flat(node: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(node, list) and any(isinstance(item, dict | list) for item in node):
        for place, value in enumerate(node):
            yield from _flat(value, f"{prefix}.{place}")
    else:
        yield prefix, "null" if node is None else str(node)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]

"""Exports: a dataset and its snapshot in; the files that other programs read, on the disk, out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..data.disk import given_path, write_together
from ..data.sources.source import RemoteSource
from ..data.wording import counted
from ..errors import ConfigError, DataError, RunError
from .configs import folder

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..data.export.series import Series
    from ..data.snapshots.store import Snapshot

FORMATS = ("csv", "json")
CACHE = "prediction_data.json"
SYMBOLS = "symbols"
"""The folder of the files of single symbols: on its own, it can be read as a dataset again."""


@dataclass(frozen=True)
class Wanted:
    """A checked wish for an export: its format, and its folder (csv) or file (json)."""

    kind: str
    output: Path
    combined: str
    tidy: str


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    place : Path
        The folder (csv) or file (json).
    files : paths
    notes : sentences
        What a reader of the files should know.
    """

    place: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def check_export(plain: Mapping[str, Any], name: str) -> Wanted | None:
    """Read the keys ``export``, ``output`` and ``export_names``, before any work.

    Raises
    ------
    ConfigError
    """
    kind, output = plain["export"], plain["output"]
    if kind is None:
        if output is not None:
            raise ConfigError(f"output={output} needs export=csv or export=json beside it")
        return None
    if kind not in FORMATS:
        raise ConfigError(f"export={kind} is no format: choose {' or '.join(FORMATS)}")
    place = folder(plain, "exports") / name if output is None else given_path(output)
    if kind == "json":
        if output is None:
            place = place / CACHE
        elif place.suffix != ".json":
            raise ConfigError(f"output={output}: export=json writes a file that ends in .json")
        if place.is_dir():
            raise ConfigError(f"output={place} is a folder; name a file that ends in .json")
    elif place.exists() and not place.is_dir():
        raise ConfigError(f"output={place} is a file; export=csv needs a folder")
    names = {"combined": f"{name}.csv", "tidy": f"{name}_tidy.csv"}
    given = plain["export_names"]
    if not isinstance(given, Mapping) or (strange := set(map(str, given)) - set(names)):
        hint = f"; it has no {min(strange)}" if isinstance(given, Mapping) else ""
        raise ConfigError(f"export_names takes the keys combined and tidy{hint}")
    for key, value in given.items():
        if value is None:
            continue
        if not isinstance(value, str) or Path(value).name != value or not value.endswith(".csv"):
            raise ConfigError(f"export_names.{key}={value} must be a file's name ending in .csv")
        names[str(key)] = value
    if names["combined"].casefold() == names["tidy"].casefold():
        raise ConfigError(f"export_names gives two files one name, {names['tidy']}")
    return Wanted(str(kind), place, names["combined"], names["tidy"])


def write_export(
    dataset: Dataset,
    snapshot: Snapshot,
    wanted: Wanted,
    progress: Callable[[str, int, int], None] = lambda text, done, total: None,
) -> Exported:
    """Export the bars of a snapshot: all of them, as they came, or what the dataset makes of them.

    ``exclude``, ``adjust``, ``start`` and ``end`` apply as they do to a panel, and so does
    ``symbols``, unless the snapshot's series have bars of different lengths: those that a panel
    cannot hold are exported as well.

    Raises
    ------
    DataError
        Nothing is left, or it cannot be adjusted.
    RunError
        The files cannot be written; those that are there stay as they are.
    """
    from ..data.export.files import csv_files, json_cache, shared_series

    series, notes = _loaded(dataset, snapshot)
    request = snapshot.metadata.get("request", {})

    def told(files: Iterator[tuple[str, bytes]], total: int) -> Iterator[tuple[Path, bytes]]:
        for done, (name, data) in enumerate(files, start=1):
            progress(name, done, total)
            of_all = name in (wanted.combined, wanted.tidy)
            yield (wanted.output if of_all else wanted.output / SYMBOLS) / name, data

    try:
        if wanted.kind == "json":
            files = write_together([(wanted.output, json_cache(series, request))])
        else:
            parts = csv_files(series, wanted.combined, wanted.tidy, dataset.clock)
            files = write_together(told(parts, len(series) + 2))
    except OSError as error:
        place = error.filename or wanted.output
        raise RunError(f"the export cannot be written to {place}: {error.strerror}") from error
    if wanted.kind == "csv":
        if alone := _alone(series, shared_series(series)):
            notes.append(f"{alone}: intraday, so in no file of all symbols")
        folder = wanted.output / SYMBOLS
        if others := len(set(folder.glob("*.csv")) - set(files)):
            one = others == 1
            notes.append(
                f"{folder} also holds {counted(others, 'file')} that {'is' if one else 'are'} not "
                "of this export; delete what is left from an older one"
            )
    return Exported(wanted.output, files, tuple(notes))


def _loaded(dataset: Dataset, snapshot: Snapshot) -> tuple[tuple[Series, ...], list[str]]:
    """Return the series to export, and say what was done to the bars of the snapshot."""
    from ..data.export.series import series_of
    from ..data.snapshots.store import read_snapshot

    bars, _ = read_snapshot(snapshot.path)
    bars = _ordered(dataset, bars)
    symbols = [str(symbol) for symbol in bars["symbol"].cat.categories]
    exchanges = _exchanges(dataset, symbols)
    request = snapshot.metadata.get("request", {})
    series = series_of(bars, exchanges, request)
    chosen, notes = dataset.symbols, []
    if chosen is not None and len({one.length for one in series}) > 1:
        if set(chosen) < set(symbols):
            notes.append(
                f"all {len(symbols)} series, whatever dataset.symbols names for the panel: their "
                "bars are of different lengths"
            )
        chosen = None
    if chosen is not None or dataset.exclude or dataset.adjust != "report":
        prepared = dataset.prepared(bars, chosen).bars
        series = series_of(prepared, exchanges, request)
    kept = tuple(part for one in series if (part := _between(one, dataset.start, dataset.end)))
    if not kept:
        span = f"{dataset.start or 'the first'} to {dataset.end or 'the last'} bar"
        raise DataError(f"{dataset.name}: no bar to export from {span}")
    if len(kept) < len(symbols):
        notes.append(f"{len(kept)} of the snapshot's {counted(len(symbols), 'symbol')}")
    if dataset.start is not None or dataset.end is not None:
        first = "the first" if dataset.start is None else str(dataset.start.date())
        last = "the last" if dataset.end is None else str(dataset.end.date())
        notes.append(f"sessions from {first} to {last}")
    as_they_came = dataset.adjust == "report"
    notes.append(
        "prices are those of the snapshot, as they came"
        if as_they_came
        else f"prices are adjusted: dataset.adjust={dataset.adjust}"
    )
    return kept, notes


def _between(one: Series, start: pd.Timestamp | None, end: pd.Timestamp | None) -> Series | None:
    """Keep the bars whose session lies between two dates; None where there is none."""
    if start is None and end is None:
        return one
    first = 0 if start is None else int(one.dates.searchsorted(start, side="left"))
    last = None if end is None else int(one.dates.searchsorted(end, side="right"))
    part = slice(first, last)
    values = one.values.iloc[part].reset_index(drop=True)
    kept = replace(one, dates=one.dates[part], stamps=one.stamps[part], values=values)
    return kept if len(values) else None


def _alone(series: tuple[Series, ...], shared: tuple[Series, ...]) -> str:
    together = {one.symbol for one in shared}
    return ", ".join(one.symbol for one in series if one.symbol not in together)


def _ordered(dataset: Dataset, bars: pd.DataFrame) -> pd.DataFrame:
    """Put the symbols in the order that the source was asked in, or that the dataset names."""
    known = [str(symbol) for symbol in bars["symbol"].cat.categories]
    first: Iterable[str] = dataset.symbols or ()
    if isinstance(dataset.source, RemoteSource):
        first = dataset.source.request
    order = dict.fromkeys([*(symbol for symbol in first if symbol in known), *known])
    return bars.assign(symbol=bars["symbol"].cat.reorder_categories(list(order)))


def _exchanges(dataset: Dataset, symbols: list[str]) -> dict[str, str]:
    default = dataset.source.exchange or dataset.clock
    if isinstance(dataset.exchange, dict):
        return {symbol: str(dataset.exchange.get(symbol, default)) for symbol in symbols}
    return dict.fromkeys(symbols, dataset.exchange or default)

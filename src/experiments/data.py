"""data: a stored dataset in; its health, and what its provider changed, as a page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from omegaconf import DictConfig

from ..data.disk import given_path
from ..errors import ConfigError, RunError, SnapshotError
from .configs import build, compose_config, folder, resolved
from .step_progress import StepProgress

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..data.snapshots.store import Snapshot
    from .data_page import Comparison, Findings

PAGE = "health.html"
SUSPECTED = "suspected_splits.csv"
PREVIOUS = "previous"
"""``compare=previous``: the newest other snapshot of the dataset."""

STEPS = ("reading the bars", "measuring", "comparing", "drawing", "writing")


def data_health(overrides: Sequence[str] = ()) -> Findings:
    """Look at what the overrides choose, as ``marketlab-data`` does, and write its page.

    Raises
    ------
    MarketlabError
        In one line, for anything that the user can mend.
    """
    config, _ = compose_config("data", overrides)
    return data_config(config, quiet=True)


def data_config(config: DictConfig, *, quiet: bool = False) -> Findings:
    """Look at the dataset of a composed config; see `data_health`."""
    plain = resolved(config)
    store = folder(plain, "data")
    snapshot = _text(plain, "snapshot")
    compare = _text(plain, "compare")
    dataset = build(plain["dataset"], "dataset")
    page = _page(plain, dataset.name)
    with StepProgress(dataset.name, quiet=quiet) as progress:

        def begin(number: int) -> None:
            progress.step(STEPS[number], number, len(STEPS))

        begin(0)
        findings = _look(dataset, store, snapshot, compare, page, begin)
        begin(3)
        from .data_page import render

        text = render(findings)
        begin(4)
        _write(findings, text)
    return findings


def _look(
    dataset: Dataset, store: Path, snapshot: str | None, compare: str | None, page: Path, begin: Any
) -> Findings:
    from ..data.health.gaps import coverage, longest_gaps
    from ..data.health.outliers import largest_moves, longest_standstills
    from .data_page import Findings

    loaded = dataset.load(store, snapshot=snapshot)
    _require(loaded.snapshot, dataset.name)
    begin(1)
    panel = loaded.panel
    columns = ["date", "symbol", "ratio", "move"]
    found = {
        "coverage": coverage(panel),
        "gaps": longest_gaps(panel),
        "moves": largest_moves(panel),
        "standstills": longest_standstills(panel),
        "suspected": loaded.suspected.reindex(columns=columns),
    }
    begin(2)
    return Findings(
        name=dataset.name,
        source=str(loaded.snapshot.metadata.get("source", dataset.source.description)),
        made_up=dataset.source.made_up,
        panel=panel,
        health=loaded.health,
        snapshot=loaded.snapshot,
        **found,
        comparison=_compared(loaded.snapshot, store / dataset.name, dataset.name, compare),
        page=page,
        suspected_file=page.with_name(SUSPECTED),
    )


def _compared(
    newer: Snapshot, directory: Path, name: str, compare: str | None
) -> Comparison | None:
    """Compare a snapshot with an older one, in full: all symbols and dates that they hold."""
    from ..data.snapshots.compare import compare_bars
    from ..data.snapshots.store import find_snapshot, read_snapshot
    from .data_page import Comparison

    if compare is None:
        return None
    path = _previous(newer, directory) if compare == PREVIOUS else find_snapshot(directory, compare)
    before, older = read_snapshot(path)
    _require(older, name)
    after, _ = read_snapshot(newer.path)
    return Comparison(older, compare_bars(before, after))


def _previous(newer: Snapshot, directory: Path) -> Path:
    others = [path for path in directory.glob("*.parquet") if path.stem != newer.sha256]
    if not others:
        raise SnapshotError(
            f"compare=previous: {directory} has no other snapshot than {newer.sha256[:12]}"
        )
    return max(others, key=lambda path: path.stat().st_mtime_ns)


def _require(snapshot: Snapshot, name: str) -> None:
    of = snapshot.metadata.get("dataset")
    if of != name:
        raise SnapshotError(f"the snapshot {snapshot.path} is of the dataset {of}, not of {name}")


def _text(plain: Mapping[str, Any], key: str) -> str | None:
    return None if plain[key] is None else str(plain[key])


def _page(plain: Mapping[str, Any], name: str) -> Path:
    output = plain["output"]
    if output is None:
        return folder(plain, "exports") / name / PAGE
    page = given_path(output)
    if page.suffix != ".html" or page.is_dir():
        raise ConfigError(f"output={output} must name a file that ends in .html")
    return page


def _write(findings: Findings, text: str) -> None:
    from ..data.disk import write_together

    table = findings.suspected.assign(
        date=pd.to_datetime(findings.suspected["date"]).dt.strftime("%Y-%m-%d")
    )
    files = [
        (findings.page, text.encode("utf-8", "replace")),
        (findings.suspected_file, table.to_csv(index=False, lineterminator="\n").encode()),
    ]
    try:
        write_together(files)
    except OSError as error:
        place = error.filename or findings.page
        raise RunError(f"the page cannot be written to {place}: {error.strerror}") from error

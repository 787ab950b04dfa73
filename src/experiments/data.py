"""data: a stored dataset in; its health, and what its provider changed, as a page out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from omegaconf import DictConfig

from ..data.disk import given_path
from ..errors import ConfigError, RunError, SnapshotError, nearest
from .configs import build, compose_config, folder, resolved
from .step_progress import StepProgress

if TYPE_CHECKING:
    from ..data.dataset import Dataset
    from ..data.health.table import Health
    from ..data.snapshots.store import Snapshot
    from .data_page import Comparison, Findings

PAGE = "health.html"
SUSPECTED = "suspected_splits.csv"
SPARED = "suspected_splits.new.csv"
"""Its name where ``dataset.ratios`` names the other: a file that is read is never written."""
PREVIOUS = "previous"
"""``compare=previous``: the newest other snapshot of the dataset."""
NAMES_A_SNAPSHOT = re.compile(r"[0-9a-f]{6,64}|.*\.parquet")

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
    dataset = build(plain["dataset"], "dataset")
    page = _page(plain, dataset.name)
    # Looked up now: loading a local source stores a snapshot, which is then the latest one.
    older = _older(_text(plain, "compare"), store / dataset.name)
    with StepProgress(dataset.name, quiet=quiet) as progress:

        def begin(number: int) -> None:
            progress.step(STEPS[number], number, len(STEPS))

        begin(0)
        findings = _look(dataset, store, snapshot, older, page, begin)
        begin(3)
        from .data_page import render

        text = render(findings)
        begin(4)
        _write(findings, text)
    return findings


def _look(
    dataset: Dataset,
    store: Path,
    snapshot: str | None,
    older: _Older | None,
    page: Path,
    begin: Any,
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
    comparison, health = None, _without_advice(loaded.health)
    if older is not None:
        comparison = _compared(loaded.snapshot, older, dataset.name)
    if older is not None and comparison is None:
        said = f"compare={older.word}: there is no older snapshot to compare with yet"
        health = replace(health, notes=(*health.notes, said))
    return Findings(
        name=dataset.name,
        source=str(loaded.snapshot.metadata.get("source", dataset.source.description)),
        made_up=dataset.source.made_up,
        panel=panel,
        health=health,
        snapshot=loaded.snapshot,
        **found,
        comparison=comparison,
        page=page,
        suspected_file=_suspected_file(page, dataset.ratios),
        adjust=dataset.adjust,
        ratios=dataset.ratios,
    )


def _suspected_file(page: Path, ratios: Path | None) -> Path:
    """Return where suspected splits are written: never to the file that the user made of them."""
    usual = page.with_name(SUSPECTED)
    if ratios is not None and ratios.resolve() == usual.resolve():
        return page.with_name(SPARED)
    return usual


def _without_advice(health: Health) -> Health:
    """Take the advice to call this command out of the notes; the summary says what to do."""
    from ..data.corrections.adjusting import ADVICE

    return replace(
        health,
        notes=tuple(
            note.partition(ADVICE)[0] if "marketlab-data" in note else note for note in health.notes
        ),
    )


@dataclass(frozen=True)
class _Older:
    """What to compare with: what the user wrote, and the snapshots that it may be, newest first."""

    word: str
    paths: tuple[Path, ...]


def _older(word: str | None, directory: Path) -> _Older | None:
    from ..data.snapshots.store import LATEST, find_snapshot

    if word is None:
        return None
    if word == PREVIOUS:
        newest = sorted(directory.glob("*.parquet"), key=lambda p: p.stat().st_mtime_ns)[::-1]
        return _Older(word, tuple(newest))
    if word == LATEST and not (directory / LATEST).exists():
        return _Older(word, ())
    if word != LATEST and not NAMES_A_SNAPSHOT.fullmatch(word):
        hint = nearest(word, (PREVIOUS, LATEST))
        raise SnapshotError(
            f"compare={word} is neither {PREVIOUS} nor {LATEST}, nor a SHA-256 (6 digits or more), "
            "nor the path of a .parquet file" + (hint if "did you mean" in hint else "")
        )
    try:
        return _Older(word, (find_snapshot(directory, word),))
    except SnapshotError as error:
        raise SnapshotError(f"compare={word}: {error}") from None


def _compared(newer: Snapshot, wanted: _Older, name: str) -> Comparison | None:
    """Compare a snapshot with an older one, in full: all symbols and dates that they hold."""
    from ..data.snapshots.compare import compare_bars
    from ..data.snapshots.store import read_snapshot
    from .data_page import Comparison

    others = [path for path in wanted.paths if path.stem != newer.sha256]
    if not others:
        if wanted.word == PREVIOUS or not wanted.paths:
            return None
        raise SnapshotError(
            f"compare={wanted.word} is {newer.sha256[:12]}, the snapshot of the bars themselves, "
            f"unchanged since it was taken; use compare={PREVIOUS} for the one before it"
        )
    before, older = read_snapshot(others[0])
    _require(older, name)
    after, _ = read_snapshot(newer.path)
    return Comparison(older, compare_bars(before, after))


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

"""The ledger of openings: a run that looks at its test part in; how often that was done before out.

One SQLite file beside the runs, a row for each opening, and one for each search, whose trials count
even where its choice was trained by hand or not at all. Nothing is ever deleted from it, and what
is wrong with it stops no run.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

LEDGER = "ledger.sqlite"
WAIT = 30.0
"""Seconds to wait for another process that is writing; a row takes a few milliseconds."""
MOST_TRIALS = 2**53

_TABLE = """
CREATE TABLE IF NOT EXISTS openings (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    dataset TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    labels TEXT NOT NULL,
    first TEXT NOT NULL,
    last TEXT NOT NULL,
    created TEXT NOT NULL,
    trials INTEGER NOT NULL,
    parent TEXT
)
"""
_SEARCHES = """
CREATE TABLE IF NOT EXISTS searches (
    study TEXT NOT NULL PRIMARY KEY,
    dataset TEXT NOT NULL,
    labels TEXT NOT NULL,
    created TEXT NOT NULL,
    trials INTEGER NOT NULL,
    run TEXT
)
"""
_COLUMNS = (
    "run", "name", "model", "dataset", "snapshot", "labels", "first", "last", "created", "trials",
    "parent",
)  # fmt: skip


@dataclass(frozen=True)
class Opening:
    """One look at a test part.

    Attributes
    ----------
    run : str
        Its id; a run that is resumed opens its test part once.
    name, model, dataset, snapshot : str
    labels : label name -> expression
    first, last : str
        First and last test time, ISO, UTC.
    created : str
    trials : int
        How many were tried to choose this one: 1, or those of a sweep; 0 where nothing was chosen,
        since the run only repeats another.
    parent : str, optional
        Id of the run that this one repeats or changes.
    """

    run: str
    name: str
    model: str
    dataset: str
    snapshot: str
    labels: Mapping[str, str]
    first: str
    last: str
    created: str
    trials: int = 1
    parent: str | None = None


@dataclass(frozen=True)
class Opened:
    """How often a test period was opened before a run opened it.

    Attributes
    ----------
    times : int
        Openings of a period that overlaps it, of the same dataset and a same target, by runs that
        chose something.
    by : int
        Trials of those in all.
    trials : int
        From how many the run itself was chosen; 0 if it repeats another.
    searched : int
        Trials of searches, begun before on the same dataset and a same target, that no opening
        names: what they found may have been used all the same.
    """

    times: int
    by: int
    trials: int = 1
    searched: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return what the manifest records."""
        return {
            "opened_before": self.times,
            "trials_before": self.by,
            "trials": self.trials,
            "searched_before": self.searched,
        }


@dataclass(frozen=True)
class Search:
    """A search, which looks at no test part.

    Attributes
    ----------
    study : str
        Its name.
    dataset : str
    labels : label name -> expression
    created : str
        When it was first written down, ISO, UTC.
    trials : int
    run : str, optional
        Id of the run that trains its choice.
    """

    study: str
    dataset: str
    labels: Mapping[str, str]
    created: str
    trials: int
    run: str | None = None


def trials_of(extra: Mapping[str, Any]) -> int:
    """Return from how many trials a run with these entries of the manifest was chosen."""
    parent = extra.get("parent")
    if isinstance(parent, Mapping) and not parent.get("changes"):
        return 0
    return sweep_trials(extra) or 1


def sweep_trials(manifest: Mapping[str, Any]) -> int | None:
    """Return the trials of the search that a recipe comes from; None where there was none.

    A manifest may come from a stranger, and SQLite takes no integer of more than 64 bits.
    """
    sweep = manifest.get("sweep")
    trials = sweep.get("trials") if isinstance(sweep, Mapping) else None
    if isinstance(trials, bool) or not isinstance(trials, int) or not 0 < trials < MOST_TRIALS:
        return None
    return trials


def record_opening(outputs: Path, opening: Opening) -> Opened | None:
    """Write that a run opens its test part, and count who did before.

    Parameters
    ----------
    outputs : Path
        Folder of all runs, in which the ledger is.
    opening : Opening
        Written once for a run, however often it is resumed. Where its search has gone on since,
        the row's number of trials grows; it never shrinks.

    Returns
    -------
    Opened
        None if the ledger cannot be used, which a warning says.
    """
    path = outputs / LEDGER
    values = [*vars(opening).values()]
    values[_COLUMNS.index("labels")] = json.dumps(dict(opening.labels))
    places = ", ".join("?" * len(_COLUMNS))
    insert = (
        f"INSERT INTO openings ({', '.join(_COLUMNS)}) VALUES ({places}) "  # noqa: S608 - constants
        "ON CONFLICT (run) DO UPDATE SET trials = MAX(trials, excluded.trials)"
    )
    try:
        with closing(_connect(path)) as ledger:
            with ledger:
                ledger.execute("BEGIN IMMEDIATE")
                ledger.execute(_TABLE)
                ledger.execute(insert, values)
            return _counted(ledger, opening)
    except sqlite3.Error as error:
        log.warning(
            "the ledger %s cannot be used (%s): this opening of the test part is not counted; "
            "free it, or move it away",
            path,
            error,
        )
        return None


def raise_trials(outputs: Path, run: str, trials: int) -> None:
    """Raise the number of trials from which a run was chosen, whose search has gone on since.

    A number that is as large stays, and so does a ledger without the run, or one that cannot be
    used, which a warning says.
    """
    path = outputs / LEDGER
    if not path.is_file():
        return
    try:
        with closing(_connect(path)) as ledger:
            ledger.execute(
                "UPDATE openings SET trials = ? WHERE run = ? AND trials < ?", (trials, run, trials)
            )
    except sqlite3.Error as error:
        log.warning(
            "the ledger %s cannot be used (%s): it does not say that %s was chosen from %d trials; "
            "free it, or move it away, and repeat the command",
            path,
            error,
            run,
            trials,
        )


def record_search(outputs: Path, search: Search) -> None:
    """Write down a search, or that one goes on: its number of trials never shrinks.

    What is wrong with the ledger is a warning.
    """
    path = outputs / LEDGER
    values = {**vars(search), "labels": json.dumps(dict(search.labels))}
    try:
        outputs.mkdir(parents=True, exist_ok=True)
        with closing(_connect(path)) as ledger:
            ledger.execute(_TABLE)
            ledger.execute(_SEARCHES)
            ledger.execute(
                "INSERT INTO searches (study, dataset, labels, created, trials, run) "
                "VALUES (:study, :dataset, :labels, :created, :trials, :run) "
                "ON CONFLICT (study) DO UPDATE SET trials = MAX(trials, excluded.trials), "
                "run = COALESCE(excluded.run, run)",
                values,
            )
    except (OSError, sqlite3.Error) as error:
        log.warning(
            "the ledger %s cannot be used (%s): the %d trials of %s are not counted; free it, or "
            "move it away",
            path,
            error,
            search.trials,
            search.study,
        )


def openings(outputs: Path, opening: Opening) -> Opened:
    """Count, without writing, who opened the test period of `opening` before it.

    Raises
    ------
    sqlite3.Error
        If the ledger cannot be read.
    """
    path = outputs / LEDGER
    if not path.is_file():
        return Opened(0, 0, opening.trials)
    with closing(_connect(path)) as ledger:
        return _counted(ledger, opening)


def _connect(path: Path) -> sqlite3.Connection:
    # Autocommit: a transaction is what BEGIN says it is.
    return sqlite3.connect(path, timeout=WAIT, isolation_level=None)


def _counted(ledger: sqlite3.Connection, opening: Opening) -> Opened:
    """Count the rows before the opening's own, or all where it has none."""
    rows = ledger.execute(
        "SELECT labels, trials FROM openings WHERE dataset = ? AND first <= ? AND last >= ? "
        "AND trials > 0 AND run != ? "
        "AND id < COALESCE((SELECT id FROM openings WHERE run = ?), 9223372036854775807)",
        (opening.dataset, opening.last, opening.first, opening.run, opening.run),
    ).fetchall()
    there = ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'searches'").fetchone()
    searches = (
        ledger.execute(
            "SELECT labels, MAX(0, trials - COALESCE("
            "(SELECT trials FROM openings WHERE openings.run = searches.run), 0)) FROM searches "
            "WHERE dataset = ? AND (? = '' OR created <= ?)",
            (opening.dataset, opening.created, opening.created),
        ).fetchall()
        if there
        else []
    )
    asked = set(opening.labels.values())
    trials = [int(count) for labels, count in rows if asked & _expressions(labels)]
    searched = sum(int(count) for labels, count in searches if asked & _expressions(labels))
    return Opened(len(trials), sum(trials), opening.trials, searched)


def _expressions(labels: str) -> set[str]:
    try:
        return set(json.loads(labels).values())
    except (ValueError, AttributeError, TypeError):
        return set()  # a row that somebody else wrote

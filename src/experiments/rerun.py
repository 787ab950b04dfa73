"""rerun: a finished run in; the same recipe trained again on the same bars, and what differs, out.

With other values it is a new run that names its parent. The saved config may come from a stranger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.disk import sha256_of
from ..errors import RunError, SnapshotError
from .attempt import CONFIG
from .configs import read_saved
from .differences import Difference, differences
from .ledger import sweep_trials
from .provenance import changes
from .resume import elsewhere
from .run import Run
from .rundir import MANIFEST, listed, recorded_snapshot
from .saved_words import OWN, changed, own_config, read_words, saved_choices
from .train import train_config

TOLERANCE = 1e-5
"""Where the environment differs: the largest difference, as a share of the forecasts' size.

Two threads for one move the default LSTM by 8e-8 and the other models not at all; another processor
or torch may move more, but what trains another model moves far more than this.
"""


@dataclass(frozen=True)
class Rerun:
    """A run that was trained again.

    Attributes
    ----------
    run, parent : Run
    values : words of the values that were changed; then nothing is compared
    identical : bool
        Whether every forecast has the same bits as the parent's.
    differences : one entry a forecaster and label that differ, worst first
    environment : what the bits may depend on and is not as it was, such as ``threads: 2 then, ...``
    code : what is not as it was in marketlab itself
    """

    run: Run
    parent: Run
    values: tuple[str, ...]
    identical: bool
    differences: tuple[Difference, ...]
    environment: tuple[str, ...]
    code: tuple[str, ...]

    @property
    def repeated(self) -> bool:
        """Whether it came out the same: to the bit, or elsewhere within `TOLERANCE`."""
        close = all(one.relative <= TOLERANCE and not one.unmatched for one in self.differences)
        return self.identical or (bool(self.environment) and close)


def rerun(path: str | Path, overrides: Sequence[str] = (), *, quiet: bool = False) -> Rerun:
    """Train a finished run again, from its own config and snapshot, into a new run directory.

    Parameters
    ----------
    path : path of a run directory
        Every file in it is checked. The paths saved in its config are not used.
    overrides : words
        ``paths.data=``, ``paths.outputs=``, ``tracking=``, ``allow=``, and other values of keys
        that the saved config has.
    quiet : bool
        Show no progress.

    Raises
    ------
    MarketlabError
        In one line: for a run that was changed, a snapshot that is not there or damaged, an
        override that is more than another value.
    """
    return rerun_words([f"rerun={Path(path).as_posix()}", *overrides], quiet=quiet)


def rerun_words(words: Sequence[str], *, quiet: bool = False) -> Rerun:
    """Rerun what the words of a command line name; see `rerun`."""
    said = read_words("rerun", words)
    parent = Run.load(said.run)
    manifest = parent.manifest
    saved = read_saved(listed(manifest, parent.path, CONFIG), said.allow, ignore=OWN)
    config = changed(own_config(saved, said), said.values)
    told = said.tracking[0] if said.tracking else "none"
    choices = {**saved_choices(config, said), "tracking": told}
    snapshot = _snapshot(manifest, parent.path)
    other = config.dataset.get("snapshot")
    if any(one.key_or_group == "dataset.snapshot" for one in said.values) and other:
        snapshot = str(other)
    values = tuple(f"{one.key_or_group}={one.get_value_element_as_str()}" for one in said.values)
    note = {
        "run": str(manifest.get("run", parent.path.name)),
        "manifest": sha256_of(parent.path / MANIFEST),
        "changes": list(values),
    }
    extra = {"parent": note, **_chosen(manifest)}
    try:
        run = train_config(config, choices, words, quiet=quiet, extra=extra, snapshot=snapshot)
    except SnapshotError as error:
        raise elsewhere(error, said) from error
    found = () if values else differences(parent.predictions, run.predictions)
    before, after = (_mapping(one.manifest, "environment") for one in (parent, run))
    written, runs = (_mapping(one.manifest, "code") for one in (parent, run))
    return Rerun(
        run=run,
        parent=parent,
        values=values,
        identical=not values and not found,
        differences=found,
        environment=tuple(changes(before, after)),
        code=tuple(changes(written, runs)),
    )


def _chosen(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what the new manifest says of the search that the recipe comes from, if any.

    The trial and its value are the parent's own.
    """
    sweep = manifest.get("sweep")
    trials = sweep_trials(manifest)
    if trials is None or not isinstance(sweep, dict):
        return {}
    return {"sweep": {"study": str(sweep.get("study", ""))[:200], "trials": trials}}


def _snapshot(manifest: dict[str, Any], directory: Path) -> str:
    return recorded_snapshot(_mapping(manifest, "data").get("snapshot"), directory / MANIFEST)


def _mapping(manifest: dict[str, Any], key: str) -> dict[str, Any]:
    found = manifest.get(key)
    if not isinstance(found, dict):
        raise RunError(f"its manifest lacks {key}: train the run again")
    return found

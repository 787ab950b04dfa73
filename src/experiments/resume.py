"""resume: a run that was stopped, and every byte it kept, in; the run as if it had not been out.

Finished folds are loaded, the one that was being fitted goes on from its checkpoint, and what can
be computed from the models is computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, RunError, SnapshotError
from .attempt import CONFIG, attempt
from .configs import read_saved
from .recipe import Recipe
from .run import Run
from .rundir import MANIFEST, PARTIAL, recorded_snapshot
from .saved_words import OWN, SavedWords, own_config, read_words, saved_choices
from .start import Start


def resume(path: str | Path, overrides: Sequence[str] = (), *, quiet: bool = False) -> Run:
    """Go on with a run that was stopped, and end at the same bits as if it had not been.

    Parameters
    ----------
    path : path of a ``.partial-`` directory
        Its config may come from a stranger; the paths saved in it are not used.
    overrides : words
        ``paths.data=``, ``tracking=`` and ``allow=`` alone: the recipe stays as it is.
    quiet : bool
        Show no progress.

    Raises
    ------
    MarketlabError
        In one line, if there is nothing to resume, its process is alive, its snapshot is not there
        or changed, or it holds what marketlab did not write.
    """
    return resume_words([f"resume={Path(path).as_posix()}", *overrides], quiet=quiet)


def resume_words(words: Sequence[str], *, quiet: bool = False) -> Run:
    """Resume what the words of a command line name; see `resume`."""
    said = read_words("resume", words)
    if said.values:
        key = said.values[0].key_or_group
        raise ConfigError(f"{key}=: a resumed run keeps its recipe: leave it out, or train afresh")
    partial = _checked(said.run)
    start = Start.read(partial)
    if partial.name != f"{PARTIAL}{start.run}":
        raise RunError(f"{partial} is another run than its start.json, {start.run[:80]!r}, says")
    said = replace(said, outputs=partial.absolute().parents[1])
    unused = OWN if said.tracking else ("paths",)
    config = own_config(read_saved(partial / CONFIG, said.allow, ignore=unused), said)
    recipe = Recipe.of(config, saved_choices(config, said))
    start = replace(start, snapshot=recorded_snapshot(start.snapshot, partial))
    try:
        return attempt(recipe, start, partial, quiet=quiet)
    except SnapshotError as error:
        raise elsewhere(error, said) from error


def elsewhere(error: SnapshotError, words: SavedWords) -> SnapshotError:
    """Say where the user may look for a snapshot; saved paths are not used."""
    text = str(error).partition("; run:")[0]
    return SnapshotError(f"{text}: if it lies elsewhere than in {words.data}, add paths.data=")


def _checked(partial: Path) -> Path:
    """Refuse what is no partial run, and name those that there are."""
    if (partial / MANIFEST).is_file() and not partial.name.startswith(PARTIAL):
        raise RunError(f"{partial} is whole: there is nothing to resume; repeat it with rerun=")
    if not partial.name.startswith(PARTIAL) or not partial.is_dir():
        whole = partial.with_name(partial.name.removeprefix(PARTIAL))
        if partial.name.startswith(PARTIAL) and (whole / MANIFEST).is_file():
            raise RunError(f"{whole} is whole: there is nothing to resume")
        folder = partial if partial.is_dir() else partial.parent
        found = sorted(path.name for path in folder.glob(f"{PARTIAL}*"))
        there = f"in {folder} there are {', '.join(found)}" if found else f"none is in {folder}"
        raise RunError(f"{partial} is no run that was stopped, which begin with {PARTIAL}; {there}")
    for path in partial.rglob("*"):
        if path.is_symlink():
            raise RunError(f"{path} is a symbolic link, which marketlab did not write")
    return partial

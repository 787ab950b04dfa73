"""The run directory: complete or absent.

Files are written into ``.partial-<run id>``; `seal` lists them with their hashes in the manifest,
syncs them to the disk and renames the folder. A folder without the dot is therefore whole, however
the process ended.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..data.disk import sha256_of, sync
from ..errors import RunError

FORMAT = 1
"""Raised when an older marketlab could no longer read what a newer one writes."""
MANIFEST = "manifest.json"
PARTIAL = ".partial-"


def new_run_id(model: str, now: datetime | None = None) -> str:
    """Name a run by its start (UTC), its model and four random digits; names sort by time.

    A model of a subfolder, as in ``model=mine/net``, must not make the run's folder a nested one.
    """
    now = now or datetime.now(UTC)
    return f"{now:%Y%m%d-%H%M%S}-{model.replace('/', '-')}-{secrets.token_hex(2)}"


def open_partial(outputs: Path, name: str, run_id: str) -> Path:
    """Make ``outputs/name/.partial-<run id>``.

    Raises
    ------
    RunError
        If the folder cannot be made or written.
    """
    partial = outputs / name / f"{PARTIAL}{run_id}"
    try:
        partial.mkdir(parents=True)
        probe = partial / "probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunError(
            f"{partial.parent}: cannot write runs there ({error.strerror}); set paths.outputs="
        ) from error
    return partial


def seal(partial: Path, manifest: Mapping[str, Any]) -> Path:
    """Complete a run directory and give it its name.

    Parameters
    ----------
    partial : Path
        What `open_partial` made, now holding every file of the run.
    manifest : mapping
        What to record beside the format and the hashes of the files.

    Returns
    -------
    Path
        The run directory.
    """
    files = sorted(path for path in partial.rglob("*") if path.is_file())
    hashes = {path.relative_to(partial).as_posix(): sha256_of(path) for path in files}
    text = json.dumps({"format": FORMAT, **manifest, "files": hashes}, indent=2, allow_nan=False)
    (partial / MANIFEST).write_text(text)
    for path in [*files, partial / MANIFEST]:
        sync(path)
    for folder in [*(p for p in partial.rglob("*") if p.is_dir()), partial]:
        sync(folder)
    final = partial.with_name(partial.name.removeprefix(PARTIAL))
    partial.rename(final)
    sync(final.parent)
    return final


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read a run's manifest and check every file that it lists.

    Raises
    ------
    RunError
        If the directory is missing, incomplete, of a newer format, or a file was changed.
    """
    if directory.name.startswith(PARTIAL):
        raise RunError(f"{directory} is not complete: its process was stopped; train it again")
    if not directory.is_dir():
        raise RunError(f"{directory}: no such run directory{_siblings(directory)}")
    path = directory / MANIFEST
    if not path.exists() and _runs(directory):
        raise RunError(
            f"{directory} holds runs and is none: give the newest, {_runs(directory)[-1]}"
        )
    try:
        manifest = json.loads(path.read_text())
        version, files = manifest["format"], dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunError(
            f"{path}: not the manifest of a run ({type(error).__name__}); give run= a run directory"
        ) from error
    if not isinstance(version, int) or version > FORMAT:
        raise RunError(
            f"{directory} has format {version}; this marketlab reads up to {FORMAT}: upgrade it"
        )
    for name, expected in files.items():
        file = directory / name
        try:
            inside = file.resolve().is_relative_to(directory.resolve())
            found = sha256_of(file) if inside and file.is_file() else None
        except (OSError, ValueError) as error:  # a name that no file can have, or may not be read
            raise RunError(f"{path}: the file {name[:80]!r} cannot be read ({error})") from error
        if found is None:
            raise RunError(f"{directory} lacks its file {name}; train the run again")
        if found != expected:
            raise RunError(f"{file} was changed after the run ended; train the run again")
    assert isinstance(manifest, dict)
    return manifest


def listed(manifest: Mapping[str, Any], directory: Path, name: str) -> Path:
    """Return the path of a file that the manifest vouches for.

    Raises
    ------
    RunError
        If the manifest does not list it.
    """
    if name not in manifest["files"]:
        raise RunError(f"{directory} lacks its file {name}; train the run again")
    return directory / name


def _siblings(directory: Path) -> str:
    if not directory.parent.is_dir():
        return "; list them with ls outputs/*"
    runs = _runs(directory.parent)
    return f"; the newest one there is {runs[-1].name}" if runs else "; there is none beside it"


def _runs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if (path / MANIFEST).is_file())

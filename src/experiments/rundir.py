"""The run directory: complete or absent.

Files are written into ``.partial-<run id>``; `seal` lists them with their hashes in the manifest,
syncs them to the disk and renames the folder. A folder without the dot is therefore whole, however
the process ended.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..data.disk import sha256_of, sync
from ..data.plain_json import read_json
from ..errors import RunError

FORMAT = 1
"""Raised when an older marketlab could no longer read what a newer one writes."""
MANIFEST = "manifest.json"
PARTIAL = ".partial-"
LOCK = ".lock"
"""Locked in a partial run by the process that writes it; the system frees it when that dies."""


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


@contextmanager
def claimed(partial: Path) -> Iterator[FileLock]:
    """Write a partial run alone.

    Raises
    ------
    RunError
        If another process does, or the folder cannot be written.
    """
    lock = FileLock(partial / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{partial} is being written by a process that is alive: wait for it, or stop it"
        ) from None
    except OSError as error:
        raise RunError(f"{partial} cannot be written ({error.strerror})") from error
    try:
        yield lock
    finally:
        lock.release()


def discard(partial: Path) -> None:
    """Remove a partial run, and the folder of its experiment if nothing else is in it."""
    shutil.rmtree(partial)
    with suppress(OSError):
        partial.parent.rmdir()


def seal(partial: Path, manifest: Mapping[str, Any], lock: FileLock | None = None) -> Path:
    """Complete a run directory and give it its name.

    Parameters
    ----------
    partial : Path
        What `open_partial` made, now holding every file of the run.
    manifest : mapping
        What to record beside the format and the hashes of the files.
    lock : FileLock, optional
        What `claimed` gave.

    Returns
    -------
    Path
        The run directory.
    """
    own = {partial / MANIFEST, partial / LOCK}
    files = sorted(path for path in partial.rglob("*") if path.is_file() and path not in own)
    hashes = {path.relative_to(partial).as_posix(): sha256_of(path) for path in files}
    text = json.dumps({"format": FORMAT, **manifest, "files": hashes}, indent=2, allow_nan=False)
    (partial / MANIFEST).write_text(text)
    for path in [*files, partial / MANIFEST]:
        sync(path)
    for folder in [*(p for p in partial.rglob("*") if p.is_dir()), partial]:
        sync(folder)
    if lock is not None and os.name == "nt":
        lock.release()  # Windows renames no folder in which a file is open
    (partial / LOCK).unlink(missing_ok=True)
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
        raise RunError(
            f"{directory} is not complete: its process was stopped; go on with marketlab-train "
            f"resume={directory}"
        )
    if not directory.is_dir():
        raise RunError(f"{directory}: no such run directory{_siblings(directory)}")
    path = directory / MANIFEST
    if not path.exists() and _runs(directory):
        raise RunError(
            f"{directory} holds runs and is none: give the newest, {_runs(directory)[-1]}"
        )
    try:
        manifest = read_json(path)
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
            raise RunError(
                f"{path}: the file {name[:80]!r} cannot be read ({_why(error)})"
            ) from error
        if found is None:
            raise RunError(f"{directory} lacks its file {name[:80]}; train the run again")
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


def recorded_snapshot(sha: object, where: Path) -> str:
    """Return the hash that a run recorded; a stranger might have put a path in its place.

    Raises
    ------
    RunError
    """
    if not isinstance(sha, str) or len(sha) != 64 or set(sha) - set("0123456789abcdef"):
        raise RunError(f"{where} does not say which snapshot it read: train it again")
    return sha


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _siblings(directory: Path) -> str:
    if not directory.parent.is_dir():
        return "; list them with ls outputs/*"
    runs = _runs(directory.parent)
    return f"; the newest one there is {runs[-1].name}" if runs else "; there is none beside it"


def _runs(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if (path / MANIFEST).is_file() and not path.name.startswith(PARTIAL)
    )

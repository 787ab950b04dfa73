"""The record of a fitted fold: its folder in; its history out, if every file is as it was saved.

``fold.json`` is written last. A fold without it, or one of whose files is not what it says, was
damaged when its process ended, and is fitted again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..data.disk import TEMPORARY, replaced, sha256_of, sync

RECORD = "fold.json"
CHECKPOINT = "checkpoint.safetensors"

History = list[dict[str, float]]


def write_record(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Say that the fold in `folder` is fitted, once its files are on the disk."""
    for path in _files(folder):
        sync(path)
    content = {"history": [dict(entry) for entry in history], "files": _hashes(folder)}
    with replaced(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
    _tidy(folder)


def read_record(folder: Path) -> History | None:
    """Return the history of a fold that is fitted and unchanged, else None."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        history = [
            {str(key): value for key, value in entry.items()} for entry in content["history"]
        ]
        whole = content["files"] == _hashes(folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    if whole:
        _tidy(folder)
    return history if whole else None


def clear(folder: Path) -> None:
    """Make room for a fit: keep nothing but the checkpoint of one that was stopped."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != CHECKPOINT:
                path.unlink()
    (folder / "model").mkdir(parents=True)


def _tidy(folder: Path) -> None:
    """Remove what served only while fitting."""
    for path in [folder / CHECKPOINT, *folder.glob(f"{TEMPORARY}*")]:
        path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    passing = (RECORD, CHECKPOINT)
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in passing and not path.name.startswith(TEMPORARY)
    )


def _hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in _files(folder)}

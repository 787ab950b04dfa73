"""Which files a path means: a file, a folder or a pattern flows in, the files flow out."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError


def files_of(path: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the file, the folder's files that end in one of the suffixes, or the pattern's.

    Raises
    ------
    DataError
        There is none.
    """
    if path.is_dir():
        found = sorted(
            file
            for file in path.iterdir()
            if file.name.lower().endswith(suffixes) and not file.name.startswith(".")
        )
        if not found:
            raise DataError(f"the folder {path} holds no file *{' or *'.join(suffixes)}")
        return found
    if "*" in path.name:
        found = sorted(path.parent.glob(path.name))
        if not found:
            raise DataError(f"no file fits {path}; the path is relative to {Path.cwd()}")
        return found
    if not path.is_file():
        raise DataError(f"there is no file {path}; the path is relative to {Path.cwd()}")
    return [path]


def stem_of(path: Path, suffixes: tuple[str, ...]) -> str:
    """Return a file's name without its ending, both parts of .csv.gz."""
    for suffix in sorted(suffixes, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem

"""A recipe that trains in half a second, for the tests that need a run."""

from pathlib import Path


def small_overrides(folder: Path) -> list[str]:
    """Made-up bars, one fold, one thread; everything is written below `folder`."""
    return [
        "dataset=synthetic",
        "dataset.source.symbols=3",
        "dataset.source.rows=420",
        "features.rows=8",
        "split=chronological",
        "threads=1",
        "name=small",
        f"paths.data={folder / 'data'}",
        f"paths.outputs={folder / 'outputs'}",
    ]

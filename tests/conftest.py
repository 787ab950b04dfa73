"""What tests of every room share."""

import os
from pathlib import Path

import pytest

from small_runs import small_overrides

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real market data that lies beside the project, where there is one."""
    folder = Path(os.environ.get("MARKETLAB_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set MARKETLAB_SHARED_DATA to its folder")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """Overrides of a run that takes half a second: made-up bars, one fold, one thread."""
    return small_overrides(tmp_path)

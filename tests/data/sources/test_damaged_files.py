"""A damaged file ends in its one line, and the good snapshot beside it stays as it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from marketlab.data.dataset import Dataset
from marketlab.data.sources.csv import Csv
from marketlab.data.sources.json_cache import JsonCache
from marketlab.data.sources.parquet import Parquet
from marketlab.data.sources.qlib import Qlib
from marketlab.data.sources.source import Source
from marketlab.errors import DataError

from damaged_files import DAMAGES, LOADING, SOUND, Damage

SOURCES: dict[str, Callable[..., Source]] = {
    "csv": Csv,
    "parquet": Parquet,
    "json": JsonCache,
    "qlib": Qlib,
}
NAMED = ("bad", "nifty", "day.txt", "all.txt", "day.bin", "B.csv")
"""What a refusal may name: the file, or the symbol in it."""

REFUSED = [damage for damage in DAMAGES if damage.words is not None]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose dataset ``d`` has a good snapshot."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "bad.csv").write_text(SOUND)
    Dataset("d", Csv(str(folder / "bad.csv")), "XBOM").load(folder / "store")
    return folder / "store"


def contents(store: Path) -> dict[str, bytes]:
    return {str(p.relative_to(store)): p.read_bytes() for p in store.rglob("*") if p.is_file()}


def dataset(damage: Damage, folder: Path) -> Dataset:
    path = damage.write(folder)
    return Dataset("d", SOURCES[damage.kind](str(path), **damage.options), "XBOM")


def test_the_corpus_is_large_and_each_damage_has_its_name() -> None:
    assert len(REFUSED) >= 60
    assert len({damage.name for damage in DAMAGES}) == len(DAMAGES)


@pytest.mark.parametrize("damage", REFUSED, ids=lambda damage: damage.name)
def test_it_is_refused_in_one_line(damage: Damage, good: Path, tmp_path: Path) -> None:
    before = contents(good)
    with pytest.raises(DataError) as refusal:
        dataset(damage, tmp_path).load(good)
    said = str(refusal.value)
    assert damage.words is not None
    assert damage.words in said
    assert said.isprintable()
    assert any(name in said for name in NAMED)
    assert len(before) == 2
    assert contents(good) == before


@pytest.mark.parametrize("damage", LOADING, ids=lambda damage: damage.name)
def test_it_loads_as_the_sound_file_does(damage: Damage, good: Path, tmp_path: Path) -> None:
    loaded = dataset(damage, tmp_path).load(tmp_path / "store")
    sound = Dataset("d", Csv(str(good.parent / "bad.csv")), "XBOM").load(good, snapshot="latest")
    assert loaded.panel.times.equals(sound.panel.times)
    for name, values in sound.panel.fields.items():
        np.testing.assert_array_equal(loaded.panel.fields[name], values)


def test_a_single_row_is_a_panel_of_one_row(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("date,close\n2021-04-26,1\n")
    loaded = Dataset("d", Csv(str(tmp_path / "one.csv")), "XBOM").load(tmp_path / "store")
    assert loaded.panel.shape == (1, 1)

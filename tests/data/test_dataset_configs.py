"""Every file of conf/dataset composes, and says in its first line when to choose it."""

from importlib.resources import files
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from marketlab.data.dataset import Dataset

FOLDER = Path(str(files("marketlab.conf"))) / "dataset"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def build(name: str, *overrides: str) -> Dataset:
    with initialize_config_module("marketlab.conf", version_base="1.3"):
        config = compose(overrides=[f"+dataset={name}", *overrides])
    dataset = instantiate(config.dataset)
    assert isinstance(dataset, Dataset)
    return dataset


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_with_a_comment_and_becomes_a_dataset_of_its_name(name: str) -> None:
    lines = (FOLDER / f"{name}.yaml").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert not any("/home" in line or "/work" in line for line in lines)
    asked = {"dataset.source.symbols=[SPY]"} if name == "yahoo" else set()
    if name in ("csv", "parquet", "nse", "json_cache", "qlib", "csi300", "csi300_parquet"):
        asked.add("dataset.source.path=x.csv")
    if name == "csi300_parquet":
        asked.add("dataset.universe=members.txt")
    assert build(name, *asked).name == name


@pytest.mark.parametrize(("name", "shape"), [("us_indices", (5031, 2)), ("us_macro", (8320, 4))])
def test_the_packaged_datasets_load(name: str, shape: tuple[int, int], tmp_path: Path) -> None:
    assert build(name).load(tmp_path).panel.shape == shape


def test_made_up_bars_load(tmp_path: Path) -> None:
    dataset = build("synthetic", "dataset.source.symbols=2", "dataset.source.rows=100")
    assert dataset.load(tmp_path).panel.shape == (100, 2)


def test_one_list_of_symbols_serves_file_and_dataset(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text("date,A,B,rate\n2021-04-26,1,2,-3\n2021-04-27,1,2,-3\n")
    dataset = build(
        "csv", f"dataset.source.path={file}", "dataset.symbols=[B,A]", "dataset.clock=XBOM"
    )
    assert dataset.load(tmp_path).panel.symbols == ("B", "A")

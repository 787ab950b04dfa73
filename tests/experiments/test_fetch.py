"""fetch: a source in, a snapshot named by its hash out, which a run then reads."""

import marketlab
import pytest
from marketlab.data.dataset import Dataset
from marketlab.data.sources.synthetic import Synthetic
from marketlab.experiments.configs import compose_config
from marketlab.experiments.fetch import fetch_config
from marketlab.experiments.rundir import sha256_of

MADE = ["dataset=synthetic", "dataset.source.symbols=2", "dataset.source.rows=420"]


def test_a_snapshot_is_named_by_its_hash(tmp_path):
    snapshot = marketlab.fetch([*MADE, f"paths.data={tmp_path}"])
    assert snapshot.path == tmp_path / "synthetic" / f"{snapshot.sha256}.parquet"
    assert sha256_of(snapshot.path) == snapshot.sha256
    assert snapshot.rows == 840
    again = marketlab.fetch([*MADE, f"paths.data={tmp_path}"])
    assert again == snapshot
    assert len(list(tmp_path.glob("synthetic/*.parquet"))) == 1


def test_fetch_tells_the_health_of_what_it_stored(tmp_path):
    config, _ = compose_config("fetch", [*MADE, f"paths.data={tmp_path}"])
    snapshot, health = fetch_config(config)
    assert list(health.table["rows"]) == [420, 420]
    assert snapshot.metadata["dataset"] == "synthetic"


def test_a_run_reads_the_snapshot_that_it_is_given(tmp_path, small, monkeypatch):
    snapshot = marketlab.fetch([*MADE, f"paths.data={tmp_path / 'data'}"])

    def never(self):
        raise AssertionError("the source was read")

    monkeypatch.setattr(Synthetic, "load", never)
    for wanted in (snapshot.sha256, snapshot.sha256[:8], "latest"):
        choices = ["model=ridge", "target=next_return", f"dataset.snapshot='{wanted}'"]
        run = marketlab.train([*small, *choices], quiet=True)
        assert run.manifest["data"]["snapshot"] == snapshot.sha256


def test_a_remote_dataset_that_was_never_fetched_prints_the_command(tmp_path, small, monkeypatch):
    monkeypatch.setattr(Synthetic, "remote", True)
    with pytest.raises(marketlab.MarketlabError, match="run: marketlab-fetch dataset=synthetic"):
        marketlab.train([*small, "model=ridge"], quiet=True)
    assert not list(tmp_path.glob("outputs/*/*"))


def test_training_never_fetches(small, monkeypatch):
    monkeypatch.setattr(Synthetic, "remote", True)
    overrides = [*small, "model=ridge", "target=next_return"]
    marketlab.fetch([o for o in overrides if o.startswith(("dataset", "paths.data"))])
    monkeypatch.setattr(Dataset, "fetch", None)
    monkeypatch.setattr(Synthetic, "load", None)
    assert marketlab.train(overrides, quiet=True).path.is_dir()

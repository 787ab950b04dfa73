"""fetch: a source in, a snapshot named by its hash out, which a run then reads."""

import marketlab
import pytest
from marketlab.data.dataset import Dataset
from marketlab.data.sources.source import Fetching
from marketlab.data.sources.synthetic import Synthetic
from marketlab.experiments.configs import compose_config, resolved
from marketlab.experiments.fetch import fetch_config, fetching
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
    done = fetch_config(config)
    assert list(done.health.table["rows"]) == [420, 420]
    assert done.snapshot.metadata["dataset"] == "synthetic"
    assert done.exported is None


def test_a_run_reads_the_snapshot_that_it_is_given(tmp_path, small, monkeypatch):
    snapshot = marketlab.fetch([o for o in small if o.startswith(("dataset", "paths.data"))])

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


def test_a_run_refuses_the_snapshot_of_another_recipe(tmp_path, small, monkeypatch):
    monkeypatch.setattr(Synthetic, "remote", True)
    overrides = [*small, "model=ridge", "target=next_return"]
    marketlab.fetch([o for o in overrides if o.startswith(("dataset", "paths.data"))])
    with pytest.raises(marketlab.MarketlabError, match=r"run: marketlab-fetch dataset=synthetic"):
        marketlab.train([*overrides, "dataset.source.seed=9"], quiet=True)
    assert not list(tmp_path.glob("outputs/*/*"))


def test_training_never_fetches(small, monkeypatch):
    monkeypatch.setattr(Synthetic, "remote", True)
    overrides = [*small, "model=ridge", "target=next_return"]
    marketlab.fetch([o for o in overrides if o.startswith(("dataset", "paths.data"))])
    monkeypatch.setattr(Dataset, "fetch", None)
    monkeypatch.setattr(Synthetic, "load", None)
    assert marketlab.train(overrides, quiet=True).path.is_dir()


def plain(*overrides):
    return resolved(compose_config("fetch", overrides)[0])


def test_a_remote_source_is_asked_as_the_recipe_says():
    def told(text, done, total):
        pass

    assert fetching(plain())(told) == Fetching(progress=told)
    keys = ["retries=0", "timeout=2.5", "requests=1", "pause=0", "full=true"]
    how = fetching(plain("allow_missing=true", *(f"fetch.{key}" for key in keys)))(told)
    assert how == Fetching(0, 2.5, 1, 0.0, allow_missing=True, full=True, progress=told)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("fetch.retries=-1", r"fetch\.retries=-1 must be a whole number, 0 or more"),
        ("fetch.retries=2.5", r"fetch\.retries=2\.5 must be a whole number"),
        ("fetch.retries=true", r"fetch\.retries=True must be a whole number"),
        ("fetch.requests=0", r"fetch\.requests=0 must be a whole number, 1 or more"),
        ("fetch.timeout=0", r"fetch\.timeout=0 must be a number of seconds, above 0"),
        ("fetch.timeout=soon", r"fetch\.timeout=soon must be a number of seconds"),
        ("fetch.timeout=inf", r"fetch\.timeout=inf must be a number of seconds"),
        ("fetch.pause=-1", r"fetch\.pause=-1 must be a number of seconds, 0 or more"),
        ("fetch.full=2", r"fetch\.full=2 must be true or false"),
        ("allow_missing=some", "allow_missing=some must be true or false"),
        ("fetch=5", "fetch=5 must be keys and values"),
    ],
)
def test_what_will_not_do_is_named(choice, words):
    with pytest.raises(marketlab.MarketlabError, match=words) as caught:
        fetching(plain(choice))
    assert len(str(caught.value).splitlines()) == 1


def test_the_progress_of_a_fetch_is_shown_unless_quiet(tmp_path, monkeypatch, capsys):
    def fetch(self, store, how):
        how.progress("A", 1, 2)
        how.progress("B", 2, 2)
        return original(self, store)

    original = Dataset.fetch
    monkeypatch.setattr(Dataset, "fetch", fetch)
    config, _ = compose_config("fetch", [*MADE, f"paths.data={tmp_path}"])
    fetch_config(config)
    assert capsys.readouterr().err == "fetching synthetic: 2 of 2 symbols\n"
    marketlab.fetch([*MADE, f"paths.data={tmp_path}"])
    assert capsys.readouterr().err == ""

"""A run that is trained again gives the same bits, or it is said what differs."""

import json
import shutil
from pathlib import Path

import marketlab
import numpy as np
import pytest
import yaml
from marketlab.data.sources.synthetic import Synthetic
from marketlab.errors import ConfigError, MarketlabError, RunError, SnapshotError
from marketlab.experiments import configs
from marketlab.experiments.cli_saved import told
from marketlab.experiments.configs import config_files
from marketlab.experiments.rundir import MANIFEST, seal

from small_runs import small_overrides

FOLDS = ["split=walk_forward", "split.train=140", "split.valid=50", "split.test=40"]


def own(folder):
    return [f"paths.data={folder / 'data'}", f"paths.outputs={folder / 'outputs'}"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the data and one run of ridge, in which nothing is changed."""
    folder = tmp_path_factory.mktemp("made")
    return folder, marketlab.train([*small_overrides(folder), "model=ridge"], quiet=True)


@pytest.fixture
def run(made, tmp_path):
    """A copy of the run that a test may spoil, and the words that say where everything is."""
    folder, trained = made
    path = shutil.copytree(trained.path, tmp_path / trained.path.name)
    return path, [f"paths.data={folder / 'data'}", f"paths.outputs={tmp_path / 'outputs'}"]


def resealed(path, change):
    """Change a run's config and let its manifest vouch for it, as if marketlab had written it."""
    manifest = json.loads((path / MANIFEST).read_text())
    config = yaml.safe_load((path / "config.yaml").read_text())
    change(config)
    (path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    (path / MANIFEST).unlink()
    partial = path.rename(path.with_name(f".partial-{path.name}"))
    manifest.pop("files")
    manifest.pop("format")
    return seal(partial, manifest)


def test_several_folds_and_a_rerun_of_a_rerun(small, tmp_path):
    run = marketlab.train([*small, "model=mlp", *FOLDS, "trainer.max_epochs=2"], quiet=True)
    again = marketlab.rerun(run.path, own(tmp_path), quiet=True)
    third = marketlab.rerun(again.run.path, own(tmp_path), quiet=True)
    assert again.identical
    assert third.identical
    parent = third.run.manifest["parent"]
    assert parent["run"] == again.run.path.name
    assert parent["changes"] == []
    assert third.run.opened.trials == 0
    assert third.run.opened.times == 1


def test_the_words_that_made_a_rerun_make_it_again(run):
    path, words = run
    again = marketlab.rerun(path, words, quiet=True)
    third = marketlab.train(again.run.manifest["overrides"], quiet=True)
    assert (
        third.manifest["files"]["predictions.parquet"]
        == (again.run.manifest["files"]["predictions.parquet"])
    )


def test_a_csv_may_be_gone_or_changed(tmp_path, small):
    path = tmp_path / "bars.csv"
    Synthetic(symbols=2, rows=420).load().to_csv(path, index=False)
    words = [word for word in small if not word.startswith("dataset")]
    source = ["dataset=csv", f"dataset.source.path={path}", "model=ridge"]
    run = marketlab.train([*words, *source], quiet=True)
    path.write_text("nonsense")
    assert marketlab.rerun(run.path, own(tmp_path), quiet=True).identical
    path.unlink()
    assert marketlab.rerun(run.path, own(tmp_path), quiet=True).identical


def test_other_values_make_a_run_that_names_its_parent(run):
    path, words = run
    values = ["seed=3", "split.train=0.65", "model.search.alpha=[1.0,2.0]", "name=other"]
    found = marketlab.rerun(path, [*words, *values], quiet=True)
    assert not found.identical
    assert found.differences == ()
    config = found.run.path / "config.yaml"
    saved = yaml.safe_load(config.read_text())
    assert saved["seed"] == 3
    assert saved["split"]["train"] == 0.65
    assert saved["model"]["search"]["alpha"] == [1.0, 2.0]
    assert saved["choices"]["model"] == "ridge"
    assert found.run.path.parent.name == "other"
    parent = found.run.manifest["parent"]
    assert parent["run"] == path.name
    assert parent["changes"] == values
    assert len(parent["manifest"]) == 64
    assert found.run.opened.trials == 1


def test_what_a_search_chose_stays_chosen_from_its_trials(run):
    path, words = run
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["sweep"] = {"study": "s", "trials": 7, "trial": 2, "value": 0.5}
    (path / MANIFEST).write_text(json.dumps(manifest))
    repeat = marketlab.rerun(path, words, quiet=True).run
    assert repeat.opened.trials == 0
    changed = marketlab.rerun(repeat.path, [*words, "seed=1"], quiet=True).run
    assert changed.manifest["sweep"] == {"study": "s", "trials": 7}
    assert changed.opened.trials == 7
    assert "Chosen from 7 trials" in changed.report.read_text()


def test_a_saved_choice_that_is_no_default_stays(run):
    """Composed first, today's default model would have no `search`."""
    path, words = run
    found = marketlab.rerun(path, [*words, "model.search.alpha=[5.0]"], quiet=True)
    assert found.run.manifest["model"] == "ridge"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("model=lightgbm", "keeps the saved choices"),
        ("experiment=us_volatility", "keeps the saved choices"),
        ("+model.solver=svd", "keeps the saved choices"),
        ("++seed=1", "keeps the saved choices"),
        ("~model.search", "keeps the saved choices"),
        ("target@other=up", "keeps the saved choices"),
        ("seed=1,2", "several values"),
        ("seed=range(3)", "several values"),
        ("model.serach.alpha=[1.0]", "did you mean 'search'"),
        ("sede=1", "did you mean 'seed'"),
        ("model.search.alpha.7.x=1", "has no 'x'"),
        ("choices.model=har", "notes down"),
        ("dataset.source.rows=500", "reads the snapshot"),
        ("dataset.snapshot=latets", "neither 'latest'"),
        ("seed=much", "seed"),
        ("split.train=2", "split"),
        ("seed=[1", "KEY=VALUE"),
        ("rerun=other", "one run directory"),
        ("resume=other", "without"),
        ("allow=x", "must be a list"),
        ("paths.dta=x", "did you mean 'data'"),
    ],
)
def test_what_is_more_than_another_value_is_refused_in_one_line(run, word, said):
    path, words = run
    with pytest.raises(MarketlabError, match=said) as error:
        marketlab.rerun(path, [*words, word], quiet=True)
    assert "\n" not in str(error.value)
    outputs = Path(words[1].partition("=")[2])
    assert not list(outputs.glob("*/*"))
    assert not list(outputs.glob("*/.*"))


def test_another_snapshot_may_be_chosen(run, tmp_path, made):
    path, words = run
    with pytest.raises(SnapshotError, match="no snapshot"):
        marketlab.rerun(path, [*words, "dataset.snapshot=0123456789"], quiet=True)
    found = marketlab.rerun(path, [*words, "dataset.snapshot=latest"], quiet=True)
    assert found.run.manifest["data"]["snapshot"] == made[1].manifest["data"]["snapshot"]


def test_a_run_that_was_changed_is_refused(run):
    path, words = run
    with (path / "config.yaml").open("a") as file:
        file.write("\n")
    with pytest.raises(RunError, match=r"config\.yaml was changed"):
        marketlab.rerun(path, words, quiet=True)


def test_a_snapshot_that_is_not_there_or_damaged_is_refused(run, made, tmp_path):
    path, words = run
    with pytest.raises(SnapshotError, match=r"add paths\.data=") as error:
        marketlab.rerun(path, [f"paths.data={tmp_path / 'no'}", words[1]], quiet=True)
    assert "\n" not in str(error.value)
    copy = shutil.copytree(made[0] / "data", tmp_path / "data")
    (snapshot,) = copy.glob("synthetic/*.parquet")
    content = bytearray(snapshot.read_bytes())
    content[-100] ^= 1
    snapshot.write_bytes(content)
    with pytest.raises(SnapshotError, match="damaged"):
        marketlab.rerun(path, [f"paths.data={copy}", words[1]], quiet=True)
    assert not list((tmp_path / "outputs").glob("*/*"))


@pytest.mark.parametrize("sha", ["../../secret.parquet", "latest", None, 3, "0" * 63])
def test_a_stranger_cannot_name_another_file_as_the_snapshot(run, sha):
    path, words = run
    manifest = json.loads((path / MANIFEST).read_text())
    manifest["data"]["snapshot"] = sha
    (path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(RunError, match="which snapshot it read"):
        marketlab.rerun(path, words, quiet=True)


def test_saved_paths_and_trackers_are_not_used(run, tmp_path):
    path, words = run

    def poison(config):
        config["paths"] = {"data": str(tmp_path / "bad"), "outputs": str(tmp_path / "bad")}
        config["tracking"] = {"csv": {"_target_": "marketlab.experiments.tracking.Retired"}}

    found = marketlab.rerun(resealed(path, poison), words, quiet=True)
    assert found.identical
    assert not (tmp_path / "bad").exists()
    assert not list((tmp_path / "outputs").rglob("*.csv"))
    assert yaml.safe_load((found.run.path / "config.yaml").read_text())["tracking"] == {}


def test_trackers_may_be_named(run, tmp_path):
    path, words = run
    found = marketlab.rerun(path, [*words, "tracking=csv"], quiet=True)
    assert found.identical
    assert yaml.safe_load((found.run.path / "config.yaml").read_text())["choices"]["tracking"] == (
        "csv"
    )


def test_a_class_that_marketlab_does_not_ship_must_be_allowed(run):
    path, words = run

    def strange(config):
        config["scaler"]["_target_"] = "os.getcwd"

    with pytest.raises(RunError, match=r"allow=\[os\.getcwd\]"):
        marketlab.rerun(resealed(path, strange), words, quiet=True)


def test_keys_that_are_newer_than_the_run_take_todays_defaults(run):
    path, words = run

    def older(config):
        del config["dataset"]["symbols"]
        del config["model"]["window"]
        del config["refit"]
        del config["windows"]["mask"]

    assert marketlab.rerun(resealed(path, older), words, quiet=True).identical


def test_defaults_that_changed_since_do_not_matter(run, monkeypatch):
    path, words = run
    files = dict(config_files())
    train = files["train"].replace("- dataset: us_indices", "- dataset: us_macro")
    files["train"] = train.replace("batch_size: 256", "batch_size: 7").replace("seed: 0", "seed: 9")
    files["model/ridge"] = files["model/ridge"].replace("1000.0", "77.0")
    assert files["model/ridge"] != config_files()["model/ridge"]
    from marketlab.experiments import saved_words

    monkeypatch.setattr(saved_words, "config_files", lambda: files)
    monkeypatch.setattr(configs, "config_files", lambda: files)
    assert marketlab.rerun(path, words, quiet=True).identical


def test_a_run_without_a_needed_part_is_one_line(run):
    path, words = run
    with pytest.raises(RunError, match="lacks scaler"):
        marketlab.rerun(resealed(path, lambda c: c.pop("scaler")), words, quiet=True)
    with pytest.raises(RunError, match="no such run directory"):
        marketlab.rerun(path.with_name("typo"), words, quiet=True)


def shift(by):
    """Rewrite the parent's forecasts, as if another machine had made them."""

    def change(path):
        import pandas as pd

        file = path / "predictions.parquet"
        table = pd.read_parquet(file)
        rows = table["model"] == "ridge"
        table.loc[rows, "value"] *= 1 + by
        table.to_parquet(file, index=False)

    return change


@pytest.mark.parametrize(
    ("by", "elsewhere", "repeated", "words"),
    [
        (0.0, True, True, "identical"),
        (1e-7, False, False, "differs from"),
        (1e-7, True, True, "within"),
        (1e-2, True, False, "by more than"),
    ],
)
def test_elsewhere_a_tolerance_holds_and_here_none(run, by, elsewhere, repeated, words):
    path, own_words = run
    manifest = json.loads((path / MANIFEST).read_text())
    if by:
        shift(by)(path)
    if elsewhere:
        manifest["environment"]["threads"] = 64
        manifest["environment"]["versions"]["torch"] = "2.0"
    (path / MANIFEST).unlink()
    manifest.pop("files")
    manifest.pop("format")
    partial = path.rename(path.with_name(f".partial-{path.name}"))
    found = marketlab.rerun(seal(partial, manifest), own_words, quiet=True)
    assert found.repeated is repeated
    assert found.identical is not bool(by)
    lines = told(found)
    assert words in lines[0]
    if by:
        assert any(line.strip().startswith("ridge log_gk@1: ") for line in lines)
        np.testing.assert_allclose(found.differences[0].relative, by, rtol=0.5)
    if elsewhere:
        assert any("threads: 64 then, 1 now" in line for line in lines)
        assert any("versions.torch: 2.0 then" in line for line in lines)


def test_rerun_and_resume_are_refused_among_composed_words(small):
    with pytest.raises(ConfigError, match="one run directory"):
        marketlab.train(["rerun=a", "resume=b"], quiet=True)
    config, choices = configs.compose_config("train", [*small, "model=ridge"])
    config.rerun = "outputs/x"
    from marketlab.experiments.train import train_config

    with pytest.raises(ConfigError, match="KEY=VALUE words alone"):
        train_config(config, choices)

"""A run directory holds all that its numbers rest on, and a Run reads it back."""

import json
import shutil

import marketlab
import pandas as pd
import pytest
from marketlab.errors import RunError
from marketlab.experiments.configs import read_saved
from marketlab.experiments.run import Run

from small_runs import small_overrides


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    overrides = [*small_overrides(folder), "model=ridge", "target=return_horizons", "seed=3"]
    return marketlab.train(overrides, quiet=True), overrides, folder


@pytest.fixture
def run(made, tmp_path):
    """A copy of its own, that a test may damage."""
    return Run.load(shutil.copytree(made[0].path, tmp_path / made[0].path.name))


def test_a_loaded_run_tells_what_the_trained_one_did(made):
    trained = made[0]
    loaded = Run.load(str(trained.path))
    assert loaded == Run(trained.path)
    assert loaded.evaluation is None
    assert loaded.manifest == trained.manifest
    assert loaded.metrics == trained.metrics == json.loads(json.dumps(trained.evaluation.as_dict()))
    pd.testing.assert_frame_equal(loaded.predictions, trained.predictions)


def test_the_manifest_says_what_the_numbers_rest_on(made):
    trained, overrides, folder = made
    manifest = trained.manifest
    assert manifest["overrides"] == overrides
    assert (manifest["name"], manifest["model"], manifest["seed"]) == ("small", "ridge", 3)
    assert manifest["run"] == trained.path.name
    assert manifest["purge"] == 22
    assert manifest["leaks"] is False
    assert (folder / f"data/synthetic/{manifest['data']['snapshot']}.parquet").is_file()
    assert manifest["data"]["symbols"] == ["SYN00", "SYN01", "SYN02"]
    assert manifest["data"]["rows"] == 420
    assert {"threads", "versions", "python", "cpu_features"} <= manifest["environment"].keys()
    assert manifest["environment"]["threads"] == 1
    assert {"data", "fit", "evaluate"} <= manifest["seconds"].keys()
    assert {"revision", "dirty"} <= manifest["code"].keys()
    files = {str(path.relative_to(trained.path)) for path in trained.path.rglob("*.*")}
    assert set(manifest["files"]) == files - {"manifest.json"}


def test_the_saved_config_is_whole_and_safe(made):
    config = read_saved(made[0].path / "config.yaml")
    assert config.threads == 1
    assert config.choices.model == "ridge"
    assert "hydra" not in config


def test_predictions_name_the_model_and_every_yardstick(made):
    table = made[0].predictions
    assert list(table.columns) == [
        "model", "fold", "time", "symbol", "target", "horizon", "quantity", "value", "truth",
    ]  # fmt: skip
    assert {"ridge", "persistence", "climatology", "ewma"} <= set(table["model"])
    assert set(table["horizon"]) == {1, 5, 22}
    sizes = table.groupby("model").size()
    assert sizes.min() == sizes.max()  # all of them on the same rows
    truths = table.groupby(["time", "symbol", "horizon"])["truth"].nunique()
    assert truths.max() == 1


def test_a_run_forecasts_itself(made):
    trained, _, folder = made
    assert len(Run.load(trained.path).predict(data=folder / "data")) == 9


@pytest.mark.parametrize("name", ["metrics.json", "predictions.parquet", "report.html"])
def test_a_changed_file_is_refused(run, name):
    path = run.path / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(RunError, match=f"{name} was changed") as caught:
        Run.load(run.path)
    assert "\n" not in str(caught.value)


def test_a_run_that_is_not_there_is_refused(run):
    with pytest.raises(RunError, match=f"newest one there is {run.path.name}"):
        Run.load(run.path.with_name("typo"))

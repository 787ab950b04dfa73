"""rerun=, resume= and compare on the command line: what they print, and their status."""

import json
import shutil
import sys

import marketlab
import pytest
from marketlab.experiments import cli
from marketlab.experiments.rundir import MANIFEST, PARTIAL, seal

from small_runs import small_overrides


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    run = marketlab.train([*small_overrides(folder), "model=ridge"], quiet=True)
    return folder, run.path


@pytest.fixture
def command(made, tmp_path, monkeypatch, capsys):
    """Run a command in another folder; return its status, its output and its errors."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made[0] / "data", tmp_path / "data")
    shutil.copytree(made[1], tmp_path / "run")

    def call(name, *words):
        monkeypatch.setattr(sys, "argv", [f"marketlab-{name}", *map(str, words)])
        monkeypatch.setenv("GOMP_SPINCOUNT", "30000")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        capsys.readouterr()
        status = 0
        try:
            getattr(cli, f"{name}_command")()
        except SystemExit as end:
            status = end.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_a_rerun_says_identical_and_its_own_report(command, tmp_path):
    status, out, err = command("train", "rerun=run")
    assert status == 0, err
    assert "identical: " in out
    assert "have the same bits as those of run" in out
    (again,) = tmp_path.glob("outputs/small/*")
    assert f"report: outputs/small/{again.name}" in out
    assert "This test period was not opened before." in out


def test_a_rerun_that_differs_says_where_and_ends_with_status_1(command, tmp_path):
    import pandas as pd

    path = tmp_path / "run"
    manifest = json.loads((path / MANIFEST).read_text())
    table = pd.read_parquet(path / "predictions.parquet")
    table.loc[table["model"] == "ridge", "value"] += 0.5
    table.to_parquet(path / "predictions.parquet", index=False)
    (path / MANIFEST).unlink()
    manifest = {key: manifest[key] for key in manifest if key not in ("files", "format")}
    seal(path.rename(tmp_path / f"{PARTIAL}run"), manifest)
    status, out, err = command("train", "rerun=run")
    assert status == 1, err
    assert "differs from run, in the same environment:" in out
    assert "ridge log_gk@1: 162 of 162 forecasts differ, by up to 0.5" in out
    assert "identical" not in out


def test_a_changed_rerun_names_its_parent(command):
    status, out, err = command("train", "rerun=run", "seed=3", "model.search.alpha=[1.0]")
    assert status == 0, err
    assert "changed from run: seed=3, model.search.alpha=[1.0]" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rerun=no"], "no such run directory"),
        (["rerun=run", "model=har"], "keeps the saved choices"),
        (["resume=run"], "is whole"),
        (["resume=outputs/x"], "none is in"),
        (["-m", "rerun=run", "seed=1,2"], "without -m"),
    ],
)
def test_refusals_are_one_line_and_status_2(command, words, said, tmp_path):
    status, out, err = command("train", *words)
    assert status == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert said in line
    assert "Traceback" not in out + err
    assert not list(tmp_path.glob("outputs/small/*"))


def test_compare_prints_and_writes(command, made, tmp_path):
    assert command("train", "rerun=run", "seed=4")[0] == 0
    status, out, err = command("compare", "run", "outputs/small", "output=all.html", "metric=mae")
    assert status == 0, err
    assert "saved: all.html" in out
    assert "not financial advice" in out
    assert "<html" in (tmp_path / "all.html").read_text()
    for words, said in (
        (["run"], "one run to compare"),
        (["run", "outputs/small", "output=x.pdf"], "must end in .html"),
        (["run", "outputs/small", "metrc=mae"], "did you mean 'metric'"),
        (["run", "outputs/small", "allow=x"], "must be a list"),
    ):
        status, _, err = command("compare", *words)
        assert status == 2
        assert said in err
        assert len(err.strip().splitlines()) == 1
    status, out, _ = command("compare", "--help")
    assert status == 0
    assert "marketlab-compare" in out

"""The command line of a search: what Hydra users type, and one line for what cannot be."""

import re
import sys

import pytest
from hydra.core.global_hydra import GlobalHydra
from marketlab.experiments import cli
from marketlab.experiments.sweep.search import _launch_until_done
from marketlab.experiments.sweep.sweeper import _workers
from omegaconf import OmegaConf


@pytest.fixture
def train(moody, monkeypatch, capsys):
    """Run ``marketlab-train -m`` in this process; return status, output and errors."""

    def call(*words, flags=("-m",)):
        GlobalHydra.instance().clear()
        monkeypatch.setattr(sys, "argv", ["marketlab-train", *flags, *moody, *words])
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setenv("GOMP_SPINCOUNT", "30000")
        capsys.readouterr()
        status = 0
        try:
            cli.train_command()
        except SystemExit as end:
            status = end.code
        return (status, *capsys.readouterr())

    return call


def test_a_search_prints_its_best_and_trains_its_choice(train, tmp_path):
    status, out, err = train("sweep.trials=4", "model.alpha=choice(1,10)", "seed=0,1")
    assert status == 0, err
    assert len(re.findall(r"^trial \d+: ", err, re.MULTILINE)) == 4
    assert re.search(r"trial +valid_loss +alpha +seed", out)
    assert "report: " in out
    assert "Chosen from 4 trials" in out.replace("\n", " ")
    assert (tmp_path / "outputs/sweeps").is_dir()
    again, out, err = train("sweep.trials=4", "model.alpha=choice(1,10)", "seed=0,1")
    assert (again, re.findall(r"^trial \d+: ", err, re.MULTILINE)) == (0, [])
    assert "report: " in out


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("model.alpha=intervl(0,1)", "did you mean 'interval'"),
        ("model.alhpa=interval(0,1)", "did you mean 'alpha'"),
        ("model.alpha=interval(0,1) sweep.trails=3", "did you mean 'trials'"),
        ("model.alpha=interval(0,1) sweep.storage=sqlite:////no/where.db", "no folder /no"),
        ("model.alpha=interval(0,1) sweep.workers=2", "hydra/launcher=joblib"),
        ("sweep=lstm_smal", "did you mean 'lstm_small'"),
        ("sweep=lstm_small", "the recipe has no model.net"),
        ("sweep=default", "nothing to search"),
        ("model=choice(ridge,rigde)", "rigde"),
    ],
)
def test_a_search_that_cannot_be(train, tmp_path, choice, words):
    status, out, err = train(*choice.split())
    assert status == 2
    assert len(err.splitlines()) == 1
    assert err.startswith("error: ")
    assert re.search(words, err)
    assert "Traceback" not in out + err
    assert not (tmp_path / "data").exists()


def test_a_search_without_m_is_refused(train):
    status, _, err = train("sweep=ridge", flags=())
    assert (status, len(err.splitlines())) == (2, 1)
    assert "add -m" in err


def test_when_every_trial_fails_the_status_is_2(train):
    status, _, err = train("model.mood=choice(raise)", "sweep.trials=2")
    assert status == 2
    assert "no such luck" in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("asked", "launcher", "workers"),
    [
        (None, {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}, 1),
        (3, {"_target_": "hydra_plugins.x.JoblibLauncher", "n_jobs": 7}, 3),
        (None, {"_target_": "hydra_plugins.hydra_joblib_launcher.J", "n_jobs": 7}, 7),
    ],
)
def test_as_many_workers_as_the_launcher_runs_at_once(asked, launcher, workers):
    assert _workers(asked, OmegaConf.create(launcher)) == workers


class FakeQueue:
    """A study to which each launch adds a trial, until it does not."""

    def __init__(self, adds):
        self.study, self.adds, self.count = self, adds, 0

    def get_trials(self, deepcopy):
        return [None] * self.count

    def launch(self, plan):
        if self.adds:
            self.count += self.adds.pop()
            raise OSError("the worker was killed")


def test_workers_that_die_are_started_again_while_there_is_progress():
    queue = FakeQueue([1, 1])
    _launch_until_done(None, queue, queue.launch)
    assert queue.count == 2
    with pytest.raises(cli.MarketlabError, match=r"die before they begin.*was killed"):
        _launch_until_done(None, stuck := FakeQueue([0]), stuck.launch)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "ray"])
def test_launchers_share_the_work(train, launcher, monkeypatch):
    pytest.importorskip(f"hydra_plugins.hydra_{launcher}_launcher")
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if "tests" in path))
    words = ["model.alpha=range(1,9)", "sweep.refit=false", "sweep.workers=2"]
    status, _, err = train(f"hydra/launcher={launcher}", *words)
    assert status == 0, err
    assert "no more than 8 points" in err

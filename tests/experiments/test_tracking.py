"""Tracking: W&B hears epochs and figures offline, nobody needs it, and no run asks the network."""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping

import marketlab
import pytest
from marketlab.errors import ConfigError
from marketlab.experiments import tracking
from marketlab.experiments.tracking import NoTracking, WandbTracking

NEXT = "target=next_return"


class Told:
    """A tracker that remembers what it was told."""

    def __init__(self):
        self.calls = []

    def start(self, name, run_id, config, folder):
        self.calls.append(("start", name, run_id, config, folder))

    def epoch(self, fold, entry):
        self.calls.append(("epoch", fold, dict(entry)))

    def finish(self, summary):
        self.calls.append(("finish", dict(summary)))


@pytest.fixture
def told(monkeypatch):
    heard = Told()
    for name in ("start", "epoch", "finish"):
        monkeypatch.setattr(NoTracking, name, lambda _, *a, name=name: getattr(heard, name)(*a))
    return heard


def test_a_run_tells_its_start_its_epochs_and_its_figures(small, told):
    run = marketlab.train([*small, "model=mlp", NEXT, "trainer.max_epochs=2"], quiet=True)
    assert [call[0] for call in told.calls] == ["start", "epoch", "epoch", "finish"]
    _, name, run_id, config, folder = told.calls[0]
    assert (name, run_id, folder) == ("small", run.path.name, run.path.parent)
    assert isinstance(config, Mapping)
    json.dumps(config)
    _, fold, entry = told.calls[2]
    assert fold == 0
    assert entry.keys() == {"epoch", "train_loss", "valid_loss"}
    assert told.calls[-1][1] == {
        "ret_next@1/skill": run.evaluation.labels[0].skill,
        "ret_next@1/low": run.evaluation.labels[0].low,
        "ret_next@1/high": run.evaluation.labels[0].high,
    }


def test_a_run_that_fails_says_so(small, told, monkeypatch):
    monkeypatch.setattr(
        "marketlab.experiments.train.evaluate", lambda *_: (_ for _ in ()).throw(ValueError("x"))
    )
    with pytest.raises(ValueError, match="x"):
        marketlab.train([*small, "model=ridge", NEXT], quiet=True)
    assert told.calls[-1] == ("finish", {})


def test_without_wandb_it_is_one_line(monkeypatch, small, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ConfigError, match=r"pip install 'marketlab\[wandb\]'") as caught:
        marketlab.train([*small, "model=ridge", "tracking=wandb"], quiet=True)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("key", "mode"), [(None, "offline"), ("x" * 40, "online")])
def test_it_is_online_only_with_a_key(monkeypatch, key, mode):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    assert WandbTracking()._mode == mode
    assert WandbTracking(mode="offline")._mode == "offline"
    with pytest.raises(ConfigError, match="must be online, offline or null"):
        WandbTracking(mode="on")


@pytest.mark.slow
def test_wandb_offline_logs_epochs_and_summary(monkeypatch, small, tmp_path):
    wandb = pytest.importorskip("wandb")
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "wandb-own"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    seen = {}
    real = WandbTracking.finish

    def finish(self, summary):
        seen["mode"] = self._run.settings.mode
        seen["name"] = self._run.name
        seen["last"] = dict(self._run.summary)
        real(self, summary)

    monkeypatch.setattr(tracking.WandbTracking, "finish", finish)
    choices = ["model=mlp", NEXT, "trainer.max_epochs=2", "tracking=wandb"]
    run = marketlab.train([*small, *choices], quiet=True)
    assert wandb.run is None
    assert seen["mode"] == "offline"
    assert seen["name"] == run.path.name
    assert seen["last"]["fold_00/epoch"] == 2
    assert {"fold_00/train_loss", "fold_00/valid_loss"} <= seen["last"].keys()
    (written,) = (run.path.parent / "wandb").glob("offline-run-*/run-*.wandb")
    for word in ("ret_next@1/skill", "fold_00/valid_loss"):
        assert word.encode() in written.read_bytes()
    assert not [name for name in run.manifest["files"] if "wandb" in name]
    marketlab.Run.load(run.path)


NETWORKLESS = """
import socket, sys

def never(*arguments, **keywords):
    raise AssertionError(f"the network was asked for: {arguments}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = never
socket.create_connection = never
import marketlab
run = marketlab.train(sys.argv[2:], quiet=True)
run.predict(data=sys.argv[1])
assert "requests" not in sys.modules and "urllib3" not in sys.modules
"""


@pytest.fixture
def no_network(monkeypatch):
    def never(*arguments, **keywords):
        raise AssertionError(f"the network was asked for: {arguments}")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, never)
    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, never)


@pytest.mark.parametrize("model", ["ridge", "mlp", "lightgbm"])
def test_training_and_forecasting_touch_no_network(small, no_network, tmp_path, model):
    run = marketlab.train([*small, f"model={model}", NEXT, "trainer=debug"], quiet=True)
    assert len(run.predict(data=tmp_path / "data")) == 3
    assert len(run.predict(data=tmp_path / "data", snapshot="latest")) == 3


def test_nothing_that_is_imported_asks_the_network_either(small, tmp_path):
    overrides = [*small, "model=mlp", NEXT, "trainer=debug"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NETWORKLESS, str(tmp_path / "data"), *overrides],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

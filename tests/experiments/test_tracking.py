"""Tracking: trackers hear epochs and figures, none stops a run, and no run asks the network."""

import csv
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import marketlab
import pytest
from marketlab.errors import ConfigError
from marketlab.experiments.tracking import (
    CsvTracker,
    Several,
    TensorBoardTracker,
    WandbTracker,
)
from marketlab.experiments.tracking.guarded import Guarded

NEXT = "target=next_return"
EPOCHS = [{"epoch": e, "train_loss": 1 / e, "valid_loss": 2 / e} for e in (1, 2, 3)]


class Told:
    """A tracker that remembers what it was told."""

    def __init__(self):
        self.calls = []

    def start(self, name, run_id, config, folder):
        self.calls.append(("start", name, run_id, config, folder))

    def epoch(self, fold, entry):
        self.calls.append(("epoch", fold, dict(entry)))

    def finish(self, summary, run):
        self.calls.append(("finish", dict(summary), run))


@pytest.fixture
def told(monkeypatch):
    heard = Told()
    for name in ("start", "epoch", "finish"):
        monkeypatch.setattr(CsvTracker, name, lambda _, *a, name=name: getattr(heard, name)(*a))
    return heard


def tell(tracker, folder, run=None):
    """Tell a tracker of a run of three epochs."""
    tracker.start("small", "20260102-030405-mlp-ab12", {"seed": 3}, folder)
    for entry in EPOCHS:
        tracker.epoch(0, entry)
    tracker.finish({"ret@1/skill": 0.25}, run)


def test_a_run_tells_its_start_its_epochs_and_its_figures(small, told):
    choices = ["model=mlp", NEXT, "trainer.max_epochs=2", "tracking=csv"]
    run = marketlab.train([*small, *choices], quiet=True)
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
    assert told.calls[-1][2] == run.path
    assert (run.path / "manifest.json").is_file()


def test_a_run_that_fails_says_so(small, told, monkeypatch):
    monkeypatch.setattr(
        "marketlab.experiments.attempt.evaluate", lambda *_: (_ for _ in ()).throw(ValueError("x"))
    )
    with pytest.raises(ValueError, match="x"):
        marketlab.train([*small, "model=ridge", NEXT, "tracking=csv"], quiet=True)
    assert told.calls[-1] == ("finish", {}, None)


def test_several_trackers_are_a_list(small):
    choices = ["model=mlp", NEXT, "trainer.max_epochs=2", "tracking=[csv,tensorboard]"]
    run = marketlab.train([*small, *choices], quiet=True)
    rows = list(csv.DictReader((run.path.parent / "metrics.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {row["run"] for row in rows} == {run.path.name}
    assert list((run.path.parent / "tensorboard" / run.path.name).glob("events*"))
    assert not [name for name in run.manifest["files"] if "tensorboard" in name]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["tracking=wandbb"], "did you mean 'wandb'"),
        (["tracking=[csv,tensorbord]"], "did you mean 'tensorboard'"),
        (["tracking=wandb", "tracking.wandb.mode=onlin"], r"tracking\.wandb\.mode='onlin' must be"),
        (["tracking=wandb", "tracking.wandb.timeout=0"], r"tracking\.wandb\.timeout=0 must be"),
        (["tracking=csv", "tracking.csv.file=../x.csv"], "without its folder"),
        (["tracking=csv", "+tracking.csv.fiel=x"], "did you mean 'file'"),
        (["++tracking=3"], "tracking"),
    ],
)
def test_a_tracker_that_cannot_be_built_is_one_line(small, tmp_path, overrides, words):
    with pytest.raises(ConfigError, match=words) as caught:
        marketlab.train([*small, "model=ridge", *overrides], quiet=True)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_one_s_own_tracker_needs_no_name(small, told):
    node = "{_target_: marketlab.experiments.tracking.CsvTracker}"
    marketlab.train([*small, "model=ridge", NEXT, f"+tracking={node}"], quiet=True)
    assert [call[0] for call in told.calls] == ["start", "finish"]


# A tracker that fails.


class Failing(Told):
    """Raises at one of its calls."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def _hear(self, method):
        self.calls.append(method)
        if method == self.at:
            raise RuntimeError(f"no\nmore {method}")

    def start(self, *_):
        self._hear("start")

    def epoch(self, *_):
        self._hear("epoch")

    def finish(self, *_):
        self._hear("finish")


@pytest.mark.parametrize("at", ["start", "epoch", "finish"])
def test_a_tracker_that_fails_warns_once_and_the_others_go_on(capsys, tmp_path, at):
    failing, other = Failing(at), Told()
    several = Several({"bad": failing, "good": other})
    tell(several, tmp_path)
    said = capsys.readouterr()
    assert said.err == (
        f"warning: tracking=bad failed ({at}: RuntimeError: no more {at}); the run goes on "
        "without it\n"
    )
    assert not said.out
    assert [call[0] for call in other.calls] == ["start", "epoch", "epoch", "epoch", "finish"]
    heard = {
        "start": ["start"],
        "epoch": ["start", "epoch", "finish"],  # what it opened, it may close
        "finish": ["start", "epoch", "epoch", "epoch", "finish"],
    }
    assert failing.calls == heard[at]


def test_a_tracker_that_hangs_costs_its_patience_once(capsys, tmp_path):
    release = threading.Event()

    class Hanging(Told):
        def epoch(self, fold, entry):
            release.wait(30)

    started = time.perf_counter()
    tell(Guarded("slow", Hanging(), patience=0.2), tmp_path)
    taken = time.perf_counter() - started
    release.set()
    assert 0.2 <= taken < 2
    assert capsys.readouterr().err == (
        "warning: tracking=slow failed (epoch took more than 0.2 s); the run goes on without it\n"
    )


def test_a_run_outlives_its_trackers(small, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    for tracker, method in ((CsvTracker, "epoch"), (TensorBoardTracker, "start")):
        monkeypatch.setattr(tracker, method, full)
    choices = ["model=mlp", NEXT, "trainer=debug", "tracking=[csv,tensorboard]"]
    run = marketlab.train([*small, *choices], quiet=True)
    assert marketlab.Run.load(run.path).metrics
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(lines) == 2
    assert all("No space left on device" in line for line in lines)


def test_a_library_that_exits_does_not_end_the_run(tmp_path, capsys):
    class Exiting(Told):
        def start(self, *_):
            sys.exit(3)

    tell(Guarded("it", Exiting()), tmp_path)
    assert "failed (start: SystemExit: 3)" in capsys.readouterr().err


# CSV.


def test_csv_appends_a_row_an_epoch(tmp_path):
    tell(CsvTracker(), tmp_path)
    tell(CsvTracker(), tmp_path)
    rows = list(csv.reader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert rows[0] == ["run", "fold", "epoch", "train_loss", "valid_loss"]
    assert rows[1] == ["20260102-030405-mlp-ab12", "0", "1", "1.0", "2.0"]
    assert len(rows) == 7
    assert rows[1:4] == rows[4:7]


def test_csv_keeps_a_table_of_other_columns(tmp_path, capsys):
    path = tmp_path / "metrics.csv"
    path.write_text("a,b\n1,2\n")
    tell(Guarded("csv", CsvTracker()), tmp_path)
    assert path.read_text() == "a,b\n1,2\n"
    assert "has columns ['a', 'b']" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_warning(tmp_path, capsys):
    tracker = CsvTracker()
    tracker.start("n", "id", {}, tmp_path)
    tracker.epoch(0, EPOCHS[0])
    table = tmp_path / "metrics.csv"
    header = table.read_text()
    table.unlink()
    table.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        tracker._append(header)


def test_csv_rows_of_several_runs_never_mix(tmp_path):
    def run(number):
        tracker = CsvTracker()
        tracker.start("n", f"run-{number}", {}, tmp_path)
        for epoch in range(200):
            tracker.epoch(0, {"epoch": epoch, "train_loss": 0.5})

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list(csv.reader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert rows[0] == ["run", "fold", "epoch", "train_loss"]
    assert len(rows) == 801
    assert {len(row) for row in rows} == {4}


# TensorBoard.


def test_tensorboard_reads_back_what_was_told(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tell(TensorBoardTracker(), tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "20260102-030405-mlp-ab12"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {
        "fold_00/train_loss",
        "fold_00/valid_loss",
        "ret@1/skill",
    }
    losses = events.Scalars("fold_00/valid_loss")
    assert [(e.step, round(e.value, 5)) for e in losses] == [(1, 2.0), (2, 1.0), (3, 0.66667)]
    (text,) = events.Tensors("recipe/text_summary")
    assert b"seed: 3" in text.tensor_proto.string_val[0]


def test_tensorboard_needs_no_tensorflow(tmp_path):
    code = (
        "import sys, pathlib\n"
        "from marketlab.experiments.tracking import TensorBoardTracker\n"
        "tracker = TensorBoardTracker()\n"
        "tracker.start('n', 'id', {'a': 1}, pathlib.Path(sys.argv[1]))\n"
        "tracker.finish({'x': 1.0}, None)\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("choice", "module"),
    [("wandb", "wandb"), ("tensorboard", "torch.utils.tensorboard")],
)
def test_without_its_library_it_is_one_line(monkeypatch, small, tmp_path, choice, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"pip install 'marketlab\[{choice}\]'") as caught:
        marketlab.train([*small, "model=ridge", f"tracking={choice}"], quiet=True)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


# Weights & Biases.


@pytest.mark.parametrize(("key", "mode"), [(None, "offline"), ("x" * 40, "online")])
def test_it_is_online_only_with_a_key(monkeypatch, key, mode):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    assert WandbTracker()._mode == mode
    assert WandbTracker(mode="offline")._mode == "offline"
    with pytest.raises(ConfigError, match="must be online, offline or null"):
        WandbTracker(mode="on")


@pytest.fixture
def wandb(monkeypatch, tmp_path):
    """W&B with a home of its own and without a key."""
    library = pytest.importorskip("wandb")
    for name in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / "wandb-own"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    yield library
    library.teardown()


def records(path):
    """Read what W&B wrote: LevelDB's log format, whose records are W&B's own messages."""
    from wandb.proto import wandb_internal_pb2

    data, block, header = path.read_bytes(), 32768, 7
    assert data[:4] == b":W&B"
    found, parts, at = [], b"", header
    while at + header <= len(data):
        if block - at % block < header:
            at += block - at % block
            continue
        size, kind = struct.unpack_from("<HB", data, at + 4)
        parts += data[at + header : at + header + size]
        at += header + size
        if kind in (1, 4):  # whole, or the last piece
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            found.append(record)
            parts = b""
    return found


def key_of(item):
    return item.key or "/".join(item.nested_key)


def test_wandb_offline_holds_config_epochs_figures_and_artifacts(wandb, small):
    choices = ["model=mlp", NEXT, "trainer.max_epochs=2", "tracking=wandb"]
    run = marketlab.train([*small, *choices], quiet=True)
    assert wandb.run is None
    (written,) = (run.path.parent / "wandb").glob("offline-run-*/run-*.wandb")
    told = records(written)
    (opened,) = [record.run for record in told if record.HasField("run")][:1]
    assert (opened.run_id, opened.display_name) == (run.path.name, run.path.name)
    assert (opened.project, opened.run_group) == ("marketlab", "small")
    config = {key_of(item): json.loads(item.value_json) for item in opened.config.update}
    assert config["name"] == "small"
    assert config["model"]["net"]["hidden"] == [64, 32]
    epochs = [
        {key_of(item): json.loads(item.value_json) for item in record.history.item}
        for record in told
        if record.HasField("history")
    ]
    assert [entry["fold_00/epoch"] for entry in epochs] == [1, 2]
    assert all({"fold_00/train_loss", "fold_00/valid_loss"} <= entry.keys() for entry in epochs)
    figures = {
        key_of(item): json.loads(item.value_json)
        for record in told
        if record.HasField("summary")
        for item in record.summary.update
    }
    assert figures["ret_next@1/skill"] == run.evaluation.labels[0].skill
    artifacts = {
        record.request.log_artifact.artifact.type: record.request.log_artifact.artifact
        for record in told
        if record.HasField("request") and record.request.HasField("log_artifact")
    } or {record.artifact.type: record.artifact for record in told if record.HasField("artifact")}
    files = {
        kind: sorted(entry.path for entry in artifact.manifest.contents)
        for kind, artifact in artifacts.items()
    }
    assert files["report"] == ["report.html"]
    models = [f for f in run.manifest["files"] if f.startswith("folds/")]
    assert files["model"] == sorted(models)
    assert not [name for name in run.manifest["files"] if "wandb" in name]
    marketlab.Run.load(run.path)


def test_a_resumed_run_keeps_its_id(wandb, tmp_path):
    tracker = WandbTracker(mode="offline")
    for _ in range(2):
        tell(tracker, tmp_path)
        time.sleep(1)  # W&B names its folders by the second
    opened = [
        next(r.run.run_id for r in records(path) if r.HasField("run"))
        for path in (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    ]
    assert opened == ["20260102-030405-mlp-ab12"] * 2


class Answers500(BaseHTTPRequestHandler):
    """A server that cannot."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked += 1
        self.send_response(500)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_PUT = do_POST  # noqa: N815 - the library's names

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(params=["answers 500", "refuses"])
def server(request):
    """Yield the address of a server on loopback that fails, and how often it was asked."""
    served = ThreadingHTTPServer(("127.0.0.1", 0), Answers500)
    served.asked = 0
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    if request.param == "refuses":
        served.shutdown()
        served.server_close()
    yield served
    if request.param != "refuses":
        served.shutdown()
        served.server_close()
    thread.join()


def test_a_wandb_server_that_fails_is_one_warning(wandb, server, tmp_path):
    host, port = server.server_address
    code = (
        "import sys, pathlib\n"
        "from marketlab.experiments.tracking import Several, WandbTracker\n"
        "several = Several({'wandb': WandbTracker(timeout=2)})\n"
        "several.start('n', 'an-id', {'a': 1}, pathlib.Path(sys.argv[1]))\n"
        "several.epoch(0, {'epoch': 1})\n"
        "several.finish({'x': 1.0}, None)\n"
    )
    environment = {
        **os.environ,
        "WANDB_API_KEY": "a" * 40,
        "WANDB_BASE_URL": f"http://{host}:{port}",
    }
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert time.perf_counter() - started < 30
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: tracking=wandb failed (start: ")
    assert line.endswith("; the run goes on without it")
    assert not done.stdout


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

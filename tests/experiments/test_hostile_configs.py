"""Configs from strangers: none executes or writes; each is refused in one line, and at once.

A run is trained, its config is changed as a stranger might, every hash is put right again, and then
it is read, forecast with and trained again, in a folder whose every file is watched.
"""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from marketlab.errors import ConfigError, RunError
from marketlab.experiments.configs import read_saved

from sandbox import sandbox, trained

__all__ = ["sandbox", "trained"]  # fixtures


def test_the_run_is_good_before_it_is_changed(sandbox):
    box = sandbox()
    box.change(["seed"], 0)
    assert len(box.predict()) == 3
    assert box.rerun().identical


# What a config may name.

TARGETS = [
    "joblib.load",
    "pandas.read_pickle",
    "numpy.load",
    "torch.load",
    "torch.hub.load",
    "pickle.loads",
    "marshal.loads",
    "yaml.unsafe_load",
    "dill.loads",
    "shutil.copy",
    "shutil.rmtree",
    "pathlib.Path.write_text",
    "pathlib.Path.touch",
    "pathlib.Path",
    "builtins.eval",
    "builtins.exec",
    "builtins.open",
    "builtins.__import__",
    "builtins.getattr",
    "builtins.compile",
    "os.system",
    "os.mkdir",
    "posix.system",
    "subprocess.run",
    "subprocess.Popen",
    "runpy.run_path",
    "ctypes.CDLL",
    "importlib.import_module",
    "functools.partial",
    "operator.methodcaller",
    "hydra.utils.get_method",
    "hydra.utils.instantiate",
    "hydra.utils.call",
    "hydra._internal.utils._locate",
    "omegaconf.OmegaConf.save",
    "logging.FileHandler",
    "logging.config.dictConfig",
    "urllib.request.urlretrieve",
    "keras.models.load_model",
    "lightgbm.Booster",
    "pytorch_lightning.callbacks.ModelCheckpoint",
    "pytorch_lightning.loggers.CSVLogger",
    "marketlab.train",
    "optuna.samplers.TPESampler",
    "hydra_plugins.marketlab.OptunaSweeper",
    "marketlab.experiments.train.train",
    "marketlab.data.disk.sync",
    "os.system ",
    "OS.SYSTEM",
    "..os.system",
    ["os.system"],
    {"_target_": "os.system"},
    3,
    None,
]


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_foreign_target_is_not_built(sandbox, target):
    box = sandbox()
    node = {"_target_": target, "_args_": [str(box.canary)], "src": "outside.txt", "dst": "canary"}
    box.change(["model"], node)
    box.refuses(box.predict, words="which marketlab does not ship|lacks model")


PLACES = [
    ["dataset"],
    ["dataset", "source"],
    ["dataset", "exchange"],
    ["features", "expressions", "ret_1"],
    ["features", "views"],
    ["target"],
    ["target", "targets", "ret_next"],
    ["split"],
    ["scaler"],
    ["model", "estimator"],
    ["model", "search", "alpha"],
    ["trainer"],
    ["trainer", "callbacks"],
    ["tracking"],
    ["windows"],
    ["choices"],
    ["own"],
]


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_foreign_target_is_found_wherever_it_is(sandbox, place):
    box = sandbox()
    node = {"_target_": "shutil.copy", "src": "outside.txt", "dst": "canary"}
    for wrapped in (
        node,
        [[{"deep": [node]}]],
        {"_target_": "marketlab.models.har.HAR", "x": node},
    ):
        box.change(place, wrapped)
        box.refuses(box.predict, words="names 'shutil.copy', which marketlab does not ship")
    if place == ["tracking"]:  # of no use to a rerun, which tells nobody
        assert box.rerun().run.path.is_relative_to(box.folder / "mine")
        assert not box.canary.exists()
    else:
        box.refuses(box.rerun, words="names 'shutil.copy', which marketlab does not ship")


def test_what_the_user_allows_is_built(sandbox):
    """The harness can fail: this canary sings."""
    box = sandbox()
    box.change(["model"], {"_target_": "shutil.copy", "src": "outside.txt", "dst": "canary"})
    with pytest.raises(ConfigError, match="is a str, not a Forecaster"):
        box.predict(allow=["shutil.copy"])
    assert box.canary.read_text() == "precious"


OWN = [
    ("model", {"_target_": "pytorch_lightning.Trainer", "default_root_dir": "canary"}),
    ("model", {"_target_": "marketlab.experiments.tracking.WandbTracker"}),
    ("model", {"_target_": "marketlab.models.har.HAR", "_partial_": True}),
    ("model", {"_target_": "marketlab.models.har.HAR", "_partial_": "yes"}),
    ("model", {"_target_": "marketlab.models.har.HAR", "_args_": [1]}),
    ("model", {"_target_": "marketlab.models.har.HAR", "_convert_": "object"}),
    ("model", {"_target_": "marketlab.models.har.HAR", "_recursive_": False}),
    ("model", {"_target_": "marketlab.models.har.HAR", "__init__": 3}),
    ("dataset", {"_target_": "marketlab.data.sources.csv.Csv", "path": "/etc/passwd"}),
    ("features", {"_target_": "marketlab.data.dataset.Dataset"}),
    ("target", {"_target_": "torch.optim.AdamW", "_partial_": True}),
    ("target", {"_target_": "marketlab.data.targets.Targets", "targets": "x"}),
    ("windows", {"layout": "../x", "mask": False, "batch_size": 1}),
    ("windows", "x"),
    ("dataset", None),
    ("model", []),
]


@pytest.mark.parametrize(("place", "node"), OWN, ids=lambda value: str(value)[:60])
def test_our_own_classes_in_the_wrong_place_are_refused(sandbox, place, node):
    box = sandbox()
    box.change([place], node)
    box.refuses(box.predict, box.rerun)


VALUES = [
    (["dataset", "name"], "../escape"),
    (["dataset", "name"], "/tmp/escape"),
    (["dataset", "name"], ".hidden"),
    (["dataset", "clock"], "../../x"),
    (["dataset", "source", "_partial_"], True),
    (["dataset", "source", "symbols"], 10**40),
    (["features", "rows"], 10**9),
    (["features", "expressions", "ret_1"], "__import__('os').system('touch canary')"),
    (["features", "expressions", "ret_1"], "close.__class__"),
    (["features", "expressions", "ret_1"], "(" * 5000 + "close" + ")" * 5000),
    (["features", "expressions", "ret_1"], "9**9**9**9 * close"),
    (["features", "expressions", "ret_1"], "ts_mean(close, 2000000000)"),
    (["features", "expressions", "ret_1"], "lead(close, 1)"),
    (["model", "window"], "../x"),
    (["model", "estimator", "alpha"], float("nan")),
    (["model", "search", "alpha"], "x"),
    (["target", "targets", "ret_next", "expr"], "eval(close)"),
    (["target", "targets", "ret_next", "expr"], "lead(close, 100000000)"),
]


@pytest.mark.parametrize(("place", "value"), VALUES, ids=lambda value: str(value)[:40])
def test_hostile_values_are_refused(sandbox, place, value):
    box = sandbox()
    box.change(place, value)
    box.refuses()


INTERPOLATIONS = [
    "${oc.env:HOME}",
    "${oc.env:SECRET,default}",
    "${oc.decode:'1'}",
    "${oc.create:{a: 1}}",
    "${oc.select:paths.data}",
    "${oc.dict.values:paths}",
    "${oc.deprecated:seed}",
    "${hydra:runtime.cwd}",
    "${now:%Y}",
    "${python_version:}",
    "${eval:1+1}",
    "${paths.data}",
    "${.data}",
    "${..seed}",
    "${${name}}",
    "a${seed}b",
    "\\${seed}",
    "$${seed}",
    "${",
]


@pytest.mark.parametrize("text", INTERPOLATIONS)
def test_no_interpolation_is_followed(sandbox, text):
    box = sandbox()
    good = box.config.read_text()
    for place, value in (
        (["name"], text),
        (["model", "search", "alpha"], [[{"a": text}]]),
        ([text], 1),
        (["dataset", "source", text], 1),
    ):
        box.write("config.yaml", good)
        box.change(place, value)
        box.refuses(box.predict, words=r"holds '\$\{', which a saved config may not")


@pytest.mark.parametrize("where", ["hydra", "hydra_root"])
def test_hydra_s_own_node_is_refused(sandbox, where):
    box = sandbox()
    handlers = {"file": {"class": "logging.FileHandler", "filename": str(box.canary)}}
    node = {
        "run": {"dir": str(box.canary)},
        "launcher": {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"},
        "job_logging": {"version": 1, "handlers": handlers, "root": {"handlers": ["file"]}},
    }
    if where == "hydra":
        node.pop("launcher")
        box.change(["hydra"], node)
    else:
        box.change(["trainer", "hydra"], node)
    box.refuses(box.predict, box.rerun)


# What YAML can do.

_SEVEN = "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefgh"))
YAMLS = {
    "object": "model: !!python/object/apply:os.system ['touch canary']",
    "object new": "model: !!python/object/new:os.system ['touch canary']",
    "name": "model: !!python/name:os.system",
    "module": "model: !!python/module:os",
    "tuple": "model: !!python/tuple [1]",
    "own tag": "model: !mine {a: 1}",
    "binary": "model: !!binary aGVsbG8=",
    "set": "model: !!set {a, b}",
    "omap": "model: !!omap [a: 1]",
    "pairs": "model: !!pairs [a: 1]",
    "timestamp": "model: 2001-01-01",
    "timestamp of no day": "model: 2001-99-99",
    "alias": "a: &x [1]\nb: *x",
    "alias to itself": "a: &x [*x]",
    "alias bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n" + _SEVEN,
    "merge": "a: &x {b: 1}\nc: {<<: *x}",
    "deep list": "a: " + "[" * 100_000,
    "deep mapping": "a: " + "{a: " * 3000 + "1" + "}" * 3000,
    "deep block": "\n".join(" " * k + "a:" for k in range(600)),
    "wide": "a: [" + "x," * 400_000 + "]",
    "keys": "{" + ",".join(f"k{k}: 1" for k in range(100_000)) + "}",
    "twice": "model: {_target_: marketlab.models.har.HAR}\nmodel: {_target_: os.system}",
    "huge int": "seed: " + "9" * 100_000,
    "huge hex": "seed: 0x" + "f" * 500_000,
    "base 60": "seed: " + ":".join(["59"] * 100_000),
    "base 60 float": "seed: " + ":".join(["59"] * 100_000) + ".5",
    "huge float": "seed: 1." + "0" * 500_000,
    "huge string": "name: " + "x" * 1_000_001,
    "huge key": "? " + "x" * 900_000 + "\n: 1",
    "list as key": "? [a, b]\n: 1",
    "documents": "a: 1\n---\nb: 2",
    "list": "- 1",
    "text": "hello",
    "nothing": "",
    "no end": "a: [1, {b: ",
    "null bytes": "a: \x00",
    "tab": "\ta: 1",
    "missing": "model: ???",
}


@pytest.mark.parametrize("name", YAMLS)
def test_hostile_yaml_is_refused(sandbox, name):
    box = sandbox()
    box.write("config.yaml", YAMLS[name] + "\n")
    box.refuses(box.predict)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00a", b"a: \xe9", b"\x80" * 100, b"PK\x03\x04"])
def test_a_config_that_is_no_text_is_refused(sandbox, data):
    box = sandbox()
    box.write("config.yaml", data)
    box.refuses(box.predict)


def test_our_own_configs_are_not_near_the_limits(trained):
    text = (trained("mlp").path / "config.yaml").read_text()
    assert read_saved(trained("mlp").path / "config.yaml").seed == 0
    assert len(text) < 20_000


# Paths.


def test_saved_paths_are_not_used(sandbox):
    box = sandbox()
    for key in ("data", "outputs"):
        box.change(["paths", key], str(box.folder / "escape"))
    box.change(["dataset", "snapshot"], "/etc/passwd.parquet")
    assert len(box.predict()) == 3
    assert box.rerun().run.path.is_relative_to(box.folder / "mine")
    assert not (box.folder / "escape").exists()


def test_a_source_of_the_run_is_not_read(sandbox, monkeypatch):
    from marketlab.data.sources.tables import TableFile

    box = sandbox()
    read = []
    monkeypatch.setattr(TableFile, "load", lambda self: read.append(self.path))
    path = str(box.folder / "outside.txt")
    box.change(["dataset", "source"], {"_target_": "marketlab.data.sources.csv.Csv", "path": path})
    box.change(["dataset", "ratios"], path)
    box.predict()
    box.change(["dataset", "universe"], path)
    box.refuses()  # the snapshot knows no members
    box.change(["dataset", "universe"], None)
    for snapshot in ("", None, "latest", path, f"{path}.parquet", "../../x", 3, ["a"]):
        data = json.loads((box.run / "manifest.json").read_text())["data"]
        box.manifest(data={**data, "snapshot": snapshot})
        box.refuses()
    box.refuses(box.rerun)
    assert not read


@pytest.mark.parametrize("name", ["../../escape", "/tmp/escape", "..", "a/b", ".x", "", "a\nb"])
def test_a_name_does_not_lead_out_of_the_outputs(sandbox, name):
    box = sandbox()
    box.change(["name"], name)
    box.refuses(box.rerun)


def test_a_trainer_writes_into_the_run_alone(sandbox):
    box = sandbox("mlp")
    box.change(["trainer", "default_root_dir"], str(box.canary))
    box.change(["trainer", "enable_checkpointing"], True)
    before = box.listing()
    box.rerun()
    new = {name for name in box.listing().keys() - before.keys() if not name.startswith("mine")}
    assert not new


def test_a_stranger_s_tracker_is_not_told(sandbox):
    box = sandbox()
    node = {"csv": {"_target_": "marketlab.experiments.tracking.CsvTracker"}}
    box.change(["tracking"], node)
    run = box.rerun().run
    assert not (run.path.parent / "metrics.csv").exists()


def test_through_the_command_line_it_is_one_line_and_status_2(sandbox):
    box = sandbox()
    box.change(["model"], {"_target_": "os.system", "_args_": ["touch canary"]})
    before = box.listing()
    root = Path(__file__).parents[2]
    for name, words in (("predict", [f"run={box.run}"]), ("train", [f"rerun={box.run}"])):
        done = subprocess.run(
            [sys.executable, root / "scripts" / f"{name}.py", *words, f"paths.data={box.data}"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert done.returncode == 2
        assert not done.stdout
        *said, line = done.stderr.splitlines()
        assert not said or name == "train"  # which says at once what it begins
        assert line.startswith("error: ")
        assert "names 'os.system', which marketlab does not ship" in line
    assert box.listing() == before


def test_a_run_error_names_the_file(sandbox):
    box = sandbox()
    box.write("config.yaml", "a: [\n")
    with pytest.raises(RunError, match=re.escape(str(box.config))):
        box.predict()

"""Run directories from strangers: files that are missing, too large, swapped or lie, and links."""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import marketlab
import numpy as np
import pytest
from marketlab.data.disk import sha256_of
from marketlab.errors import RunError
from safetensors.numpy import load_file, save

from sandbox import sandbox, trained

__all__ = ["sandbox", "trained"]  # fixtures

MODEL = "folds/00/model"
DEEP = "[" * 200_000


def both(box):
    return box.predict, lambda: marketlab.Run.load(box.run)


# The manifest.

MANIFESTS = {
    "empty": "",
    "list": "[]",
    "text": '"x"',
    "deep": DEEP,
    "huge": " " * 16_000_001,
    "huge number": '{"format": ' + "9" * 10_000 + "}",
    "no files": '{"format": 1}',
    "files of another kind": '{"format": 1, "files": 3}',
    "newer": '{"format": 99, "files": {}}',
    "format of another kind": '{"format": "1", "files": {}}',
    "cut short": '{"format": 1, "files": {"config.yaml": "',
    "not text": b"\xff\xfe\x00",
    "pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system",
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_hostile_manifest_is_refused(sandbox, name):
    box, content = sandbox(), MANIFESTS[name]
    content = content if isinstance(content, bytes) else content.encode()
    (box.run / "manifest.json").write_bytes(content)
    box.refuses(*both(box))


@pytest.mark.parametrize(
    "name",
    ["../../outside.txt", "{}/outside.txt", "/etc/passwd", "a/../../../outside.txt", "x\x00", "",
     ".", "x" * 5000, "folds"],
)  # fmt: skip
def test_no_listed_name_leads_out_of_the_run(sandbox, name):
    box = sandbox()
    name = name.format(box.folder)
    files = json.loads((box.run / "manifest.json").read_text())["files"]
    sha = hashlib.sha256(b"precious").hexdigest()
    box.manifest(files={**files, name: sha})
    lines = box.refuses(*both(box))
    assert not any("precious" in line for line in lines)


@pytest.mark.parametrize(
    "place", ["../../theirs", "/etc", "..", "folds/00/../../..", "", ".", "folds/99", "\x00", None,
              3, ["folds/00"], "x" * 5000],
)  # fmt: skip
def test_the_model_is_one_of_the_run(sandbox, place):
    box = sandbox()
    box.manifest(predict_with=place)
    box.refuses(box.predict)


@pytest.mark.parametrize(
    "data", [None, {}, [], {"snapshot": "x"}, {"snapshot": "0" * 64, "symbols": 3}]
)
def test_a_manifest_without_its_data_is_refused(sandbox, data):
    box = sandbox()
    box.manifest(data=data)
    box.refuses(box.predict)


# Links, and what is no file.


@pytest.mark.parametrize("name", ["config.yaml", "folds/00/scaler.json", f"{MODEL}/spec.json"])
def test_a_link_out_of_the_run_is_refused(sandbox, name):
    box = sandbox()
    path = box.run / name
    (box.folder / "theirs" / "moved").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(box.folder / "theirs" / "moved")
    box.refuses(*both(box))


def test_a_link_inside_of_a_fold_is_refused(sandbox):
    box = sandbox()
    (box.run / MODEL / "link.json").symlink_to(box.folder / "outside.txt")
    box.refuses(box.predict, words="no plain file")
    (box.run / MODEL / "link.json").unlink()
    (box.run / MODEL).rename(box.folder / "theirs" / "model")
    (box.run / MODEL).symlink_to(box.folder / "theirs" / "model")
    box.refuses(*both(box))


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/tty", "/", "nowhere", "manifest.json"])
def test_a_manifest_that_is_a_link_is_refused(sandbox, target):
    box = sandbox()
    (box.run / "manifest.json").unlink()
    (box.run / "manifest.json").symlink_to(target)
    box.refuses(*both(box))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("name", ["manifest.json", "config.yaml", f"{MODEL}/spec.json"])
def test_a_pipe_does_not_hang_the_reader(sandbox, name):
    box = sandbox()
    (box.run / name).unlink()
    os.mkfifo(box.run / name)
    box.refuses(*both(box))


@pytest.mark.parametrize("name", ["config.yaml", "manifest.json", f"{MODEL}/spec.json"])
def test_a_folder_in_the_place_of_a_file_is_refused(sandbox, name):
    box = sandbox()
    (box.run / name).unlink()
    (box.run / name).mkdir()
    box.refuses(*both(box))


# Files that were changed.


@pytest.mark.parametrize(
    "name",
    ["config.yaml", "metrics.json", "predictions.parquet", "folds/00/scaler.json",
     f"{MODEL}/spec.json", f"{MODEL}/model.safetensors"],
)  # fmt: skip
def test_a_file_that_was_changed_cut_or_taken_away_is_noticed(sandbox, name):
    box = sandbox()
    path = box.run / name
    data = path.read_bytes()
    for changed in (data + b" ", data[:-1], data[: len(data) // 2], b"", bytes(len(data))):
        path.write_bytes(changed)
        box.refuses(*both(box), words="was changed after the run ended")
    path.unlink()
    box.refuses(*both(box), words="lacks its file")


def test_files_beside_those_of_the_model_are_refused(sandbox):
    box = sandbox()
    (box.run / MODEL / "more.safetensors").write_bytes(b"x")
    box.refuses(box.predict, words="is not of this run")


LAMBDA = {
    "class_name": "Sequential",
    "config": {"layers": [{"class_name": "Lambda", "config": {"function": ["touch canary"]}}]},
}


@pytest.mark.parametrize("name", ["model.keras", "model.pkl", "model.pt", "model.joblib", "x.npy"])
def test_a_model_in_a_format_that_runs_code_is_refused(sandbox, name):
    box = sandbox()
    box.write(f"{MODEL}/{name}", json.dumps(LAMBDA))
    box.refuses(box.predict, words="no model of marketlab is kept in that format")


@pytest.mark.parametrize(
    "content", [DEEP, "x", "[]", "3", " " * 16_000_001, '{"a": 1e999}', b"\xff"]
)
def test_hostile_json_with_the_right_hash_is_refused(sandbox, content):
    box = sandbox()
    for name in ("folds/00/scaler.json", f"{MODEL}/spec.json"):
        good = (box.run / name).read_bytes()
        box.write(name, content)
        box.refuses(box.predict)
        box.write(name, good)
    assert len(box.predict()) == 3


@pytest.mark.parametrize("content", [DEEP, "x", "[1]", "", b"\xff", " " * 16_000_001])
def test_metrics_and_forecasts_that_are_none_are_refused(sandbox, content):
    box = sandbox()
    box.write("metrics.json", content)
    box.refuses(lambda: marketlab.Run.load(box.run).metrics, words="not the metrics")
    box.write("predictions.parquet", content)
    box.refuses(lambda: marketlab.Run.load(box.run).predictions, words="not the forecasts")


def test_forecasts_that_are_cut_short_are_refused(sandbox):
    box = sandbox()
    data = (box.run / "predictions.parquet").read_bytes()
    for cut in (data[: len(data) // 2], data[:-4], data[:4] + bytes(len(data) - 8) + data[-4:]):
        box.write("predictions.parquet", cut)
        box.refuses(lambda: marketlab.Run.load(box.run).predictions, words="not the forecasts")


# Models whose hash is right.


def with_json(path, *changes):
    """Return a JSON file's text with other values at some places."""
    content = json.loads(path.read_text())
    for place, value in changes:
        node = content
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["inputs", "center"], [float("nan")] * 7),
        (["inputs", "scale"], [0.0] * 7),
        (["inputs", "scale"], [1e-300] * 7),
        (["inputs", "scale"], [1.0]),
        (["inputs", "center"], "x"),
        (["inputs", "center"], [[1.0] * 7]),
        (["labels", "scale"], [-1.0]),
        (["labels"], None),
    ],
)
def test_hostile_scales_are_refused(sandbox, place, value):
    box = sandbox()
    path = box.run / "folds/00/scaler.json"
    box.write("folds/00/scaler.json", with_json(path, (place, value)))
    box.refuses(box.predict)


SPECS = [
    (["inputs"], {"x": [8, 10**12]}),
    (["inputs"], {"x": [10**6, 10**6]}),
    (["inputs"], {"x": [-8, 7]}),
    (["inputs"], {"y": [8, 7]}),
    (["inputs"], {}),
    (["inputs"], [8, 7]),
    (["labels"], ["x"]),
    (["labels"], ["ret_next@1"] * 100_000),
    (["quantities"], [[]]),
    (["quantities"], [["mean"] * 100_000]),
    (["n_out"], 10**9),
    (["n_out"], -1),
    (["n_out"], "x"),
    (["model"], "os.system"),
    (["format"], 99),
    (["extra"], {}),
    (["extra"], 3),
]


@pytest.mark.parametrize(("place", "value"), SPECS, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("model", ["ridge", "mlp", "lightgbm", "har"])
def test_hostile_specs_are_refused(sandbox, model, place, value):
    box = sandbox(model)
    if model in ("har", "ridge", "lightgbm") and place == ["quantities"] and value == [[]]:
        value = [["mean", "mean"]]
    box.write(f"{MODEL}/spec.json", with_json(box.run / MODEL / "spec.json", (place, value)))
    box.refuses(box.predict)


@pytest.mark.parametrize(
    ("place", "value"),
    [(["extra", "features"], 1), (["extra", "features"], "x"), (["extra", "features"], 10**9)],
)
def test_a_linear_model_of_another_width_is_refused(sandbox, place, value):
    box = sandbox()
    arrays = load_file(box.run / MODEL / "model.safetensors")
    if value == 1:
        arrays["coef.0"] = np.ascontiguousarray(arrays["coef.0"][:, :1])
        box.write(f"{MODEL}/model.safetensors", save(arrays))
    box.write(f"{MODEL}/spec.json", with_json(box.run / MODEL / "spec.json", (place, value)))
    box.refuses(box.predict)


def header(**entries):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


TENSORS = {
    "nothing": b"",
    "garbage": b"x" * 500,
    "pickle": b"\x80\x04." + b"x" * 500,
    "header beyond the end": struct.pack("<Q", 2**62) + b"{}",
    "header of a gigabyte": struct.pack("<Q", 2**30) + b"{}",
    "offsets beyond the end": header(a={"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}),
    "sizes that lie": header(a={"dtype": "F32", "shape": [2**40], "data_offsets": [0, 8]})
    + bytes(8),
    "sizes that overflow": header(
        a={"dtype": "F32", "shape": [2**33, 2**33], "data_offsets": [0, 0]}
    ),
    "negative": header(a={"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}),
    "deep": struct.pack("<Q", 50_000) + b"[" * 50_000,
    "other names": save({"x": np.ones(3, np.float32)}),
}


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("model", ["ridge", "mlp", "har"])
def test_hostile_tensors_are_refused(sandbox, model, name):
    box = sandbox(model)
    box.write(f"{MODEL}/model.safetensors", TENSORS[name])
    box.refuses(box.predict)


@pytest.mark.parametrize("model", ["ridge", "mlp", "har"])
def test_tensors_of_other_shapes_are_refused(sandbox, model):
    box = sandbox(model)
    arrays = load_file(box.run / MODEL / "model.safetensors")
    name, array = max(arrays.items(), key=lambda item: item[1].size)
    for other in (array[..., :1], array[..., None], np.repeat(array, 2, axis=0), array[:0]):
        changed = arrays | {name: np.ascontiguousarray(other)}
        box.write(f"{MODEL}/model.safetensors", save(changed))
        box.refuses(box.predict)


def test_weights_that_are_no_numbers_are_refused(sandbox):
    box = sandbox("mlp")
    arrays = load_file(box.run / MODEL / "model.safetensors")
    name = max(arrays, key=lambda name: arrays[name].size)
    for value in (np.nan, np.inf):
        arrays[name].flat[0] = value
        box.write(f"{MODEL}/model.safetensors", save(arrays))
        box.refuses(box.predict, words="holds no finite")


@pytest.mark.parametrize("hidden", [[65_536] * 64, [32], [64, 32, 16], []], ids=len)
def test_a_net_that_the_file_does_not_hold_is_never_built(sandbox, hidden):
    box = sandbox("mlp")
    box.change(["model", "net", "hidden"], hidden)
    box.refuses(box.predict)


# LightGBM ends the process over a text that is not as it expects.


def boosters(box, change):
    """Change the text of the first booster, and put both of its hashes right."""
    path = box.run / MODEL / "label-00-00.txt"
    text = change(path.read_text())
    box.write(f"{MODEL}/{path.name}", text)
    spec = json.loads((box.run / MODEL / "spec.json").read_text())
    spec["extra"]["hashes"][0][0] = hashlib.sha256(text.encode()).hexdigest()
    box.write(f"{MODEL}/spec.json", json.dumps(spec))


def line(key, value):
    """Change the first line of a key."""

    def change(text):
        changed = re.sub(rf"^{key}=.*$", lambda _: f"{key}={value}", text, count=1, flags=re.M)
        assert changed != text
        return changed

    return change


def entry(key, index, value):
    """Change one number of a tree."""

    def change(text):
        values = re.search(rf"^{key}=(.*)$", text, flags=re.M).group(1).split(" ")
        values[index] = value
        return line(key, " ".join(values))(text)

    return change


TEXTS = {
    "nothing": lambda text: "",
    "garbage": lambda text: "x" * 1000,
    "a half": lambda text: text[: len(text) // 2],
    "without its end": lambda text: text.partition("end of trees")[0],
    "left child far away": entry("left_child", 0, "1000000"),
    "left child of its own": entry("left_child", 0, "0"),
    "left child before the leaves": entry("left_child", 0, "-1000"),
    "no number": entry("left_child", 0, "x"),
    "feature far away": entry("split_feature", 0, "100000"),
    "feature below 0": entry("split_feature", 0, "-1"),
    "categories": entry("decision_type", 0, "1"),
    "NaN": entry("leaf_value", 0, "nan"),
    "infinite": entry("threshold", 0, "1e999"),
    "too few": line("threshold", "1"),
    "too many": line("leaf_value", " ".join(["1"] * 1000)),
    "leaves without end": line("num_leaves", 1_000_000_000),
    "leaves below 0": line("num_leaves", -5),
    "other leaves": line("num_leaves", 7),
    "categories without end": line("num_cat", 1_000_000),
    "linear": line("is_linear", 1),
    "sizes": line("tree_sizes", "99999999"),
    "sizes of one": line("tree_sizes", "1"),
    "sizes of none": line("tree_sizes", ""),
    "features without end": line("max_feature_idx", 2_000_000_000),
    "trees without end": line("num_tree_per_iteration", 1_000_000_000),
    "classes without end": line("num_class", 1_000_000_000),
    "another objective": line("objective", "custom"),
    "classes": line("objective", "multiclass num_class:3"),
    "a name twice": lambda text: text.replace("num_cat=0", "num_cat=0\nnum_cat=5", 1),
    "another key": lambda text: text.replace("num_cat=0", "num_cat=0\ncat_threshold=5", 1),
    "a tree more": lambda text: text.replace(
        "end of trees", "Tree=99\nnum_leaves=-1\nend of trees"
    ),
    "categories of pandas": lambda text: text.replace("categorical:null", "categorical:[[1]]"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_boosters_are_refused(sandbox, name):
    box = sandbox("lightgbm", "h_day_return")
    boosters(box, TEXTS[name])
    box.refuses(box.predict)


def test_a_booster_that_ends_the_process_is_one(sandbox):
    """What the texts above are kept from: LightGBM itself does not live through this one."""
    box = sandbox("lightgbm", "h_day_return")
    text = TEXTS["left child far away"]((box.run / MODEL / "label-00-00.txt").read_text())
    code = "import sys, lightgbm\nlightgbm.Booster(model_str=sys.stdin.read())"
    done = subprocess.run([sys.executable, "-c", code], input=text, text=True, capture_output=True)
    assert done.returncode < 0


@pytest.mark.parametrize(
    "hashes", [[], [[]], [["x"]], [["x", "y"]], [[3]], "x", None, [["0" * 64] * 100_000]], ids=str
)
def test_hostile_lists_of_boosters_are_refused(sandbox, hashes):
    box = sandbox("lightgbm", "h_day_return")
    path = box.run / MODEL / "spec.json"
    box.write(f"{MODEL}/spec.json", with_json(path, (["extra", "hashes"], hashes)))
    box.refuses(box.predict)


# Yardsticks.

_LABEL = "ret_next@1"
YARDSTICKS = [
    ("climatology", ["pooled"], "x"),
    ("climatology", ["pooled"], []),
    ("climatology", ["pooled"], [1.0, 2.0]),
    ("climatology", ["pooled"], [float("nan")]),
    ("climatology", ["pooled"], [[1.0]]),
    ("climatology", ["pooled"], None),
    ("climatology", ["own"], 3),
    ("climatology", ["own"], {"SYN00": "x"}),
    ("climatology", ["own"], {"SYN00": [1.0, 2.0]}),
    ("climatology", [], {}),
    ("climatology", [], 3),
    ("climatology", [], "x"),
    ("ewma", ["alpha"], 0),
    ("ewma", ["alpha"], 7.0),
    ("ewma", ["alpha"], "x"),
    ("ewma", ["alpha"], None),
    ("ewma", [], {}),
    ("frozen_future_fitted", ["pooled"], [1.0]),
    ("frozen_future_fitted", ["pooled"], [True, False]),
]


@pytest.mark.parametrize(("model", "place", "value"), YARDSTICKS, ids=str)
def test_hostile_yardsticks_are_refused(sandbox, model, place, value):
    box = sandbox(model)
    path = box.run / MODEL / "yardstick.json"
    text = with_json(path, (["labels", _LABEL, *place], value))
    box.write(f"{MODEL}/yardstick.json", text)
    box.refuses(box.predict)


def test_the_hash_of_a_good_run_is_right(sandbox):
    for model in ("ridge", "mlp", "lightgbm", "har", "ewma"):
        run = sandbox(model).run
        files = json.loads((run / "manifest.json").read_text())["files"]
        assert all(sha256_of(run / name) == sha for name, sha in files.items())
        (run.parents[1] / "data").rename(run.parents[1] / f"data-{model}")
        (run.parents[1] / "theirs").rename(run.parents[1] / f"theirs-{model}")


def test_run_load_names_a_partial_run(tmp_path):
    partial = tmp_path / ".partial-x"
    partial.mkdir()
    with pytest.raises(RunError, match="not complete"):
        marketlab.Run.load(Path(partial))

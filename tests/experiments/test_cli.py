"""The command line: one line and status 2 for what the user can mend, and nothing lost."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import marketlab
import pytest
import yaml
from marketlab.data.disk import sha256_of
from marketlab.data.sources.synthetic import Synthetic
from marketlab.experiments import cli
from marketlab.experiments.run import Run
from marketlab.experiments.rundir import FORMAT

from small_runs import small_overrides

ROOT = Path(__file__).parents[2]
QUICK = ["model=ridge", "target=next_return", "~features.expressions.rsi_14"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with one finished run and its data, never written to."""
    folder = tmp_path_factory.mktemp("finished")
    marketlab.train([*small_overrides(folder), *QUICK], quiet=True)
    return folder


@pytest.fixture
def place(finished, tmp_path, monkeypatch):
    """A copy of it, as the working folder."""
    shutil.copytree(finished, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    return Path()


@pytest.fixture
def run(place):
    return next(place.glob("outputs/small/*"))


@pytest.fixture
def table(place):
    """A CSV of tidy bars that trains, as a frame to spoil."""
    frame = Synthetic(symbols=2, rows=420).load()
    return frame.astype({"symbol": str})


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command as its script does; return its status, its output and its errors."""

    def call(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"marketlab-{name}", *map(str, arguments)])
        monkeypatch.setenv("GOMP_SPINCOUNT", "30000")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        capsys.readouterr()
        status = 0
        try:
            getattr(cli, f"{name}_command")()
        except SystemExit as end:
            status = end.code
        return (status, *capsys.readouterr())

    return call


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def refuses(place, command):
    """Check that a command is refused in one line, and that nothing was lost or left behind."""

    def check(words, name, *arguments, caret=False):
        before, data = contents(place / "outputs"), contents(place / "data")
        status, out, err = command(name, *arguments)
        assert status == 2, err
        lines = err.splitlines()
        said = [k for k, line in enumerate(lines) if line.startswith("error: ")]
        assert len(said) == 1, err
        assert "Traceback" not in err + out
        assert re.search(words, lines[said[0]]), lines[said[0]]
        after = lines[said[0] + 1 :]
        if caret:
            assert len(after) == 2
            assert set(after[1]) <= {" ", "^"}
            assert "^" in after[1]
        else:
            assert not after
        assert contents(place / "outputs") == before
        assert not list(place.glob("outputs/*/.partial-*"))
        kept = contents(place / "data")
        assert all(kept[name] == data[name] for name in data if name.endswith(".parquet"))
        return err

    return check


def small(*more):
    return [*(o for o in small_overrides(Path()) if not o.startswith("paths")), *QUICK, *more]


def from_csv(table, *more):
    table.to_csv("bars.csv", index=False)
    rest = [o for o in small() if not o.startswith("dataset")]
    return [*rest, "dataset=csv", "dataset.source.path=bars.csv", *more]


def test_the_small_recipe_trains_and_says_what_it_is_worth(place, command):
    status, out, err = command("train", *small())
    assert status == 0, err
    assert "ridge" in out
    assert "report: outputs/small/" in out.replace("\n", "")
    assert "not financial advice" in out
    assert len(list(place.glob("outputs/small/*"))) == 2
    assert not [line for line in err.splitlines() if line.startswith("error")]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("windows.batchsize=3", "did you mean 'batch_size'"),
        ("split.trian=0.5", "did you mean 'train'"),
        ("modle=ridge", "did you mean 'model'"),
        ("model=rigde", "did you mean 'ridge'"),
        ("+model.estimator.alhpa=1", "model"),
        ("split.train=much", "split"),
        ("dataset.start=somday", "is not a date"),
        ("seed=[1", "KEY=VALUE"),
        ("tracking=wandb tracking.wandb.mode=onlin", "must be online or offline or null"),
        ("threads=many", "threads"),
        ("model.search.alpha=[-1]", "The 'alpha' parameter of Ridge must be"),
        ("split.valid=0.0001", "leaves no valid rows"),
        ("dataset.symbols=[SYN0]", "no bars of the symbol 'SYN0'; did you mean 'SYN0"),
        ("dataset.clock=XNYSE", "XNYSE"),
        ("dataset.source.symbols=0", "must be a whole number from 1 up"),
        ("dataset.source.rows=40", "has 40 rows"),
        ("dataset.snapshot=0123456789", "no snapshot"),
        ("paths.data=bars.csv/data", "cannot be written"),
        ("paths.outputs=bars.csv", r"set paths.outputs="),
    ],
)
def test_a_recipe_that_cannot_be_trained(refuses, place, choice, words):
    (place / "bars.csv").write_text("a file where a folder should be")
    refuses(words, "train", *small(*choice.split()))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("features.expressions.ret_1='retruns(close)'", "did you mean 'returns'"),
        ("features.expressions.ret_1='returns(clsoe)'", "did you mean 'close'"),
        ("features.expressions.ret_1='returns(close'", "ret_1"),
        ("features.expressions.ret_1='__import__(close)'", "ret_1"),
        ("target.targets.ret_next.expr='leed(close, 1)'", "did you mean 'lead'"),
        ("target.targets.ret_next.expr='lead(clsoe, 1)'", "did you mean 'close'"),
    ],
)
def test_an_expression_that_is_wrong_points_at_its_place(refuses, choice, words):
    refuses(words, "train", *small(choice), caret=True)


@pytest.mark.parametrize(
    "text", ["lead(close, 1) / close", "delay(lead(close, 2), 1)", "returns(lead(close, 1))"]
)
def test_a_feature_that_looks_ahead(refuses, text):
    refuses("move lead", "train", *small(f"features.expressions.ret_1='{text}'"))


def test_a_file_that_is_missing(refuses):
    choices = [o for o in small() if not o.startswith("dataset")]
    words = "there is no file nowhere.csv"
    refuses(words, "train", *choices, "dataset=csv", "dataset.source.path=nowhere.csv")
    refuses(words, "fetch", "dataset=csv", "dataset.source.path=nowhere.csv")
    refuses("dataset.source.path", "train", *choices, "dataset=csv")


def without_rows(table):
    return table[:0]


def twice_the_same_day(table):
    table.loc[7, "date"] = table.loc[6, "date"]
    return table


def high_below_low(table):
    table.loc[7, ["high", "low"]] = table.loc[7, ["low", "high"]].to_numpy()
    return table


def a_price_of_zero(table):
    table.loc[7, "close"] = 0
    return table


def an_infinite_price(table):
    table.loc[7, "close"] = float("inf")
    return table


def text_for_a_number(table):
    table["close"] = table["close"].astype(object)
    table.loc[7, "close"] = "n/k"
    return table


def no_close_at_all(table):
    table["close"] = float("nan")
    return table


def ten_rows_of_one_symbol(table):
    return table[:430]


def a_date_that_is_none(table):
    table["date"] = table["date"].astype(str)
    table.loc[7, "date"] = "2000-13-45"
    return table


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_rows, "bars.csv has not a single row"),
        (twice_the_same_day, "SYN00 2000-01-.*occurs twice"),
        (high_below_low, "SYN00 2000-01-12: high .* is below low"),
        (a_price_of_zero, "SYN00 2000-01-12: close 0 is not positive"),
        (an_infinite_price, "SYN00 2000-01-12: close inf is infinite"),
        (text_for_a_number, "SYN00 2000-01-12: 'n/k' in column 'close' is not a number"),
        (no_close_at_all, "not a single row with a close"),
        (ten_rows_of_one_symbol, "symbol 'SYN01' has 10 rows"),
        (a_date_that_is_none, "2000-13-45"),
    ],
)
def test_bars_that_cannot_be_bars(refuses, table, spoil, words):
    refuses(words, "train", *from_csv(spoil(table)))


@pytest.mark.parametrize("text", ["", "date,symbol,close\n", "\x00\x01\x02", "just text\n"])
def test_a_file_that_is_no_table(refuses, place, table, text):
    choices = from_csv(table)
    (place / "bars.csv").write_text(text)
    refuses("bars.csv", "train", *choices)


def test_missing_numbers_are_counted_and_cost_no_row(place, table, command):
    table.loc[[50, 51], "close"] = float("nan")
    table.loc[[60, 61, 62], ["open", "high", "low", "volume"]] = float("nan")
    status, _, err = command("train", *from_csv(table))
    assert status == 0, err
    assert "2 rows without a close dropped" in err
    runs = sorted(place.glob("outputs/small/*"))
    assert Run.load(runs[-1]).manifest["data"]["rows"] == 420


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    return path.stem


def test_a_snapshot_whose_bytes_changed(refuses, run, place):
    sha = damage(next(place.glob("data/synthetic/*.parquet")))
    refuses("is damaged", "predict", f"run={run}")
    refuses("is damaged", "predict", f"run={run}", f"snapshot={sha[:10]}")
    refuses("is damaged", "predict", f"run={run}", "snapshot=latest")
    refuses("is damaged", "train", *small(f"dataset.snapshot={sha}"))


def test_a_damaged_snapshot_of_a_local_source_is_named_or_written_anew(place, command):
    path = next(place.glob("data/synthetic/*.parquet"))
    damage(path)
    status, _, err = command("train", *small())
    assert status == 0, err
    assert sha256_of(path) == path.stem


def rehash(run, name):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["files"][name] = sha256_of(run / name)
    (run / "manifest.json").write_text(json.dumps(manifest))


def test_a_run_that_is_not_there_or_not_whole(refuses, run):
    refuses(f"newest one there is {run.name}", "predict", f"run={run}x")
    refuses("ls outputs", "predict", "run=elsewhere/x")
    refuses("run", "predict")
    partial = run.rename(run.with_name(".partial-x"))
    with pytest.raises(marketlab.MarketlabError, match="not complete"):
        marketlab.predict(partial)


def test_a_run_of_a_newer_format(refuses, run):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["format"] = FORMAT + 1
    (run / "manifest.json").write_text(json.dumps(manifest))
    refuses(f"has format {FORMAT + 1}.*upgrade", "predict", f"run={run}")


@pytest.mark.parametrize(
    "name", ["config.yaml", "folds/00/scaler.json", "folds/00/model/model.safetensors"]
)
def test_a_damaged_file_of_a_run(refuses, run, name):
    damage(run / name)
    refuses("was changed after the run ended", "predict", f"run={run}")
    (run / name).unlink()
    refuses(f"lacks its file {name}", "predict", f"run={run}")


@pytest.mark.parametrize("name", ["folds/00/scaler.json", "folds/00/model/spec.json"])
def test_a_damaged_file_whose_hash_was_mended(refuses, run, name):
    (run / name).write_text("{}")
    rehash(run, name)
    refuses(Path(name).name, "predict", f"run={run}")


@pytest.mark.parametrize("key", ["predict_with", "data", "files", "format"])
def test_a_manifest_that_lacks_a_part(refuses, run, key):
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest[key]
    (run / "manifest.json").write_text(json.dumps(manifest))
    refuses("manifest.json", "predict", f"run={run}")


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"_target_": "os.system", "_args_": ["touch owned"]}, "names 'os.system'"),
        ({"_target_": "builtins.exec", "_args_": ["open('owned', 'w')"]}, "names 'builtins.exec'"),
        ({"_target_": "${oc.env:HOME}"}, r"holds '\$\{'"),
        ({"_target_": ["os.system"], "_args_": ["touch owned"]}, "model"),
        ({"x": "${oc.env:HOME}"}, r"holds '\$\{'"),
    ],
)
def test_a_hostile_config_in_a_run_that_was_hashed_anew(refuses, run, place, node, words):
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["model"] = node
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    rehash(run, "config.yaml")
    refuses(words, "predict", f"run={run}")
    assert not (place / "owned").exists()


@pytest.mark.parametrize("part", ["model", "features", "target", "dataset", "windows"])
def test_a_config_in_a_run_that_lacks_a_part(refuses, run, part):
    config = yaml.safe_load((run / "config.yaml").read_text())
    del config[part]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    rehash(run, "config.yaml")
    refuses(f"config.yaml.*{part}", "predict", f"run={run}")


def test_a_config_in_a_run_whose_part_is_another_thing(refuses, run):
    config = yaml.safe_load((run / "config.yaml").read_text())
    for part, node in (
        ("dataset", {"_target_": "marketlab.experiments.tracking.CsvTracker"}),
        ("model", {"alpha": 1}),
        ("target", 3),
    ):
        (run / "config.yaml").write_text(yaml.safe_dump(config | {part: node}))
        rehash(run, "config.yaml")
        refuses(f"config.yaml.*{part}", "predict", f"run={run}")


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("output=forecasts.xlsx", r"\.csv, \.parquet, \.json"),
        ("output=forecasts", r"\.csv, \.parquet, \.json"),
        ("output=taken/forecasts.csv", "cannot be written"),
        ("since=2100-01-01", "after the newest decision time"),
        ("since=soon", "is no date"),
        ("since=1990-01-01", "rows before it"),
        ("snapshot=nonsense", "neither 'latest'"),
        ("snapshot=nowhere.parquet", "cannot be read"),
        ("sinse=2001-01-01", "did you mean 'since'"),
        ("paths.data=nowhere", "snapshot"),
        ("paths=nowhere", r"paths\.data=None must be a folder"),
        ("allow=os.system", r"allow=os\.system must be a list, as in \[os\.system\]"),
    ],
)
def test_a_forecast_that_cannot_be_made(refuses, run, place, choice, words):
    (place / "taken").write_text("a file where a folder should be")
    refuses(words, "predict", f"run={run}", choice)


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_forecasts_are_shown_and_saved(run, place, command, ending):
    status, out, _ = command("predict", f"run={run}", f"output=new/f.{ending}")
    assert status == 0
    assert "SYN02" in out
    assert f"saved: new/f.{ending}" in out
    assert (place / f"new/f.{ending}").stat().st_size


def test_fetch_names_its_snapshot(place, table, command):
    table.to_csv("bars.csv", index=False)
    status, out, _ = command("fetch", "dataset=csv", "dataset.source.path=bars.csv")
    assert status == 0
    path = Path(re.search(r"snapshot: (\S+)", out)[1])
    assert sha256_of(path) == path.stem


def test_fetch_says_what_it_exported(place, table, command):
    table.to_csv("bars.csv", index=False)
    mine = ["dataset=csv", "dataset.source.path=bars.csv"]
    status, out, err = command("fetch", *mine, "export=csv")
    assert status == 0, err
    assert "exported: exports/csv (4 files)" in out
    assert "note: prices are those of the snapshot" in out
    assert err == "exporting csv: 4 of 4 files\n"
    status, out, _ = command("fetch", *mine, "export=json", "output=cache.json")
    assert "exported: cache.json" in out
    assert (place / "cache.json").is_file()


def test_data_shows_the_health_and_names_its_page(place, table, command):
    table.loc[100:200, "close"] = float("nan")
    table.to_csv("bars.csv", index=False)
    mine = ["dataset=csv", "dataset.source.path=bars.csv"]
    status, out, err = command("data", *mine)
    assert status == 0, err
    assert "SYN01" in out
    assert "longest gap: SYN00, 101 sessions from 2000-" in out
    assert "page: exports/csv/health.html" in out
    assert (place / "exports/csv/health.html").is_file()
    table.loc[0, "volume"] += 1
    table.to_csv("bars.csv", index=False)
    status, out, err = command("data", *mine, "compare=previous")
    assert status == 0, err
    assert re.search(r"SYN00 +0 +0 +1 .* volume", out)
    assert re.search(r"since \w{12}: 1 bar of 739 changed, 0 added and 0 gone, in 1 symbol", out)
    newest = re.search(r"snapshot: (\S+)", out)[1]
    status, _, err = command("data", *mine, f"compare={newest}")
    assert status == 2
    assert "use compare=previous" in err


@pytest.mark.parametrize(
    ("name", "choice", "words"),
    [
        ("fetch", "export=xlsx", "choose csv or json"),
        ("fetch", "output=there", "needs export=csv or export=json"),
        ("fetch", "fetch.retries=many", r"fetch\.retries=many must be a whole number"),
        ("fetch", "fetch.retris=1", "did you mean 'retries'"),
        ("fetch", "allow_missing=1", "allow_missing=1 must be true or false"),
        ("data", "compare=previuos", "did you mean 'previous'"),
        ("data", "compare=012345678", "no snapshot in"),
        ("data", "snapshot=nonsense", "neither 'latest'"),
        ("data", "output=page.pdf", r"must name a file that ends in \.html"),
        ("data", "output=taken/page.html", "the page cannot be written to"),
        ("data", "comapre=previous", "did you mean 'compare'"),
        ("data", "dataset=us_indicse", "did you mean 'us_indices'"),
        ("data", "paths.exports=[]", r"paths\.exports=\[\] must be a folder"),
    ],
)
def test_a_dataset_that_cannot_be_fetched_or_shown_so(refuses, place, name, choice, words):
    (place / "taken").write_text("a file where a folder should be")
    refuses(words, name, *(o for o in small() if o.startswith("dataset")), choice)


@pytest.mark.parametrize("name", ["train", "fetch", "data"])
def test_a_choice_that_asks_for_a_value_gets_it_before_anything_is_read(refuses, table, name):
    table.to_parquet("bars.parquet")
    mine = ["dataset=csi300_parquet", "dataset.source.path=bars.parquet"]
    refuses("dataset.universe must be chosen: add dataset.universe=VALUE", name, *mine)


@pytest.mark.parametrize("name", ["train", "predict", "fetch", "data"])
def test_a_flag_that_hydra_reads_is_refused_in_one_line_too(refuses, name):
    refuses("did you mean|unrecognized|rigde|Could not", name, "--cfg", "job", "paths.dta=x")


def test_overrides_may_stand_on_both_sides_of_a_flag(place, command):
    folder = place / "recipes" / "features"
    folder.mkdir(parents=True)
    text = "_target_: marketlab.data.features.Features\nrows: 5\nexpressions: {r: returns(close)}\n"
    (folder / "mine.yaml").write_text(text)
    words = [word for word in small() if "features" not in word]
    choice = ["--config-dir", "recipes", "features=mine"]
    status, out, err = command("train", *words[:3], *choice, *words[3:])
    assert status == 0, err
    assert "report: outputs/small/" in out.replace("\n", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rows: [\n", r"mine\.yaml: line 2: not YAML"),
        ("expressions: {r: close}\n", "features has no _target_"),
    ],
)
def test_a_recipe_of_one_s_own_that_is_broken(refuses, place, text, words):
    folder = place / "recipes" / "features"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(text)
    chosen = [word for word in small() if "features" not in word]
    refuses(words, "train", "--config-dir", "recipes", "features=mine", *chosen)


def test_cfg_prints_the_recipe_as_yaml(place, command):
    status, out, err = command("train", "--cfg", "job", *small())
    assert status == 0, err
    config = yaml.safe_load(out)
    assert config["model"]["_target_"].endswith("SklearnLinear")
    assert config["name"] == "small"


def test_multirun_trains_each_in_turn(place, command):
    status, out, err = command("train", "-m", *small("model=ridge,har"))
    assert status == 0, err
    names = sorted(path.name.split("-")[2] for path in place.glob("outputs/small/*"))
    assert names == ["har", "ridge", "ridge"]
    assert out.count("report: ") == 2


def test_ctrl_c_is_status_130(monkeypatch, command):
    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "compose_config", stop)
    status, _, err = command("train", "model=ridge")
    assert status == 130
    assert err.split() == ["stopped"]


def script(name, *arguments, **settings):
    return subprocess.Popen(
        [sys.executable, ROOT / "scripts" / f"{name}.py", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def test_help_lists_every_group():
    done = script("train", "--help")
    out, err = done.communicate(timeout=120)
    assert (done.returncode, err) == (0, "")
    groups = sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir())
    for group in [group for group in groups if not group.startswith("_") and group != "hydra"]:
        assert re.search(rf"^\s*{group}:", out, re.MULTILINE), group
    assert "model=lightgbm" in out


@pytest.mark.parametrize(
    ("name", "words"),
    [("fetch", ["export=csv", "allow_missing"]), ("data", ["compare=previous", "page"])],
)
def test_help_of_the_data_commands(place, command, name, words):
    status, out, err = command(name, "--help")
    assert (status, err) == (0, "")
    assert f"marketlab-{name} dataset=us_indices" in out
    for word in words:
        assert word in out


def test_a_script_refuses_in_one_line(place):
    done = script("train", "model=rigde")
    out, err = done.communicate(timeout=120)
    assert (done.returncode, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("error: ")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_a_script_stops_at_ctrl_c_and_leaves_nothing_half_done(place):
    long = ["model=mlp", "trainer.max_epochs=100000", "trainer.callbacks=[]"]
    # A suite that was started in the background ignores SIGINT, and its children with it.
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    running = script("train", *small(), *long, **heed)
    deadline = time.monotonic() + 120
    while not list(place.glob("outputs/small/.partial-*/folds/00")):
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.0)  # within the epochs
    running.send_signal(signal.SIGINT)
    try:
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert err.splitlines()[-1] == "stopped"
    assert "Traceback" not in err
    assert len(list(place.glob("outputs/small/[!.]*"))) == 1


def test_a_multirun_leaves_nothing_in_the_working_folder(place, command, monkeypatch):
    monkeypatch.chdir(place)
    before = {path.name for path in place.iterdir()}
    command("train", "-m", "model=ridge", *small())
    assert {path.name for path in place.iterdir()} - before <= {"outputs", "data"}

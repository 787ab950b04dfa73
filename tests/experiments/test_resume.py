"""A run that was stopped goes on with what it kept, and believes nothing that was damaged."""

import importlib
import json
import shutil

import marketlab
import pytest
from marketlab.errors import ConfigError, DataError, MarketlabError
from marketlab.experiments.fold_record import RECORD
from marketlab.experiments.rundir import LOCK, claimed
from marketlab.experiments.start import START

from small_runs import small_overrides

attempt_module = importlib.import_module("marketlab.experiments.attempt")
MODELS = ("ewma", "har", "lightgbm", "logistic", "lstm_attention", "mlp", "ridge")
CHOICES = {
    "lightgbm": ["model.rounds=40", "model.patience=20", "target=return_quantiles"],
    "logistic": ["target=up"],
    "lstm_attention": ["trainer.max_epochs=1", "windows.batch_size=256", "refit=true"],
    "mlp": ["trainer.max_epochs=2", "target=direction_and_variance"],
}
FOLDS = ["split=walk_forward", "split.train=140", "split.valid=50", "split.test=40"]
PASSING = ("code.diff", "report.html", "start.json")


class Stop(BaseException):
    """As sudden as a kill: nothing is tidied up."""


def stopped(words, monkeypatch):
    """Train until everything is fitted, and stop; return what is left."""

    def stop(*arguments):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(attempt_module, "evaluate", stop)
        with pytest.raises(Stop):
            marketlab.train(words, quiet=True)
    outputs = next(word for word in words if word.startswith("paths.outputs")).partition("=")[2]
    (partial,) = attempt_module.Path(outputs).glob("*/.partial-*")
    return partial


def results(run):
    return {name: sha for name, sha in run.manifest["files"].items() if name not in PASSING}


def own(folder):
    return [f"paths.data={folder / 'data'}"]


@pytest.mark.parametrize("model", MODELS)
def test_every_family_resumes_and_reruns_to_the_same_bits(small, tmp_path, monkeypatch, model):
    """The resumed run forecasts with loaded models, the rerun with those that it fits."""
    words = [*small, f"model={model}", *CHOICES.get(model, [])]
    partial = stopped(words, monkeypatch)
    record = json.loads((partial / "folds/00" / RECORD).read_text())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = marketlab.resume(partial, own(tmp_path), quiet=True)
    assert json.loads((run.path / "folds/00" / RECORD).read_text()) == record
    assert not list(run.path.parent.glob(".*"))
    again = marketlab.rerun(
        run.path, [*own(tmp_path), f"paths.outputs={tmp_path / 'outputs'}"], quiet=True
    )
    assert again.identical
    assert again.repeated
    assert again.differences == again.environment == ()
    assert again.run.path != run.path
    assert results(again.run) == results(run)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """A folder with the data, a whole run of three fits, and the same stopped before its end."""
    folder = tmp_path_factory.mktemp("left")
    words = [*small_overrides(folder), "model=mlp", "trainer.max_epochs=2", "refit=true", *FOLDS]
    whole = marketlab.train(words, quiet=True)
    patch = pytest.MonkeyPatch()
    partial = stopped(words, patch)
    patch.undo()
    return folder, whole, partial


@pytest.fixture
def partial(left, tmp_path):
    """A copy of the stopped run, which a test may spoil."""
    target = tmp_path / "outputs/small" / left[2].name
    return shutil.copytree(left[2], target)


def resumed(left, partial, *words):
    return marketlab.resume(partial, [*own(left[0]), *words], quiet=True)


def fitted_again(left, partial, monkeypatch):
    """Resume, and return the folds that were fitted in it."""
    fitting = importlib.import_module("marketlab.experiments.fitting")
    found = []
    clear = fitting.clear
    monkeypatch.setattr(fitting, "clear", lambda folder: (found.append(folder.name), clear(folder)))
    run = resumed(left, partial)
    assert results(run) == results(left[1])
    return found


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def damage_one(partial):
    cut(partial / "folds/00/model/model.safetensors")
    cut(partial / "folds/01/scaler.json")
    (partial / "final" / RECORD).unlink()


def damage_two(partial):
    cut(partial / "folds/00" / RECORD)
    (partial / "folds/01/stranger.txt").write_text("x")
    (partial / "final/scaler.json").unlink()


def damage_nothing(partial):
    """What a killed process may leave beside whole folds."""
    (partial / "predictions.parquet").write_bytes(b"PAR1")
    (partial / "manifest.json").write_text("{")
    (partial / "folds/00/.partial-7-ab").write_text("{")
    (partial / "folds/01/checkpoint.safetensors").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (damage_one, ["00", "01", "final"]),
        (damage_two, ["00", "01", "final"]),
        (lambda partial: shutil.rmtree(partial / "folds/01"), ["01"]),
        (damage_nothing, []),
    ],
)
def test_a_damaged_fold_is_fitted_again(left, partial, monkeypatch, damage, expected):
    damage(partial)
    assert fitted_again(left, partial, monkeypatch) == expected


def test_a_fold_of_another_recipe_is_fitted_again(left, partial, monkeypatch):
    """Its record vouches for its files, but they are no model of this recipe."""
    spec = partial / "folds/00/model/spec.json"
    spec.write_text(spec.read_text().replace("LightningForecaster", "HAR"))
    record = partial / "folds/00" / RECORD
    content = json.loads(record.read_text())
    from marketlab.data.disk import sha256_of

    content["files"]["model/spec.json"] = sha256_of(spec)
    record.write_text(json.dumps(content))
    assert fitted_again(left, partial, monkeypatch) == ["00"]


def test_what_began_the_run_stays_its_own(left, partial):
    run = resumed(left, partial)
    start = json.loads((partial.with_name(run.path.name) / START).read_text())
    assert run.path.name == partial.name.removeprefix(".partial-")
    assert run.manifest["run"] == start["run"] == run.path.name
    assert run.manifest["overrides"] == left[1].manifest["overrides"]
    assert run.manifest["created"] == start["created"]
    assert [sorted(note) for note in run.manifest["resumed"]] == [["at", "differs"]]
    assert (run.path / "config.yaml").read_bytes() == (left[2] / "config.yaml").read_bytes()
    assert marketlab.Run.load(run.path).metrics == left[1].metrics
    assert not (run.path / LOCK).exists()


def test_what_a_sweep_said_of_the_run_is_kept(small, tmp_path, monkeypatch):
    from marketlab.experiments.configs import compose_config
    from marketlab.experiments.train import train_config

    config, choices = compose_config("train", [*small, "model=ridge"])
    monkeypatch.setattr(attempt_module, "evaluate", lambda *arguments: (_ for _ in ()).throw(Stop))
    extra = {"sweep": {"study": "s", "trials": 50}, "seed": 99}
    with pytest.raises(Stop):
        train_config(config, choices, [], quiet=True, extra=extra)
    monkeypatch.undo()
    (partial,) = tmp_path.glob("outputs/small/.partial-*")
    run = marketlab.resume(partial, own(tmp_path), quiet=True)
    assert run.manifest["sweep"] == {"study": "s", "trials": 50}
    assert run.manifest["seed"] == 0  # what marketlab says itself cannot be replaced
    assert run.opened.trials == 50
    assert "Chosen from 50 trials." in run.report.read_text()


def test_what_is_not_as_it_was_is_told(left, partial, capsys):
    start = json.loads((partial / START).read_text())
    start["environment"]["threads"] = 64
    start["code"]["revision"] = "0" * 40
    (partial / START).write_text(json.dumps(start))
    run = marketlab.resume(partial, own(left[0]))
    said = capsys.readouterr().err.replace("\n", " ")
    assert "warning: threads: 64 then, 1 now" in said
    assert "fitted before" in said
    assert "threads: 64 then, 1 now" in run.manifest["resumed"][0]["differs"]


def refused(left, partial, words, *more):
    with pytest.raises(MarketlabError, match=words) as error:
        resumed(left, partial, *more)
    assert "\n" not in str(error.value)


def test_what_cannot_be_resumed_is_one_line(left, partial):
    name = partial.name
    refused(left, partial.with_name(".partial-typo"), f"there are {name}")
    refused(left, partial.parent, f"there are {name}")
    refused(left, left[1].path, "is whole: there is nothing to resume")
    refused(left, left[1].path.with_name(f".partial-{left[1].path.name}"), "is whole")
    refused(left, partial.parents[1] / "no/.partial-x", "none is in")
    refused(left, partial, "keeps its recipe", "seed=3")
    refused(left, partial, "keeps the saved choices", "model=ridge")
    refused(left, partial, r"add paths\.data=", f"paths.data={partial.parent}")
    with claimed(partial):
        refused(left, partial, "process that is alive")
    assert partial.is_dir()
    (partial / START).unlink()
    refused(left, partial, "before its first fit")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.update(run="20200101-000000-other-0000"), "is another run"),
        (lambda s: s.update(snapshot="../x.parquet"), "which snapshot it read"),
        (lambda s: s.update(extra=[]), "damaged"),
        (lambda s: s.update(unknown=1), "damaged"),
        (lambda s: s.pop("overrides"), "damaged"),
        (lambda s: s.update(format=9), "another format"),
    ],
)
def test_a_start_that_is_not_ours_is_refused(left, partial, spoil, words):
    start = json.loads((partial / START).read_text())
    spoil(start)
    (partial / START).write_text(json.dumps(start))
    refused(left, partial, words)


def test_a_link_out_of_the_folder_is_refused(left, partial, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("x")
    shutil.rmtree(partial / "folds/00")
    (partial / "folds/00").symlink_to(outside, target_is_directory=True)
    refused(left, partial, "symbolic link")
    assert (outside / "precious.txt").read_text() == "x"


def test_a_class_that_marketlab_does_not_ship_is_refused(left, partial):
    path = partial / "config.yaml"
    text = path.read_text()
    path.write_text(text.replace("marketlab.data.scaling.standard", "os.getcwd"))
    assert path.read_text() != text
    refused(left, partial, r"allow=\[os\.getcwd\]")


def test_what_is_refused_before_any_fit_leaves_nothing(small, tmp_path):
    with pytest.raises(DataError):
        marketlab.train([*small, "split.valid=0.0001"], quiet=True)
    assert not (tmp_path / "outputs/small").exists()
    with pytest.raises(ConfigError):
        marketlab.train([*small, "model=ridge", "target=up"], quiet=True)
    assert not (tmp_path / "outputs/small").exists()

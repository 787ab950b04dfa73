"""Configs: one line for what the user mistyped, and nothing foreign from a saved file."""

from pathlib import Path

import pytest
from marketlab.errors import ConfigError, MarketlabError, RunError
from marketlab.experiments.configs import (
    build,
    compose_config,
    config_files,
    folder,
    known_targets,
    one_line,
    read_saved,
    resolved,
)
from omegaconf import OmegaConf


def test_the_default_recipe_composes():
    config, choices = compose_config("train", [])
    assert choices["experiment"] == "us_volatility"
    assert choices["model"] == "lstm_attention"
    assert "hydra" not in config
    assert resolved(config)["name"] == "us_volatility"


def test_the_command_line_wins_over_the_experiment():
    config, choices = compose_config("train", ["experiment=us_volatility", "model=ridge", "seed=7"])
    assert choices["model"] == "ridge"
    assert config.seed == 7


ASKING = sorted(
    (name, line.split(":")[0].strip())
    for name, text in config_files().items()
    if name.startswith("dataset/")
    for line in text.splitlines()
    if line.partition("#")[0].rstrip().endswith("???")
)


@pytest.mark.parametrize("root", ["train", "fetch", "data"])
@pytest.mark.parametrize(("name", "key"), ASKING)
def test_what_a_dataset_asks_for_is_missing_until_it_is_given(root, name, key):
    config, _ = compose_config(root, [f"dataset={name.partition('/')[2]}"])
    missing = OmegaConf.missing_keys(config)
    assert any(place.rpartition(".")[2] == key for place in missing)
    given = [f"{place}=x" for place in missing]
    full, _ = compose_config(root, [f"dataset={name.partition('/')[2]}", *given])
    assert not OmegaConf.missing_keys(full)
    with pytest.raises(ConfigError, match=f"{sorted(missing)[0]} must be chosen"):
        resolved(config)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model=lstm_atention"], "did you mean 'lstm_attention'"),
        (["modle=ridge"], "did you mean 'model'"),
        (["split.trian=3"], "did you mean 'train'"),
        (["windows.batchsize=3"], "did you mean 'batch_size'"),
        (["experiment=us_volatilty"], "did you mean 'us_volatility'"),
        (["seed=[1"], "seed"),
        (["=3"], "override"),
        (["model=null"], "the name of one of its choices"),
        (["model=ridge,har"], "add -m to run them in turn"),
        (["split.folds=3"], r"the recipe has no split.folds; .*write \+split.folds="),
        (["a.b=log(close, 2) / 3"], "needs quotes of its own"),
        (["+split.folds.x.y=1", "seed"], "seed"),
    ],
)
def test_a_mistyped_override_is_one_line(overrides, words):
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")) as caught:
        compose_config("train", overrides)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_value_that_must_be_chosen_is_one_line():
    config, _ = compose_config("predict", [])
    with pytest.raises(ConfigError, match="run") as caught:
        resolved(config)
    assert "\n" not in str(caught.value)


def test_build_says_where_an_argument_is_unknown():
    node = {"_target_": "marketlab.data.splits.Chronological", "trian": 1}
    with pytest.raises(ConfigError, match=r"split: .*trian") as caught:
        build(node, "split")
    assert "\n" not in str(caught.value)


def test_build_passes_our_own_refusal_on():
    node = {"_target_": "marketlab.data.splits.Chronological", "train": 0.7, "valid": 0.3}
    with pytest.raises(MarketlabError, match="positive shares"):
        build(node, "split")


def test_build_of_a_class_that_does_not_exist_is_one_line():
    with pytest.raises(ConfigError, match="Chronologcal") as caught:
        build({"_target_": "marketlab.data.splits.Chronologcal"}, "split")
    assert "\n" not in str(caught.value)


def test_build_says_which_key_is_of_the_wrong_kind():
    node = {"_target_": "marketlab.data.splits.Chronological", "embargo": "x"}
    with pytest.raises(ConfigError, match=r"^split\.embargo='x' must be a whole number from 0 up$"):
        build(node, "split")


def test_build_says_what_another_library_refused():
    node = {"_target_": "sklearn.linear_model.Ridge", "x": 1}
    with pytest.raises(ConfigError, match=r"^model\.estimator: Ridge has no argument 'x'"):
        build(node, "model.estimator")
    node = {"_target_": "pandas.Timestamp", "ts_input": "yesterdaily"}
    with pytest.raises(ConfigError, match=r"^x: Timestamp cannot be built: ") as caught:
        build(node, "x")
    assert "Error in call" not in str(caught.value)


@pytest.mark.parametrize("node", [None, 3, {}, {"train": 0.5}])
def test_build_of_a_part_without_a_class_is_one_line(node):
    with pytest.raises(ConfigError, match="split has no _target_"):
        build(node, "split")


def test_a_folder_must_be_one():
    assert folder({"paths": {"data": "x"}}, "data") == Path("x")
    for paths in (3, None, {}, {"data": None}, {"data": ""}):
        with pytest.raises(ConfigError, match=r"paths\.data=.* must be a folder"):
            folder({"paths": paths}, "data")


def test_a_group_of_another_command_is_not_suggested():
    with pytest.raises(ConfigError, match="no choice of a group 'model' is made here; known: data"):
        compose_config("fetch", ["model=ridge"])


def saved(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def test_a_saved_config_is_read(tmp_path):
    path = saved(tmp_path, "split:\n  _target_: marketlab.data.splits.Chronological\n")
    assert read_saved(path).split._target_ == "marketlab.data.splits.Chronological"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1, 2]\nb: *x\n", "aliases are not allowed"),
        ("a: ${oc.env:HOME}\n", "may not"),
        ("a: {b: [1, '${oc.env:HOME}']}\n", "may not"),
        ("'${a}': 1\n", "may not"),
        ("model: {_target_: os.system, _args_: ['true']}\n", "names 'os.system'"),
        ("model: {net: [{_target_: pandas.read_pickle}]}\n", "names 'pandas.read_pickle'"),
        ("a: !!python/object/apply:os.system ['true']\n", "not a config"),
        ("- 1\n", "holds no mapping"),
        ("a: [\n", "not a config"),
        ("", "holds no mapping"),
        ("a: " + "[" * 5000 + "]" * 5000, "not a config"),
        ("a: '" + "x" * 1_000_001 + "'\n", "too large"),
    ],
)
def test_a_hostile_config_is_one_line(tmp_path, text, words):
    with pytest.raises(RunError, match=words) as caught:
        read_saved(saved(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_foreign_target_can_be_allowed(tmp_path):
    path = saved(tmp_path, "f: {_target_: my.features.gap}\n")
    assert read_saved(path, allow=["my.features.gap"]).f._target_ == "my.features.gap"


def test_a_missing_config_is_one_line(tmp_path):
    with pytest.raises(RunError, match="not a config"):
        read_saved(tmp_path / "config.yaml")


def test_what_ships_is_known():
    assert "marketlab.data.splits.WalkForward" in known_targets()
    assert "os.system" not in known_targets()
    assert "model/ridge" in config_files()


def test_one_line_keeps_the_message():
    assert one_line(ValueError("first\n  second\n")) == "first second"

"""Every YAML of conf/ composes, says when to choose it, and builds what it names."""

import pytest
import yaml
from marketlab.experiments.configs import build, compose_config, config_files, resolved

ROOTS = ("train", "predict", "fetch", "data")
FILES = config_files()
CHOICES = sorted(name for name in FILES if "/" in name and not name.startswith("hydra/"))
NEEDED = {
    "dataset/csv": ["dataset.source.path=x.csv"],
    "dataset/parquet": ["dataset.source.path=x"],
    "dataset/json_cache": ["dataset.source.path=x.json"],
    "dataset/nse": ["dataset.source.path=x.csv"],
    "dataset/qlib": ["dataset.source.path=x"],
    "dataset/csi300": ["dataset.source.path=x"],
    "dataset/csi300_parquet": ["dataset.source.path=x", "dataset.universe=members.txt"],
    "dataset/yahoo": ["dataset.source.symbols=[X]"],
}
ELSEWHERE = {"trainer/gpu"}  # needs a GPU to be built
OTHER_TASKS = {"model/logistic": ["target=up"]}


@pytest.mark.parametrize("name", sorted(FILES))
def test_opens_with_when_to_choose_it(name):
    lines = [line for line in FILES[name].splitlines() if not line.startswith("# @package")]
    first = lines[0]
    assert first.startswith("# "), f"{name}.yaml has no opening comment"
    assert len(first) > 20


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_composes(root):
    config, _ = compose_config(root, ["run=x"] if root == "predict" else [])
    assert resolved(config)


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_composes_and_builds(name):
    group, _, choice = name.partition("/")
    overrides = [f"{group}={choice}", *NEEDED.get(name, [])]
    config, choices = compose_config("train", overrides)
    assert choices[group] == choice
    plain = resolved(config)
    if group != "experiment" and name not in ELSEWHERE:
        # A trainer opens a logger in the working folder unless it is given one.
        logger = {"logger": False} if group == "trainer" else {}
        for place, node in nodes(group, plain[group]):
            build(node, place, **logger)


def nodes(group, node):
    """Return what a choice builds: several may track a run, each under its name."""
    named = node.items() if group == "tracking" else [(None, node)]
    return [(f"{group}.{name}" if name else group, child) for name, child in named]


def test_one_class_each():
    for name in CHOICES:
        text = yaml.safe_load(FILES[name])
        if not name.startswith("experiment/") and "defaults" not in text:
            for place, node in nodes(name.partition("/")[0], text):
                assert "_target_" in node, f"{name}.yaml names no class in {place}"

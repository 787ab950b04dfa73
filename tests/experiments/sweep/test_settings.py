"""Settings that make no sense are refused in one line."""

import pytest
from marketlab.errors import ConfigError
from marketlab.experiments.configs import compose_config, resolved
from marketlab.experiments.sweep.plan import Plan
from marketlab.experiments.sweep.settings import read_settings
from omegaconf import OmegaConf
from optuna.pruners import NopPruner

DEFAULT = resolved(compose_config("train", ["sweep=default"])[0])["sweep"]


def node(*words):
    return OmegaConf.to_container(OmegaConf.merge(DEFAULT, OmegaConf.from_dotlist(list(words))))


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("trials=0", "from 1 up"),
        ("trials=x", "sweep.trials='x' must be a whole number"),
        ("trials=1.5", "must be a whole number"),
        ("timeout=-1", "above 0"),
        ("metric=valid_los", "did you mean 'valid_loss'"),
        ("objectives={valid_loss: up}", "minimize or maximize"),
        ("objectives={r2: maximize}", "no metric 'r2'"),
        ("select=simplest", "best or one_standard_error"),
        ("storage=sweep.db", "URL"),
        ("name=../x", "letters, digits"),
        ("workers=0", "from 1 up"),
        ("sampler._target_=optuna.samplers.TPESample", "did you mean"),
        ("sampler._target_=os.system", "must be one of optuna.samplers"),
        ("sampler._target_=optuna.samplers.CmaEsSampler", "pickle"),
        ("pruner._target_=optuna.pruners.MedianPrune", "did you mean 'MedianPruner'"),
        ("pruner._target_=optuna.samplers.TPESampler", "must be one of optuna.pruners"),
        ("sampler.n_startup=3", "did you mean 'n_startup_trials'"),
        ("sampler.x={_target_: os.system}", "must be one of optuna.samplers"),
        ("pruner.n_warmup_steps=-1", "n_warmup_steps|Number of warmup steps"),
    ],
)
def test_a_setting_that_makes_no_sense(word, words):
    with pytest.raises(ConfigError, match=words) as caught:
        read_settings(node(word))
    assert "\n" not in str(caught.value)


def test_a_pruner_can_be_left_out():
    assert isinstance(read_settings({**DEFAULT, "pruner": None}).pruner, NopPruner)


def test_the_objectives_go_before_the_metric():
    assert read_settings(node()).goals == {"valid_loss": "minimize"}
    assert read_settings(node("metric=size")).goals == {"size": "minimize"}
    several = node("objectives={valid_loss: minimize, seconds: minimize}")
    assert list(read_settings(several).goals) == ["valid_loss", "seconds"]


@pytest.mark.parametrize("name", ["lstm_small", "lightgbm", "ridge"])
def test_each_space_of_conf_fits_the_model_that_it_is_for(name, small, tmp_path):
    model = {"lstm_small": "lstm_attention"}.get(name, name)
    found = resolved(compose_config("train", [f"sweep={name}"])[0])["sweep"]
    words = [*small, f"model={model}"]
    plan = Plan.of(words, found, lambda words: compose_config("train", words))
    recipe = plan.trial_recipe({d.key: d.first for d in plan.space.dimensions})
    assert recipe.new_model()

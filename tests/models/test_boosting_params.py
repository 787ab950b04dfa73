"""LightGBM's parameters: its own names, types and ranges, and none that leaves the recipe."""

import pytest
from marketlab.errors import ConfigError
from marketlab.models.boosting_params import check_params


@pytest.mark.parametrize(
    ("params", "line"),
    [
        ({"num_leavs": 3}, "no parameter 'num_leavs'; did you mean 'num_leaves'"),
        ({"zzzzzz": 3}, "no parameter 'zzzzzz'$"),
        ({"num_leaves": 1}, r"num_leaves=1: LightGBM wants num_leaves > 1"),
        ({"num_leaves": "x"}, "num_leaves='x': LightGBM wants another value"),
        ({"feature_fraction": 2.0}, "feature_fraction=2.0: LightGBM wants feature_fraction <= 1.0"),
        ({"boosting": "gbdtt"}, "boosting='gbdtt': LightGBM wants another value"),
        ({"eta": -1}, "eta=-1: LightGBM wants learning_rate > 0"),
        ({"random_state": 3}, "random_state is not set here: set seed="),
        ({"n_estimators": 3}, "n_estimators is not set here: set model.rounds="),
        ({"application": "binary"}, "application is not set here: set target="),
        ({"workers": "10.0.0.1:80"}, "use no files and no other machines"),
        ({"forcedsplits_filename": "/etc/passwd"}, "use no files and no other machines"),
        ({"linear_tree": True}, "cannot be read back"),
        ({"boosting": "rf", "num_leaves": 8}, "boosting='rf': LightGBM wants another value"),
        ({"num_leaves": 1, "max_bin": 1}, "model.params: LightGBM wants"),
    ],
)
def test_what_lightgbm_does_not_take_is_one_line(capfd, params, line):
    with pytest.raises(ConfigError, match=line) as caught:
        check_params(params)
    assert "\n" not in str(caught.value)
    said = capfd.readouterr()
    assert not said.err
    assert not said.out


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"num_leaves": 31, "learning_rate": 0.05, "lambda": 3.0},
        {"monotone_constraints": [1, 0, 0]},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"metric": "l1"},
    ],
)
def test_what_it_takes_passes(params):
    check_params(params)

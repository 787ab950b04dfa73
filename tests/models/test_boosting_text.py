"""The text of a booster: all that LightGBM writes passes; what it would stumble over does not."""

import lightgbm
import numpy as np
import pytest
from marketlab.models.boosting_text import MalformedTextError, check_text

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5))
X[::7, 1] = np.nan
Y = X[:, 0] + np.nan_to_num(X[:, 1]) * X[:, 2]
KINDS = {
    "regression": ({"objective": "regression"}, Y),
    "binary": ({"objective": "binary"}, (Y > 0) * 1),
    "classes": ({"objective": "multiclass", "num_class": 3}, np.digitize(Y, [-0.5, 0.5])),
    "quantile": ({"objective": "quantile", "alpha": 0.05}, Y),
    "dart": ({"objective": "regression", "boosting": "dart"}, Y),
    "forest": (
        {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        Y,
    ),
    "constant": ({"objective": "regression"}, Y * 0),
    "never splits": ({"objective": "regression", "min_data_in_leaf": 10_000}, Y),
    "monotone": ({"objective": "regression", "monotone_constraints": [1, 0, 0, 0, -1]}, Y),
    "tiny": ({"objective": "regression"}, Y * 1e-12),
    "huge": ({"objective": "regression"}, Y * 1e12),
}


def text_of(kind):
    params, y = KINDS[kind]
    fixed = {"verbosity": -1, "num_leaves": 8, "num_threads": 1}
    return lightgbm.train(fixed | params, lightgbm.Dataset(X, y), 6).model_to_string()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_what_lightgbm_writes_passes(kind):
    check_text(text_of(kind))


def test_no_cut_passes():
    text = text_of("regression")
    for end in range(0, len(text), 97):
        with pytest.raises(MalformedTextError):
            check_text(text[:end])


def test_no_line_can_be_left_out_of_a_tree():
    lines = text_of("regression").split("\n")
    first, last = lines.index("Tree=0"), lines.index("Tree=1")
    for k in range(first, last - 2):
        if lines[k]:
            with pytest.raises(MalformedTextError):
                check_text("\n".join(lines[:k] + lines[k + 1 :]))

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from marketlab.errors import RunError
from marketlab.models.spec import (
    Spec,
    describe,
    fitted,
    read_arrays,
    read_spec,
    require_shape,
    write_arrays,
)


def test_a_spec_comes_back_as_it_was_written(market: Any, tmp_path: Path) -> None:
    windows = market(["regression", "quantile"], "joint", two_views=True).train
    spec = describe("Model", windows, alpha=[1.0, 2.0])
    spec.write(tmp_path)
    again = read_spec(tmp_path, "Model")
    assert again == spec
    assert again.inputs == {"x": (6, 12), "now": (1, 6)}
    assert again.n_out == 3
    again.expect(windows)


def test_arrays_come_back_to_the_bit(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array([-np.inf, np.nan])}
    write_arrays(tmp_path, arrays)
    for name, array in read_arrays(tmp_path).items():
        np.testing.assert_array_equal(array, arrays[name])


@pytest.mark.parametrize(("name", "shape"), [("a", (3,)), ("b", (2,))])
def test_another_shape_is_refused(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(RunError, match="fit the model again"):
        require_shape({"a": np.zeros(2)}, name, shape, tmp_path)


def test_an_unfitted_model_says_so() -> None:
    with pytest.raises(RunError, match="this Model has not been fitted"):
        fitted(None, "Model")
    spec = Spec("Model", {}, (), (), 1)
    assert fitted(spec, "Model") is spec

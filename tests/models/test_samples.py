from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from marketlab.errors import DataError
from marketlab.models.samples import present


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_marks_the_labels_that_are_there(market: Any, layout: str) -> None:
    windows = market(["regression", "binary"], layout).train
    np.testing.assert_array_equal(present(windows, "train"), np.isfinite(windows.y))


@pytest.mark.parametrize("layout", ["pooled", "joint"])
def test_names_the_label_that_is_nowhere(market: Any, layout: str) -> None:
    data = market(["regression", "binary"], layout)
    data.train.tensor.values.y[..., 1] = np.nan
    with pytest.raises(DataError, match="binary1@1 has no value in the train rows") as error:
        present(data.train, "train")
    assert "\n" not in str(error.value)

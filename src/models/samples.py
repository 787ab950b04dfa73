"""Which samples can be learned from: a part of a fold in, the mask of its present labels out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError, DataError

if TYPE_CHECKING:
    from ..data.windows import Windows

WINDOWS = ("last", "flatten")
"""Which rows of a view a model of tables reads."""


def present(windows: Windows, part: str) -> npt.NDArray[np.bool_]:
    """Return where the labels of `windows` are present, (S, W); part is its name in an error.

    Raises
    ------
    DataError
        If some label is missing from every sample.
    """
    mask: npt.NDArray[np.bool_] = ~np.isnan(windows.scaled_y)
    cells = mask.reshape(len(windows), windows.n_out, -1).sum((0, 1))
    for label, count in zip(windows.labels, cells, strict=True):
        if not count:
            raise DataError(
                f"{label.name} has no value in the {part} rows of this fold ({len(windows)} "
                "samples): move the split, or shorten the features' lookback"
            )
    return mask


def check_window(window: str) -> None:
    """Refuse what `Windows.design` does not know.

    Raises
    ------
    ConfigError
    """
    if window not in WINDOWS:
        raise ConfigError(f"model.window={window!r} must be last or flatten")

"""What every model of a recipe shares: a recipe in; its panel, tensor and folds out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import torch

from ..data.tensor import build_tensor, check_rows
from .recipe import Recipe

if TYPE_CHECKING:
    from ..data.dataset import LoadedData
    from ..data.splits import Fold
    from ..data.tensor import WindowTensor


@dataclass(frozen=True)
class Prepared:
    """The data of a recipe; it does not depend on the model, the trainer or the seed."""

    loaded: LoadedData
    tensor: WindowTensor
    folds: Sequence[Fold]


def prepare(recipe: Recipe, snapshot: str | None = None) -> Prepared:
    """Load the bars and build features, labels and folds.

    Parameters
    ----------
    recipe : Recipe
    snapshot : str, optional
        A hash: read this snapshot, whatever the recipe says.

    Raises
    ------
    MarketlabError
        In one line, for data that do not serve.
    """
    torch.set_num_threads(recipe.threads)
    numba.set_num_threads(min(recipe.threads, numba.config.NUMBA_NUM_THREADS))
    loaded = recipe.dataset.load(recipe.data, snapshot=snapshot)
    check_rows(loaded.panel, recipe.features, recipe.targets)
    mask = bool(recipe.config.windows.mask)
    tensor = build_tensor(loaded.panel, recipe.features, recipe.targets, recipe.layout, mask=mask)
    folds = recipe.split.folds(tensor.times, tensor.first, recipe.targets.purge)
    return Prepared(loaded, tensor, folds)

"""What trials share: a recipe in; its panel, tensor and folds out, built once in a process."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..prepared import Prepared
    from ..recipe import Recipe

PARTS = ("dataset", "features", "target", "split")
WINDOWS = ("layout", "mask")
MOST_BYTES = 2_000_000_000


class DataCache:
    """Keep the data of the recipes that were last asked for.

    Parameters
    ----------
    prepare : Recipe -> Prepared
    most : int
        Bytes of tensors kept; the newest is kept in any case.
    """

    def __init__(self, prepare: Callable[[Recipe], Prepared], most: int = MOST_BYTES) -> None:
        self._prepare, self._most = prepare, most
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def get(self, recipe: Recipe, *, shared: bool = False) -> Prepared:
        """Return a recipe's data; trials that change neither data nor split share them.

        Parameters
        ----------
        recipe : Recipe
        shared : bool
            All trials are known to share one, so that there is no need to compare.

        Raises
        ------
        MarketlabError
            See `prepare`.
        """
        key = "" if shared else data_key(recipe.plain())
        if key not in self._kept:
            self._kept[key] = self._prepare(recipe)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > self._most:
            self._kept.popitem(last=False)
        return self._kept[key]


def data_key(plain: dict[str, Any]) -> str:
    """Write down everything that a recipe's data and folds depend on."""
    own = {part: plain[part] for part in PARTS}
    own["windows"] = {name: plain["windows"][name] for name in WINDOWS}
    own["data"] = plain["paths"]["data"]
    return json.dumps(own, sort_keys=True, default=str)


def touches_data(key: str) -> bool:
    """Say whether a parameter changes the data that trials share."""
    head, _, rest = key.partition("@")[0].replace("/", ".").partition(".")
    return head in (*PARTS, "paths", "experiment") or (head == "windows" and rest in WINDOWS)


def _bytes(prepared: Prepared) -> int:
    values = prepared.tensor.values
    return int(
        prepared.tensor.features.nbytes
        + sum(array.nbytes for array in (values.y, values.known, values.frozen))
    )

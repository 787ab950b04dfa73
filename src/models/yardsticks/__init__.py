"""Yardsticks: what is knowable without a model. They run in every evaluation, and as ``model=``.

In: a fold's windows, of which only the labels are read. Out: a Forecast in the targets' own units.
"""

from ..forecaster import Forecaster
from .base import Yardstick
from .climatology import Climatology
from .ewma import Ewma
from .frozen import FrozenFuture, FrozenFutureFitted
from .persistence import Persistence

__all__ = [
    "Climatology",
    "Ewma",
    "FrozenFuture",
    "FrozenFutureFitted",
    "Persistence",
    "Yardstick",
    "standard_yardsticks",
]


def standard_yardsticks() -> dict[str, Forecaster]:
    """Return new yardsticks by name, in the order in which tables show them."""
    return {
        "frozen-future": FrozenFuture(),
        "frozen-future fitted": FrozenFutureFitted(),
        "persistence": Persistence(),
        "climatology": Climatology(),
        "ewma": Ewma(),
    }

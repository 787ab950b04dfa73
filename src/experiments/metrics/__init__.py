"""Metrics: pure functions over arrays of truths and forecasts.

In: the cells of one label, each a (time, symbol), all finite. Out: named figures.
"""

from .losses import cell_loss, loss_name
from .scores import score

__all__ = ["cell_loss", "loss_name", "score"]

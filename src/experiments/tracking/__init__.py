"""Tracking: who else is told how a run goes. The run directory holds everything in any case."""

from .csv import CsvTracker
from .several import Several
from .tensorboard import TensorBoardTracker
from .tracker import Tracker
from .wandb import WandbTracker

__all__ = ["CsvTracker", "Several", "TensorBoardTracker", "Tracker", "WandbTracker"]

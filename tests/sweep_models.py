"""Models that fail in every way that a trial can, for the tests of sweeps."""

import os
import signal
import time

import numpy as np
from marketlab.models.linear import SklearnLinear
from sklearn.linear_model import Ridge


class Moody(SklearnLinear):
    """A ridge regression with a mood, and a window that costs time."""

    def __init__(self, mood: str = "fine", alpha: float = 1.0, seconds: float = 0.0) -> None:
        super().__init__(Ridge(alpha=alpha))
        self._mood, self._seconds = mood, seconds

    def fit(self, data, trainer, log):
        time.sleep(self._seconds)
        if self._mood == "raise":
            raise RuntimeError("no such luck\nand a second line")
        if self._mood == "memory":
            raise MemoryError
        if self._mood == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        super().fit(data, trainer, log)
        for step, loss in enumerate([3.0, 2.0, 1.0], 1):
            log.validate(step, loss + (self._mood == "slow"))

    def predict(self, windows):
        forecast = super().predict(windows)
        if self._mood == "lost":
            for values in forecast.values.values():
                values[:] = np.inf
        return forecast

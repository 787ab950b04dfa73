from __future__ import annotations

import numpy as np
import pandas as pd
from marketlab.experiments.report import FoldSpan

DAYS = pd.date_range("2024-01-01", periods=10, tz="UTC")


def test_adjacent_rows_become_one_segment() -> None:
    fold = FoldSpan.of(DAYS, np.arange(4), [5], range(7, 10))
    assert fold.train == ((DAYS[0], DAYS[3]),)
    assert fold.valid == ((DAYS[5], DAYS[5]),)
    assert fold.test == ((DAYS[7], DAYS[9]),)
    assert fold.rows == (4, 1, 3)


def test_shuffled_rows_become_several() -> None:
    fold = FoldSpan.of(DAYS, [9, 0, 1, 4, 0], [], [])
    assert fold.train == ((DAYS[0], DAYS[1]), (DAYS[4], DAYS[4]), (DAYS[9], DAYS[9]))
    assert fold.valid == fold.test == ()
    assert fold.rows == (4, 0, 0)

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from marketlab.models.forecaster import FitLog
from marketlab.models.progress import BoostingProgress


def test_averages_the_boosters_and_holds_the_last_loss_of_one_that_stopped(tmp_path: Path) -> None:
    lines: list[tuple[str, int, int]] = []
    log = FitLog(tmp_path, progress=lambda *line: lines.append(line))
    progress = BoostingProgress(log, boosters=2, rounds=10)
    for losses in ([(4.0, 6.0), (2.0, 4.0)], [(0.0, 2.0)]):
        follow = progress.booster("ret@1")
        for train, valid in losses:
            results = [("train", "l2", train, False), ("valid", "l2", valid, False)]
            follow(SimpleNamespace(evaluation_result_list=results))
    progress.finish()
    assert log.history == [
        {"epoch": 1, "train_loss": 2.0, "valid_loss": 4.0},
        {"epoch": 2, "train_loss": 1.0, "valid_loss": 3.0},
    ]
    assert [line[1:] for line in lines] == [(1, 20), (11, 20), (1, 1)]

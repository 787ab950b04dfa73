"""``sweep.html``: a study in, one self-contained page that opens offline out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from ..pages import wording
from ..pages.page import filled
from ..pages.theme import drawing
from ..provenance import command_line
from . import figures
from .choose import front
from .queue import REASON
from .table import shown, ten_best

if TYPE_CHECKING:
    from optuna.study import Study

    from .plan import Plan

TEMPLATE = Path(__file__).with_name("page.html")
REASONS = 12
"""Different reasons that are listed."""


def write_page(
    path: Path,
    study: Study,
    plan: Plan,
    trials: Sequence[FrozenTrial],
    chosen: FrozenTrial,
    run: Path | None,
    storage: str,
) -> None:
    """Write the page of a search.

    Parameters
    ----------
    path : Path
        Its folder exists.
    study : Study
    plan : Plan
    trials : those that count
    chosen : FrozenTrial
    run : Path, optional
        Where the chosen recipe was trained.
    storage : str
        Where the study is, without a password.
    """
    metric, way = next(iter(plan.settings.goals.items()))
    minimize = way == "minimize"
    with drawing():
        shares = figures.importances(study, plan.space.dimensions)
        page: dict[str, Any] = {
            "history": figures.history(trials, metric, minimize),
            "importances": figures.importance_chart(shares) if shares else None,
            "slices": figures.slices(trials, plan.space.dimensions, metric, minimize),
        }
    states = Counter(trial.state for trial in trials)
    unbeaten = front(trials, plan.settings) if len(plan.settings.goals) > 1 else set()
    best, names = ten_best(trials, plan.settings)
    page |= {
        "plan": plan,
        "chosen": chosen,
        "goals": plan.settings.goals,
        "metric": metric,
        "choices": sorted(plan.choices.items()),
        "done": states[TrialState.COMPLETE],
        "pruned": states[TrialState.PRUNED],
        "failed": states[TrialState.FAIL],
        "trials": len(trials),
        "seconds": sum(trial.user_attrs.get("seconds", 0.0) for trial in trials),
        "names": names,
        "best": [
            {
                "number": trial.number,
                "chosen": trial.number == chosen.number,
                "front": trial.number in unbeaten,
                "values": [f"{value:.5g}" for value in trial.values],
                "error": f"{trial.user_attrs['error']:.2g}",
                "seconds": f"{trial.user_attrs['seconds']:.1f}",
                "params": [shown(trial.params[name]) for name in names],
            }
            for trial in best
        ],
        "space": plan.space.texts,
        "params": {key: shown(value) for key, value in chosen.params.items()},
        "reasons": _reasons(trials),
        "report": None if run is None else (run / "report.html").as_posix(),
        "command": command_line("marketlab-train", plan.trial_words(chosen.params)),
        "storage": storage,
        "count": wording.count,
        "dash": wording.NONE,
    }
    text = filled(TEMPLATE, **page)
    path.write_bytes(text.encode("utf-8", "replace"))


def _reasons(trials: Sequence[FrozenTrial]) -> list[tuple[str, int, str]]:
    """Gather why trials failed: (reason, how many, their numbers)."""
    found: dict[str, list[int]] = {}
    for trial in trials:
        if trial.state == TrialState.FAIL:
            found.setdefault(str(trial.user_attrs.get(REASON, "")), []).append(trial.number)
    common = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))[:REASONS]
    return [(reason, len(numbers), ", ".join(map(str, numbers[:8]))) for reason, numbers in common]

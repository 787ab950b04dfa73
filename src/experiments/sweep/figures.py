"""Figures of a search: its trials in, inline SVG out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from markupsafe import Markup
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from ..pages.theme import COLOURS, canvas, to_svg
from .space import Dimension
from .table import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from optuna.study import Study

WIDE, SMALL = 920, 290
CATEGORIES = 12
"""More choices than this are not named on an axis."""
MOST_TRIALS = 1000
"""Importances are computed from so many of the newest trials."""


def history(trials: Sequence[FrozenTrial], metric: str, minimize: bool) -> Markup | None:
    """Draw each finished trial's value, the best so far as a line, and where trials were pruned."""
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    if not done:
        return None
    x = [t.number for t in done]
    y = [t.values[0] for t in done]
    best = (np.minimum if minimize else np.maximum).accumulate(y)
    figure, axes = canvas(WIDE, 260, left=64, bottom=40)
    axes.plot(x, y, "o", color=COLOURS["truth"], ms=4.5)
    axes.step([*x, max(t.number for t in trials)], [*best, best[-1]], where="post",
              color=COLOURS["model"], linewidth=1.8)  # fmt: skip
    _clip(axes, y, minimize)
    for state, role in ((TrialState.PRUNED, "muted"), (TrialState.FAIL, "yardstick")):
        at = [t.number for t in trials if t.state == state]
        if at:
            axes.plot(at, [0.02] * len(at), "|" if state == TrialState.PRUNED else "x",
                      color=COLOURS[role], ms=7, transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xlabel("trial")
    axes.set_ylabel(metric)
    axes.set_xlim(-0.5, max(t.number for t in trials) + 0.5)
    return to_svg(figure, "history")


def importances(study: Study, dimensions: Sequence[Dimension]) -> dict[str, float]:
    """Return each parameter's share of what moved the first objective, as far as it can be told.

    Functional ANOVA (Hutter et al. 2014, "An Efficient Approach for Assessing Hyperparameter
    Importance") over the trials that ended.
    """
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    names = [d.key for d in dimensions if len({repr(t.params.get(d.key)) for t in done}) > 1]
    values = [t.values[0] for t in done]
    if len(done) < 4 or not names or max(values) == min(values):
        return {}
    part = optuna.create_study(direction="minimize")
    part.add_trials(
        [
            optuna.trial.create_trial(
                params=t.params, distributions=t.distributions, value=t.values[0]
            )
            for t in done[-MOST_TRIALS:]
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = optuna.importance.get_param_importances(
                part, params=names, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
            )
        except (ValueError, RuntimeError, ZeroDivisionError):
            return {}  # values that no tree can split
    return (
        {k: float(v) for k, v in found.items()} if all(map(math.isfinite, found.values())) else {}
    )


def importance_chart(shares: dict[str, float]) -> Markup:
    """Draw a bar a parameter, the most important on top."""
    height = 30 + 26 * len(shares)
    longest = max(len(name) for name in shares)
    figure, axes = canvas(WIDE, height, left=min(360, 12 + 7 * longest), top=4, bottom=26)
    names = list(shares)[::-1]
    axes.barh(range(len(names)), [100 * shares[name] for name in names],
              height=0.6, color=COLOURS["model"])  # fmt: skip
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, 100)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.xaxis.set_major_formatter("{x:.0f}%")
    return to_svg(figure, "importances")


def slices(
    trials: Sequence[FrozenTrial], dimensions: Sequence[Dimension], metric: str, minimize: bool
) -> list[tuple[str, Markup]]:
    """Draw each parameter against the first objective: (parameter, figure)."""
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    drawn = []
    for number, dimension in enumerate(dimensions if done else ()):
        figure, axes = canvas(SMALL, 200, left=56, right=10, top=8, bottom=40)
        y = [t.values[0] for t in done]
        x = _places(axes, dimension, [t.params[dimension.key] for t in done])
        axes.plot(x, y, "o", color=COLOURS["model"], ms=4.5, alpha=0.55)
        _clip(axes, y, minimize)
        axes.set_ylabel(metric if number % 3 == 0 else "")
        drawn.append((dimension.key, to_svg(figure, f"slice-{number}")))
    return drawn


def _places(axes: Axes, dimension: Dimension, values: Sequence[Any]) -> list[float]:
    """Say where values lie on the x axis, and label it."""
    distribution = dimension.distribution
    if isinstance(distribution, CategoricalDistribution):
        names = [shown(choice) for choice in distribution.choices]
        if len(names) <= CATEGORIES:
            axes.set_xticks(range(len(names)), [n if len(n) < 12 else n[:10] + "…" for n in names],
                            rotation=30 if len(names) > 4 else 0)  # fmt: skip
        axes.set_xlim(-0.5, len(names) - 0.5)
        return [float(distribution.to_internal_repr(value)) for value in values]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.log:
        from matplotlib.ticker import LogLocator, NullLocator

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=4))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter("{x:g}")
    else:
        from matplotlib.ticker import MaxNLocator

        whole = isinstance(distribution, IntDistribution)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=whole))
    return [float(value) for value in values]


def _clip(axes: Axes, values: Sequence[float], minimize: bool) -> None:
    """Keep one wild trial from flattening the rest."""
    y = np.asarray(values)
    low, high = float(y.min()), float(y.max())
    if minimize:
        high = min(high, low + 4 * (float(np.quantile(y, 0.75)) - low) or high)
    else:
        low = max(low, high - 4 * (high - float(np.quantile(y, 0.25))) or low)
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    axes.set_ylim(low - pad, high + pad)

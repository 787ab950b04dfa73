"""A comparison as one HTML page, in the report's look: a Comparison in; a file without scripts out.

Every text passes through Jinja's escaping; only our own SVG does not.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...errors import RunError
from ..pages.page import filled
from ..pages.theme import COLOURS, canvas, drawing, to_svg
from ..pages.wording import interval, percent
from .comparison import Comparison
from .metric import SKILL
from .screen import against_best, figure, heading

WIDE = 920
TEMPLATE = Path(__file__).with_name("page.html")


def write_page(path: Path, found: Comparison) -> None:
    """Write the page.

    Raises
    ------
    RunError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(render(found).encode("utf-8", "replace"))
    except OSError as error:
        raise RunError(f"output={path}: cannot be written ({error.strerror})") from error


def render(found: Comparison) -> str:
    """Return the page as text; equal comparisons give equal text."""
    with drawing():
        picture = _skills(found)
    rows = [
        {
            "place": place,
            "one": one,
            "figure": figure(found, one),
            "skill": percent(one.skill, plus=True),
            "interval": interval(one.skill_low, one.skill_high),
            "p": against_best(one, place == 1),
            "statistic": "" if math.isnan(one.statistic) else f"{one.statistic:.2f}",
        }
        for place, one in enumerate(found.standings, start=1)
    ]
    keys = [(str(key), [str(value) for value in row]) for key, row in found.keys.iterrows()]
    return filled(
        TEMPLATE, found=found, rows=rows, keys=keys, picture=picture, heading=heading(found),
        by_skill=found.metric.name == SKILL,
    )  # fmt: skip


def _skills(found: Comparison) -> Markup | None:
    """Draw each run's skill as dot and whisker, best first."""
    rows = [one for one in found.standings if math.isfinite(one.skill)]
    if not rows:
        return None
    step = max(13, min(26, 600 // len(rows)))
    drawn, axes = canvas(WIDE, 50 + step * len(rows), left=300, right=70, top=8, bottom=38)
    ends = [100 * v for r in rows for v in (r.skill, r.skill_low, r.skill_high) if math.isfinite(v)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    pad = 0.06 * (high - low) or 1.0
    axes.set_xlim(low - pad, high + pad)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(0, color=COLOURS["muted"], linewidth=1)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    for y, one in enumerate(rows):
        if math.isfinite(one.skill_low) and math.isfinite(one.skill_high):
            span = [100 * one.skill_low, 100 * one.skill_high]
            axes.plot(span, [y, y], color=COLOURS["model"], lw=2.5 if y == 0 else 1.5)
        axes.plot([100 * one.skill], [y], "o", color=COLOURS["model"], ms=7 if y == 0 else 5)
        ink: dict[str, Any] = {"color": COLOURS["ink" if y == 0 else "muted"], "fontsize": 10.5}
        across = axes.get_yaxis_transform()
        axes.text(-0.02, y, one.run, ha="right", va="center_baseline", transform=across, **ink)
        text = percent(one.skill, plus=True)
        axes.text(1.02, y, text, ha="left", va="center_baseline", transform=across, **ink)
    axes.set_yticks([])
    axes.set_xlabel(f"skill over {found.reference}, %")
    return to_svg(drawn, "skills")

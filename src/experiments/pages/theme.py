"""The look of the figures: matplotlib draws with stand-in colours, the page's CSS paints them.

A drawn Figure flows in, an inline ``<svg>`` flows out whose colours are CSS variables (light and
dark follow the page), whose text is text, and whose bytes depend on the drawing alone.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROLES = (
    "ink", "muted", "grid", "surface", "model", "yardstick", "truth", "train", "valid", "test",
    "class-0", "class-1", "class-2", "class-3", "class-4",
)  # fmt: skip
COLOURS = {role: f"#0{i:x}fe0{i:x}" for i, role in enumerate(_ROLES)}
"""Role -> a colour that nothing else uses: in the SVG it is replaced by ``var(--role)``."""

_LOOK = {
    "svg.fonttype": "none",
    "svg.hashsalt": "marketlab",
    # A dollar in a label is a dollar.
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 11.0,
    "text.color": COLOURS["ink"],
    "axes.edgecolor": COLOURS["grid"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.labelsize": 11.0,
    "axes.linewidth": 1.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.6,
    "xtick.color": COLOURS["grid"],
    "ytick.color": COLOURS["grid"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["muted"],
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "ytick.major.pad": 6.0,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "path.simplify": True,
}
_SESSION = ("backend", "interactive", "toolbar", "webagg", "tk.")
"""Settings that belong to the user's windows, not to a drawing."""
_DRAWING = threading.RLock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with the report's look whatever style the user's session has, and put that back after.

    matplotlib's settings are global: one report at a time.
    """
    import matplotlib as mpl

    base = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith(_SESSION)}
    with _DRAWING, warnings.catch_warnings():
        # A glyph that matplotlib's font lacks is drawn by the browser's.
        warnings.filterwarnings("ignore", message="Glyph")
        with mpl.rc_context(base | _LOOK):
            yield


def canvas(
    width: int, height: int, left: int = 56, right: int = 16, top: int = 12, bottom: int = 30
) -> tuple[Figure, Axes]:
    """Open a figure of `width` x `height` CSS pixels with one set of axes inside the margins."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    axes = figure.add_axes(
        (
            left / width,
            bottom / height,
            (width - left - right) / width,
            (height - top - bottom) / height,
        )
    )
    axes.grid(visible=False, axis="x")
    return figure, axes


def days(times: pd.DatetimeIndex) -> npt.NDArray[np.float64]:
    """UTC instants as matplotlib's day numbers."""
    from matplotlib.dates import date2num

    return np.asarray(date2num(times.tz_convert(None).to_numpy()), dtype=np.float64)


def time_axis(axes: Axes, most: int = 8) -> None:
    """Label the x axis with dates, each part of a date said once."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=most)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))


def to_svg(figure: Figure, name: str) -> Markup:
    """Write a figure as inline SVG.

    Parameters
    ----------
    name : str
        Letters, digits and hyphens, unique on the page: it begins the ids inside.
    """
    buffer = io.StringIO()
    nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    width, height = (round(inches * 72) for inches in figure.get_size_inches())
    body = text[text.index(">", text.index("<svg")) + 1 : text.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r" font-family: [^;\"]*;?", "", body)
    body = body.replace("xlink:href", "href").replace(' transform="rotate(-0', ' data-r="(')
    body = re.sub(r' data-r="[^"]*"', "", body)
    body = re.sub(r'(?<= d=")[^"]*', lambda m: _shorter(m[0]), body)
    body = re.sub(r'(?<= [xy]=")[^"]*', lambda m: _shorter(m[0]), body)
    body = _paint_once(body)
    for role, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{role})")
    body = _own_ids(body, name)
    body = re.sub(r">\s+<", "><", body).strip()
    return Markup(  # noqa: S704 - matplotlib escapes text, and the rest is its own
        f'<svg viewBox="0 0 {width} {height}" style="max-width:{width}px" aria-hidden="true">'
        f"{body}</svg>"
    )


def _shorter(path: str) -> str:
    """Tenths of a pixel are enough."""
    return re.sub(r"\s+", " ", re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.1f}", path)).strip()


def _paint_once(body: str) -> str:
    """Paint a marker where it is defined, not again at each of its hundreds of places."""
    for marker in set(re.findall(r'<path id="([^"]+)"', body)):
        place = rf'(<use href="#{marker}"[^>]*?) style="([^"]*)"'
        styles = {style for _, style in re.findall(place, body)}
        if len(styles) != 1:
            continue
        body = re.sub(place, r"\1", body)
        defined = rf'(<path id="{marker}" d="[^"]*")(?: style="[^"]*")?'
        body = re.sub(defined, rf'\1 style="{styles.pop()}"', body)
    return body


def _own_ids(body: str, name: str) -> str:
    """Keep the ids that something refers to, under names that no other figure has."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    fresh: dict[str, str] = {}
    for old in re.findall(r' id="([^"]+)"', body):
        if old in used:
            fresh.setdefault(old, f"{name}-{len(fresh)}")
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{fresh[m[1]]}"' if m[1] in fresh else "", body)
    return re.sub(r'(href="#|url\(#)([^")]+)', lambda m: m[1] + fresh.get(m[2], m[2]), body)

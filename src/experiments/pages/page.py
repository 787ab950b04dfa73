"""A page: a template and what it shows in; one self-contained HTML text out.

It has no script, and a policy that forbids the browser to load anything: run directories come from
strangers. Every text passes through Jinja's escaping; only our own SVG does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

HERE = Path(__file__).parent


def filled(template: Path, **content: Any) -> str:
    """Fill a template that extends ``base.html``.

    Parameters
    ----------
    template : Path
        Of the package; a ``style.css`` beside it adds to the common look.
    content : what the template names
        A name that is missing is an error of ours, and raised.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sheets = [HERE / "style.css", template.parent / "style.css"]
    css = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.is_file())
    style = Markup(css)  # noqa: S704 - our own files
    return environment.get_template(template.name).render(style=style, **content)

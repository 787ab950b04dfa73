"""The command line of saved runs: rerun=, resume= and compare in; tables and a status out.

Called by `cli`, which turns what the user can mend into one line and status 2.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from ..errors import ConfigError
from .evaluated_table import evaluation_table
from .pages.wording import opened
from .rerun import TOLERANCE, Rerun, rerun_words
from .resume import resume_words
from .run import Run

NOT_ADVICE = "For research, not financial advice."


def saved_command(words: Sequence[str]) -> int:
    """Repeat or resume the run that the words name; return the status of the process."""
    print("reading the run", file=sys.stderr)
    if any(word.startswith("resume=") for word in words):
        show(resume_words(words))
        return 0
    found = rerun_words(words)
    show(found.run)
    console = Console()
    for line in told(found):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    return 0 if found.values or found.repeated else 1


def show(run: Run) -> None:
    """Print what a run is worth, how often its test period was opened, and where its report is."""
    assert run.evaluation is not None
    console = Console()
    console.print(evaluation_table(run.evaluation))
    if run.opened is not None:
        console.print(opened(run.opened), style="dim")
    console.print(f"report: {run.report}", soft_wrap=True, highlight=False)
    console.print(NOT_ADVICE, style="dim")


def show_comparison(runs: Sequence[str], options: Mapping[str, Any]) -> None:
    """Print a comparison, and write its page where the options say so."""
    from .compare import compare
    from .compare.screen import comparison_table

    output, label, allow = (options[key] for key in ("output", "label", "allow"))
    if output is not None and not str(output).endswith(".html"):
        raise ConfigError(f"output={output} must end in .html")
    if not isinstance(allow, list):
        raise ConfigError(f"allow={allow} must be a list, as in allow=[{allow}]")
    found = compare(
        runs,
        metric=str(options["metric"]),
        label=None if label is None else str(label),
        allow=[str(target) for target in allow],
    )
    console = Console()
    console.print(comparison_table(found))
    if output is not None:
        found.write(str(output))
        console.print(f"saved: {output}", soft_wrap=True, highlight=False)
    console.print(NOT_ADVICE, style="dim")


def told(found: Rerun) -> list[str]:
    """Say in lines how a rerun came out."""
    name = found.parent.path.name
    if found.values:
        return [f"changed from {name}: {', '.join(found.values)}"]
    around = [f"  {line}" for line in (*found.environment, *found.code)]
    where = "in another environment" if found.environment else "in the same environment"
    if found.identical:
        rows = len(found.run.predictions)
        said = f"identical: {rows:,} forecasts have the same bits as those of {name}"
        return [said, *(["although not all is as it was:", *around] if around else [])]
    lines = [f"  {one}" for one in found.differences]
    if found.repeated:
        head = f"within {TOLERANCE:g} of {name}, {where}:"
    elif found.environment:
        head = f"differs from {name} by more than {TOLERANCE:g}, {where}:"
    else:
        head = f"differs from {name}, {where}:"
    return [head, *lines, *(["not as it was:", *around] if around else [])]

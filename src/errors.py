"""Every exception that marketlab raises on purpose.

Each message is one line that says what is wrong, where, and what to do; the command line prints it
and exits with status 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class MarketlabError(Exception):
    """Something that the user can mend; its text is one line (an expression adds its caret)."""


class ConfigError(MarketlabError):
    """A recipe that cannot be composed, or whose parts do not fit together."""


class DataError(MarketlabError):
    """Bars that cannot be what they claim to be, or too few of them."""


class SnapshotError(MarketlabError):
    """A snapshot that is missing, or whose bytes are not those that its name promises."""


class ExpressionError(MarketlabError):
    """An expression that does not parse, name a known thing, or respect the present."""


class RunError(MarketlabError):
    """A run directory that is absent, incomplete, altered, or of another format."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the known name closest to a misspelt one, as a clause to end a message with.

    >>> nearest("clsoe", ["close", "open"])
    "; did you mean 'close'?"
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""

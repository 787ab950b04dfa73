"""Start: what a run was asked to do and where it began; what a resumed one needs to go on.

Written as ``start.json`` before the first fit, and kept in the run directory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..data.disk import replaced
from ..errors import RunError
from .provenance import changes

START = "start.json"
FORMAT = 1


@dataclass(frozen=True)
class Start:
    """The beginning of a run.

    Attributes
    ----------
    run : str
        Its id.
    overrides : words of the command line
    created : str
        ISO instant, UTC.
    snapshot : str, optional
        The SHA-256 of the bars to read; None until the recipe's own are loaded.
    extra : mapping
        Further entries of the manifest, such as ``sweep`` or ``parent``.
    code, environment : mappings
        As `provenance` tells them.
    resumed : {"at", "differs"} of each time that it went on
    """

    run: str
    overrides: Sequence[str]
    created: str
    snapshot: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    resumed: Sequence[Mapping[str, Any]] = ()

    def write(self, partial: Path) -> None:
        """Write ``start.json`` whole or not at all."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=2, allow_nan=False)
        with replaced(partial / START) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    @staticmethod
    def read(partial: Path) -> Start:
        """Read what `write` wrote.

        Raises
        ------
        RunError
            If nothing was fitted yet, or the file is not one of ours.
        """
        path = partial / START
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise RunError(f"{path} has another format: train it again")
            start = Start(**content)
            kinds = {
                str: (start.run, start.created, start.snapshot),
                dict: (start.extra, start.code, start.environment),
                list: (start.overrides, start.resumed),
            }
            for kind, values in kinds.items():
                if not all(isinstance(value, kind) for value in values):
                    raise TypeError("an entry is of another kind")
        except FileNotFoundError:
            raise RunError(
                f"{partial} was stopped before its first fit: there is nothing to resume; train "
                "it again"
            ) from None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise RunError(f"{path} is damaged ({error}): train it again") from error
        return start

    def going_on(self, code: Mapping[str, Any], environment: Mapping[str, Any]) -> Start:
        """Note that the run goes on here and now, and what is not as it was when it began."""
        before = {"code": self.code, **self.environment}
        differs = changes(before, {"code": code, **environment})
        note = {"at": now(), "differs": differs}
        return replace(self, resumed=[*self.resumed, note])


def now() -> str:
    """Return this instant, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")

"""What every source of bars is: a place that is asked for rows and says how they are dated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from ...errors import DataError
from ..bars.markets import Market


class Source(ABC):
    """A place that bars come from.

    Attributes
    ----------
    remote : bool
        Whether it uses the network. A remote source is read by a fetch alone; a run reads the
        snapshot that the fetch wrote.
    made_up : bool
        Whether the bars are invented; a dataset of them must have ``synthetic`` in its name.
    exchange : str or None
        Whose closes date the daily bars, unless the dataset says otherwise; None leaves it to the
        dataset's clock.
    """

    remote: ClassVar[bool] = False
    made_up: ClassVar[bool] = False
    exchange: str | None = None

    @abstractmethod
    def load(self) -> pd.DataFrame:
        """Return raw rows: ``symbol``, ``close``, other bar columns, and ``date`` or ``time``.

        ``date`` is naive and names the session of a daily bar; ``time`` has a time zone and is the
        instant at which an intraday bar closed. Where there are both, each row has one of them.
        Intraday rows may also say when they ``opened``: a bar that its session's close cut short
        then closes with the session. What a reader should know of the rows goes, as sentences, to
        ``attrs["notes"]``.

        Raises
        ------
        DataError
            The source cannot be read.
        """

    @property
    @abstractmethod
    def description(self) -> str:
        """One line that says where the bars are from; it is stored with the snapshot."""


@dataclass(frozen=True)
class Fetching:
    """How politely, patiently and completely a remote source is asked.

    Attributes
    ----------
    retries : int
        Times that a request is tried again after a rate limit or a failing server.
    timeout : float
        Seconds that an answer may take.
    requests : int
        How many may be under way at once.
    pause : float
        Seconds between two requests of one worker.
    allow_missing : bool
        Go on without symbols that cannot be had, instead of fetching all or nothing.
    full : bool
        Fetch everything again, whatever the newest snapshot holds.
    progress : (text, done, total) -> None
        Told after each symbol.
    """

    retries: int = 5
    timeout: float = 30.0
    requests: int = 4
    pause: float = 0.1
    allow_missing: bool = False
    full: bool = False
    progress: Callable[[str, int, int], None] = lambda text, done, total: None


@dataclass(frozen=True)
class Fetched:
    """What a remote source answered.

    Attributes
    ----------
    rows : DataFrame
        As `Source.load` returns them.
    missing : symbol -> reason
        The symbols that could not be had, each with a few words on why.
    markets : symbol -> Market
        Where symbols trade, as far as the source says it; an exchange that does not fit is refused.
    """

    rows: pd.DataFrame
    missing: Mapping[str, str]
    markets: Mapping[str, Market] = field(default_factory=dict)


class RemoteSource(Source):
    """A source on the network, asked symbol by symbol for what is new."""

    remote = True

    @property
    @abstractmethod
    def request(self) -> Mapping[str, Mapping[str, Any]]:
        """What is asked for each symbol, as JSON values; symbols asked otherwise start anew.

        An ``interval`` other than ``1d`` is intraday. A ``period`` is a window that moves on: such
        a symbol is asked for all of it each time, and nothing older is kept.
        """

    @abstractmethod
    def fetch(self, since: Mapping[str, pd.Timestamp | None], how: Fetching) -> Fetched:
        """Return the rows of some symbols, each from an instant (UTC) on, or from the beginning.

        A symbol that fails for a reason of its own is in `Fetched.missing`; what fails for all of
        them, such as a rate limit that does not end, is raised.

        Raises
        ------
        DataError
        """

    def load(self) -> pd.DataFrame:
        """Return the rows of all symbols; a fetch of a `Dataset` also knows what it has already.

        Raises
        ------
        DataError
            One of them cannot be had.
        """
        fetched = self.fetch(dict.fromkeys(self.request), Fetching())
        for symbol, reason in fetched.missing.items():
            raise DataError(f"{self.description}: {symbol}: {reason}")
        return fetched.rows

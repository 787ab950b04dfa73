"""What every source of bars is: a place that is asked for rows and says how they are dated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import pandas as pd


class Source(ABC):
    """A place that bars come from.

    Attributes
    ----------
    remote : bool
        Whether `load` uses the network. A remote source is read by a fetch alone; a run reads the
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
        instant at which an intraday bar closed.

        Raises
        ------
        DataError
            The source cannot be read.
        """

    @property
    @abstractmethod
    def description(self) -> str:
        """One line that says where the bars are from; it is stored with the snapshot."""

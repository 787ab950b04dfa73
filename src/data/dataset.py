"""A dataset: a source, the clock that its bars land on, and the snapshot that a run reads.

A config flows in; a panel, its health and the snapshot's hash flow out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import ConfigError, DataError, SnapshotError, nearest
from .bars.calendars import time_zone
from .bars.dating import date_bars
from .bars.landing import land_bars
from .bars.schema import OnInvalid, Validated, validate_bars
from .corrections.adjusting import ADJUST, Adjust, Adjusted, adjusted, attach_ratios
from .corrections.universe import attach_members
from .disk import given_path, sha256_of
from .health.notes import doubt_calendar, fold_renames, landing_notes
from .health.table import Health, panel_health
from .panel import MEMBER, Panel
from .snapshots.basis import Stated, differences
from .snapshots.incremental import Reading, fetch_bars
from .snapshots.lock import held
from .snapshots.store import LATEST, Snapshot, find_snapshot, read_snapshot, write_snapshot
from .sources.source import Fetching, RemoteSource, Source
from .wording import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedData:
    """What a run works on.

    Attributes
    ----------
    panel : Panel
    health : Health
    snapshot : Snapshot
    suspected : DataFrame
        Moves that look like splits which nobody adjusted: date, symbol, move, ratio.
    """

    panel: Panel
    health: Health
    snapshot: Snapshot
    suspected: pd.DataFrame


class Dataset:
    """Bars of one source on one clock.

    Parameters
    ----------
    name : str
        Names the folder of its snapshots; a made-up dataset has ``synthetic`` in it.
    source : Source
    clock : str
        The exchange whose sessions are the panel's rows: a calendar of exchange_calendars or
        ``24/7``.
    exchange : str or symbol -> str, optional
        Whose closes date the daily bars. Default: the source's own, else the clock. A mapping may
        name some symbols only, such as ``{Gold: CMES}``.
    start, end : date, optional
        First and last session to keep, both included.
    symbols : names, optional
        Which symbols to keep, in this order. Default: all of them, sorted by name.
    exclude : names, optional
        Symbols to leave out, such as one listed too late to learn from.
    allow_negative : bool
        Accept prices of zero and below.
    on_invalid : "raise" or "drop"
        Whether a bar that cannot be one ends the load, or is left out and counted in the health
        table's notes.
    adjust : "report", "ratios" or "adj_close"
        report: list moves that look like splits and change nothing. ratios: divide prices by the
        ratios of splits. adj_close: scale prices so that the close is the source's adjusted one.
        The snapshot always holds the bars as they came.
    ratios : str, optional
        A CSV file of date, symbol, ratio (new shares for an old one), stored with the snapshot.
    universe : str, optional
        A table of symbol, from, to (both included): when a symbol is a member of an index. Stored
        with the snapshot. Features see all rows; training and evaluation only members.
    snapshot : str, optional
        ``latest``, a hash or a path: read this snapshot and not the source. Default: a local source
        is read anew and snapshotted; of a remote one the latest snapshot is read.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        clock: str,
        exchange: str | Mapping[str, str] | None = None,
        start: str | None = None,
        end: str | None = None,
        symbols: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        allow_negative: bool = False,
        on_invalid: OnInvalid = "raise",
        adjust: Adjust = "report",
        ratios: str | None = None,
        universe: str | None = None,
        snapshot: str | None = None,
    ) -> None:
        if not name or set(name) & set("/\\") or name.startswith("."):
            raise ConfigError(f"dataset.name={name!r} cannot name a folder; use letters and digits")
        if source.made_up and "synthetic" not in name:
            raise ConfigError(
                f"dataset.name={name}: made-up bars must say so; put 'synthetic' in the name"
            )
        if on_invalid not in ("raise", "drop"):
            raise ConfigError(f"dataset.on_invalid={on_invalid}: choose raise or drop")
        if adjust not in ADJUST:
            raise ConfigError(f"dataset.adjust={adjust}: choose {', '.join(ADJUST)}")
        self.name = name
        self.source = source
        self.clock = clock
        self.exchange = dict(exchange) if isinstance(exchange, Mapping) else exchange
        self.start = _date(start, "start")
        self.end = _date(end, "end")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ConfigError(f"dataset.end={end} is before dataset.start={start}")
        self.symbols = None if symbols is None else _names(symbols, "symbols")
        self.exclude = _names(exclude, "exclude") if exclude else ()
        self.allow_negative = allow_negative
        self.on_invalid: OnInvalid = on_invalid
        self.adjust: Adjust = adjust
        self.ratios = None if ratios is None else given_path(ratios)
        self.universe = None if universe is None else given_path(universe)
        self.snapshot = snapshot

    def load(
        self, store: Path, snapshot: str | None = None, *, compared: bool = True
    ) -> LoadedData:
        """Return the panel, reading the source or a snapshot; never the network.

        Parameters
        ----------
        store : Path
            Folder of all datasets' snapshots.
        snapshot : str, optional
            As in the constructor, and in its stead; the source is then not touched.
        compared : bool
            Compare a snapshot with what this dataset asks for: the latest one is refused where it
            differs, and of one that is named the health's notes tell how. A run that finds its own
            snapshot again needs neither, nor the files that were attached to it.

        Raises
        ------
        DataError
            The bars are not what they must be.
        SnapshotError
            The snapshot is missing or damaged, or the latest one is not what is asked for.
        """
        wanted = snapshot or self.snapshot or (LATEST if self.source.remote else None)
        notes: list[str] = []
        if wanted is None:
            bars, metadata = self._read_source(store / self.name, Fetching())
            taken = write_snapshot(bars, store / self.name, metadata)
        else:
            try:
                bars, taken = read_snapshot(find_snapshot(store / self.name, wanted))
            except SnapshotError as error:
                if not self.source.remote or wanted != LATEST:
                    raise
                raise SnapshotError(f"{error}; run: marketlab-fetch dataset={self.name}") from None
            if compared:
                notes.extend(self._compared(taken, latest=wanted == LATEST))
        if self.universe is not None and MEMBER not in bars:
            again = "fetch" if self.source.remote else "load"
            raise DataError(
                f"{self.name}: the snapshot {taken.sha256[:12]} was taken without "
                f"dataset.universe={self.universe}; {again} it again"
            )
        fitted = self.prepared(bars, self.symbols)
        landed = land_bars(fitted.bars, self.clock, self.start, self.end)
        notes += fold_renames(taken.metadata.get("notes", ()), landed.panel.symbols)
        if not self._named:
            key = "dataset.clock" if self._usual == self.clock else "dataset.exchange"
            notes = doubt_calendar(notes, bars, self._zones(bars), self._usual, key)
        notes += [*fitted.notes, *landing_notes(landed, fitted.bars)]
        health = panel_health(landed.panel, notes, fitted.changed)
        return LoadedData(landed.panel, health, taken, fitted.suspected)

    def prepared(self, bars: pd.DataFrame, symbols: Sequence[str] | None) -> Adjusted:
        """Select and adjust the bars of a snapshot, as they are then landed on the clock's rows.

        Parameters
        ----------
        bars : DataFrame
            As `read_snapshot` returns them.
        symbols : names, optional
            Which to keep, in this order; of them, or of all, those of ``exclude`` are left out.

        Raises
        ------
        DataError
            A symbol has no bars, none is left, or they cannot be adjusted.
        """
        chosen = self._select(bars, symbols)
        return adjusted(chosen, self.adjust, self.name, self._zones(bars), (self.start, self.end))

    def fetch(self, store: Path, how: Fetching | None = None) -> Snapshot:
        """Read the source, over the network if it is remote, and write the snapshot.

        Raises
        ------
        DataError, SnapshotError
            The newest snapshot stays what it was.
        """
        with held(store / self.name):
            bars, metadata = self._read_source(store / self.name, how or Fetching())
            return write_snapshot(bars, store / self.name, metadata)

    def _read_source(self, directory: Path, how: Fetching) -> tuple[pd.DataFrame, dict[str, Any]]:
        metadata: dict[str, Any] = {"dataset": self.name, "clock": self.clock, **self._basis()}
        if isinstance(self.source, RemoteSource):
            for symbol in self._named:
                if symbol not in (asked := self.source.request):
                    hint = nearest(symbol, asked)
                    raise DataError(
                        f"{self.name}: dataset.exchange names the symbol {symbol!r}{hint}"
                    )
            reading = Reading(self.name, self.clock, self._checked, metadata)
            fetched = fetch_bars(self.source, reading, directory, how)
            metadata["tallies"] = {symbol: dict(t) for symbol, t in fetched.tallies.items()}
            checked: Validated = fetched
        else:
            checked = self._checked(self.source.load())
        bars, notes = checked.bars, list(checked.notes)
        if self.ratios is not None:
            bars, said = attach_ratios(bars, self.ratios, self._zones(bars))
            notes.extend(said)
        if self.universe is not None:
            bars, said = attach_members(bars, self.universe, self._zones(bars))
            notes.extend(said)
        return bars, {**metadata, "notes": notes}

    @property
    def _named(self) -> dict[str, str]:
        """The exchanges of symbols that the config names one by one."""
        return self.exchange if isinstance(self.exchange, dict) else {}

    @property
    def _usual(self) -> str:
        """The exchange of every other symbol."""
        own = None if isinstance(self.exchange, dict) else self.exchange
        return own or self.source.exchange or self.clock

    def _basis(self) -> dict[str, Any]:
        """State what the bars depend on; see `basis`."""
        usual = self._usual
        basis: dict[str, Any] = {
            "source": self.source.description,
            "exchange": usual,
            "exchanges": {s: place for s, place in sorted(self._named.items()) if place != usual},
            "allow_negative": self.allow_negative,
            "on_invalid": self.on_invalid,
            "ratios": _content(self.ratios, "ratios", self.name),
            "universe": _content(self.universe, "universe", self.name),
        }
        if isinstance(self.source, RemoteSource):
            basis["request"] = {symbol: dict(r) for symbol, r in self.source.request.items()}
        return basis

    def _compared(self, taken: Snapshot, *, latest: bool) -> list[str]:
        """Refuse a latest snapshot that is not what this dataset asks for; of others tell how."""
        try:
            asked: Stated = self._basis()
        except DataError as error:
            if latest:
                raise
            return [f"the snapshot {taken.sha256[:12]} could not be compared: {error}"]
        found = differences(taken.metadata, asked, fetched=self.source.remote)
        if not latest:
            return [f"the snapshot {taken.sha256[:12]} {difference}" for difference in found]
        if not found:
            return []
        again = f"run: marketlab-fetch dataset={self.name} ..."
        if not self.source.remote:
            again = "load the source again, without snapshot=latest"
        raise SnapshotError(
            f"{self.name}: the latest snapshot {taken.sha256[:12]} {'; it '.join(found)}; {again}"
        )

    def _checked(self, raw: pd.DataFrame) -> Validated:
        """Turn a source's rows into bars."""
        if not len(raw):
            raise DataError(f"{self.name}: {self.source.description} has not a single row")
        if "time" not in raw and "date" not in raw:
            raise DataError(f"{self.name}: {self.source.description} gives neither date nor time")
        notes = [str(note) for note in raw.attrs.get("notes", ())]
        named = self._named
        if isinstance(self.source, RemoteSource):
            # These are the rows of one of its symbols.
            here = set(raw["symbol"])
            named = {symbol: place for symbol, place in named.items() if symbol in here}
        rows, said = date_bars(raw, named or self._usual, self._usual, self.name)
        for note in said:
            notes.append(note)
            if not isinstance(self.source, RemoteSource):
                log.warning("%s: %s", self.name, note)
        if not self.source.made_up:
            now = pd.Timestamp.now("UTC")
            closed = (rows["time"] <= now).to_numpy()
            # A bar of a day after tomorrow is no open one but a mistake.
            day = rows["time"].dt.tz_localize(None)
            if "date" in rows:
                day = rows["date"].fillna(day)
            tomorrow = now.tz_localize(None).normalize() + pd.Timedelta(days=1)
            kept = closed | (day.dt.normalize() > tomorrow).to_numpy()
            if not kept.any() and isinstance(self.source, RemoteSource):
                return Validated(rows[kept], ())
            if not kept.any():
                raise DataError(f"{self.name}: none of its {counted(len(rows))} has closed yet")
            if not kept.all():
                notes.append(f"{counted(int((~kept).sum()))} that had not closed yet dropped")
                rows = rows[kept]
        checked = validate_bars(
            rows,
            name=self.name,
            allow_negative=self.allow_negative,
            on_invalid=self.on_invalid,
            made_up=self.source.made_up,
        )
        return Validated(checked.bars, (*notes, *checked.notes))

    def _zones(self, bars: pd.DataFrame) -> dict[str, tzinfo]:
        """Return the time zone of the exchange that dates each symbol."""
        named, usual = self._named, self._usual
        symbols = [str(symbol) for symbol in bars["symbol"].cat.categories]
        return {symbol: time_zone(named.get(symbol, usual)) for symbol in symbols}

    def _select(self, bars: pd.DataFrame, symbols: Sequence[str] | None) -> pd.DataFrame:
        if symbols is None and not self.exclude:
            return bars
        known = [str(symbol) for symbol in bars["symbol"].cat.categories]
        wanted = symbols or known
        for symbol in (*wanted, *self.exclude):
            if symbol not in known:
                hint = nearest(symbol, known)
                raise DataError(f"{self.name} has no bars of the symbol {symbol!r}{hint}")
        kept = [symbol for symbol in wanted if symbol not in self.exclude]
        if not kept:
            raise DataError(f"{self.name}: dataset.exclude leaves no symbol")
        codes = bars["symbol"].cat.set_categories(kept)
        bars = bars.assign(symbol=codes)[codes.notna().to_numpy()]
        # The order asked for need not be that of the names, by which bars are sorted.
        return bars.sort_values("symbol", kind="stable", ignore_index=True)


def _names(symbols: Sequence[Any], key: str) -> tuple[str, ...]:
    if isinstance(symbols, str):
        raise ConfigError(f"dataset.{key}={symbols} must be a list, as in [{symbols}]")
    for symbol in symbols:
        if isinstance(symbol, bool):
            raise ConfigError(
                f"dataset.{key}: YAML reads a symbol as {symbol}; put it in quotes, as 'ON'"
            )
    names = tuple(str(symbol) for symbol in symbols)
    if len(set(names)) < len(names) or not names:
        raise ConfigError(f"dataset.{key}={list(names)} must name some symbols, each once")
    return names


def _content(path: Path | None, key: str, name: str) -> str | None:
    """Return the SHA-256 of a file's bytes."""
    if path is None:
        return None
    try:
        return sha256_of(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{name}: dataset.{key}={path} cannot be read: {reason}") from None


def _date(text: Any, name: str) -> pd.Timestamp | None:
    if text is None:
        return None
    try:
        return pd.Timestamp(str(text)).normalize()
    except ValueError:
        raise ConfigError(f"dataset.{name}={text} is not a date; write it as 2015-01-31") from None

"""A dataset reads its source or a snapshot, never the network, and says what is wrong in a line."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from marketlab.data.dataset import Dataset
from marketlab.data.snapshots.store import read_snapshot, write_snapshot
from marketlab.data.sources.csv import Csv
from marketlab.data.sources.packaged import Packaged
from marketlab.data.sources.parquet import Parquet
from marketlab.data.sources.source import Source
from marketlab.data.sources.synthetic import Synthetic
from marketlab.errors import ConfigError, DataError, SnapshotError


class Fixed(Source):
    """A source that serves a frame, and counts how often it was asked."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.asked = 0

    @property
    def description(self) -> str:
        return "a frame"

    def load(self) -> pd.DataFrame:
        self.asked += 1
        return self.frame.copy()


class Far(Fixed):
    """The same, over a network."""

    remote: ClassVar[bool] = True


def daily(*dates: str, symbol: str = "A", close: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime(list(dates)), "symbol": symbol, "close": close})


WEEK = daily("2021-04-26", "2021-04-27", "2021-04-28", "2021-04-29", "2021-04-30")


def test_a_local_source_is_read_and_snapshotted(tmp_path: Path) -> None:
    source = Fixed(WEEK)
    dataset = Dataset("d", source, "XBOM")
    loaded = dataset.load(tmp_path)
    assert loaded.panel.shape == (5, 1)
    assert loaded.panel.clock == "XBOM"
    assert loaded.panel.times[0] == pd.Timestamp("2021-04-26 10:00", tz="UTC")
    assert loaded.snapshot.path.parent == tmp_path / "d"
    assert loaded.snapshot.metadata["source"] == "a frame"
    assert loaded.health.table["rows"].tolist() == [5]
    again = dataset.load(tmp_path, snapshot=loaded.snapshot.sha256)
    assert source.asked == 1
    assert again.snapshot == loaded.snapshot
    np.testing.assert_array_equal(again.panel.fields["close"], loaded.panel.fields["close"])


def test_a_snapshot_named_in_the_config_is_read_in_the_source_s_stead(tmp_path: Path) -> None:
    sha = Dataset("d", Fixed(WEEK), "XBOM").load(tmp_path).snapshot.sha256
    other = Fixed(WEEK.iloc[:1])
    loaded = Dataset("d", other, "XBOM", snapshot=sha).load(tmp_path)
    assert loaded.panel.shape == (5, 1)
    assert other.asked == 0


def test_a_remote_source_is_read_by_a_fetch_alone(tmp_path: Path) -> None:
    source = Far(WEEK)
    dataset = Dataset("far", source, "XBOM")
    with pytest.raises(SnapshotError, match=r"run: marketlab-fetch dataset=far$"):
        dataset.load(tmp_path)
    assert source.asked == 0
    snapshot = dataset.fetch(tmp_path)
    assert dataset.load(tmp_path).snapshot == snapshot
    assert source.asked == 1


def test_a_bar_that_has_not_closed_is_not_fetched(tmp_path: Path) -> None:
    today = pd.Timestamp.now("UTC").normalize().tz_localize(None)
    rows = daily(str(today - pd.Timedelta(days=1)), str(today))
    dataset = Dataset("far", Far(rows), "24/7")
    assert dataset.fetch(tmp_path).rows == 1
    assert dataset.load(tmp_path).health.notes == ("1 bar that had not closed yet dropped",)


def test_a_local_bar_that_has_not_closed_is_dropped_and_later_ones_are_a_mistake(
    tmp_path: Path,
) -> None:
    today = pd.Timestamp.now("UTC").normalize().tz_localize(None)
    days = [str(today + pd.Timedelta(days=count)) for count in (-2, -1, 0, 1, 2)]
    loaded = Dataset("d", Fixed(daily(*days[:4])), "24/7").load(tmp_path)
    assert loaded.panel.times[-1] == today.tz_localize("UTC")
    assert loaded.health.notes == ("2 bars that had not closed yet dropped",)
    with pytest.raises(DataError, match=r"A .*: this bar lies in the future"):
        Dataset("d", Fixed(daily(*days)), "24/7").load(tmp_path)
    with pytest.raises(DataError, match=r"^d: none of its 2 bars has closed yet$"):
        Dataset("d", Fixed(daily(*days[2:4])), "24/7").load(tmp_path)


def test_a_local_intraday_bar_that_has_not_closed_is_dropped(tmp_path: Path) -> None:
    now = pd.Timestamp.now("UTC").floor("h")
    times = [now - pd.Timedelta(days=2), now, now + pd.Timedelta(hours=1)]
    rows = pd.DataFrame({"time": times, "symbol": "A", "close": 1.0})
    loaded = Dataset("d", Fixed(rows), "24/7").load(tmp_path)
    assert loaded.snapshot.rows == 2
    assert "1 bar that had not closed yet dropped" in loaded.health.notes
    rows["time"] = [*times[:2], times[2] + pd.Timedelta(days=3)]
    with pytest.raises(DataError, match="this bar lies in the future"):
        Dataset("d", Fixed(rows), "24/7").load(tmp_path)


RATIOS = "date,symbol,ratio\n2021-04-28,A,2\n"
MEMBERS = "symbol,from,to\nA,2021-04-27,2021-04-29\n"
OTHER = {"ratios": "date,symbol,ratio\n2021-04-28,A,5\n", "universe": MEMBERS + "\n"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"allow_negative": True}, "with dataset.allow_negative=false, this asks for true"),
        ({"on_invalid": "drop"}, "with dataset.on_invalid=raise, this asks for drop"),
        ({"exchange": "CMES"}, "was dated by XBOM, this asks for CMES"),
        ({"exchange": {"A": "CMES"}}, "has A dated by XBOM, this asks for CMES"),
        ({"clock": "24/7"}, "was dated by XBOM, this asks for 24/7"),
        ({"ratios": None}, "with dataset.ratios, this asks for none"),
        ({"ratios": "other.csv"}, "with other contents of dataset.ratios"),
        ({"universe": None}, "with dataset.universe, this asks for none"),
        ({"universe": "other.csv"}, "with other contents of dataset.universe"),
        ({"ratios": "gone.csv"}, "gone.csv cannot be read: no such file or directory"),
        ({"universe": "gone.csv"}, "gone.csv cannot be read: no such file or directory"),
    ],
)
def test_the_latest_snapshot_must_be_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ratios.csv").write_text(RATIOS)
    Path("members.csv").write_text(MEMBERS)
    Path("other.csv").write_text(OTHER.get(next(iter(change)), ""))
    options = {"clock": "XBOM", "ratios": "ratios.csv", "universe": "members.csv"}
    taken = Dataset("d", Far(WEEK), **options).fetch(tmp_path)  # type: ignore[arg-type]
    same = Dataset("d", Far(WEEK), **options).load(tmp_path)  # type: ignore[arg-type]
    other = Dataset("d", Far(WEEK), **{**options, **change})
    with pytest.raises((SnapshotError, DataError)) as refusal:
        other.load(tmp_path)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    if "cannot be read" not in said:
        assert str(refusal.value).endswith("; run: marketlab-fetch dataset=d ...")
    for wanted in (taken.sha256, str(taken.path)):
        notes = set(other.load(tmp_path, snapshot=wanted).health.notes)
        assert any(said in note for note in notes - set(same.health.notes))
    alone = other.load(tmp_path, snapshot=taken.sha256, compared=False)
    assert not any(said in note for note in alone.health.notes)


def test_what_cuts_or_scales_what_is_loaded_needs_no_other_snapshot(tmp_path: Path) -> None:
    Dataset("d", Far(WEEK), "XBOM").fetch(tmp_path)
    cut = Dataset("d", Far(WEEK), "24/7", exchange="XBOM", start="2021-04-27", symbols=["A"])
    assert cut.load(tmp_path).panel.times[0] == pd.Timestamp("2021-04-28", tz="UTC")


def test_a_snapshot_of_a_local_source_read_as_the_latest_is_compared_too(tmp_path: Path) -> None:
    Dataset("d", Fixed(WEEK), "XBOM").load(tmp_path)
    with pytest.raises(SnapshotError, match=r"; load the source again, without snapshot=latest$"):
        Dataset("d", Fixed(WEEK), "XBOM", snapshot="latest", allow_negative=True).load(tmp_path)


def test_a_snapshot_that_does_not_say_what_it_depends_on_is_not_the_latest(tmp_path: Path) -> None:
    taken = Dataset("d", Far(WEEK), "XBOM").fetch(tmp_path)
    bars, _ = read_snapshot(taken.path)
    write_snapshot(bars, tmp_path / "d", {"dataset": "d", "clock": "XBOM", "source": "a frame"})
    with pytest.raises(SnapshotError, match="was fetched before snapshots stated what"):
        Dataset("d", Far(WEEK), "XBOM").load(tmp_path)


def test_start_end_and_symbols_cut_what_is_loaded(tmp_path: Path) -> None:
    source = Packaged()
    dataset = Dataset(
        "us", source, "XNYS", start="2005-01-01", end="2005-12-31", symbols=["SP500", "NASDAQ"]
    )
    panel = dataset.load(tmp_path).panel
    assert panel.symbols == ("SP500", "NASDAQ")
    assert panel.shape == (252, 2)
    whole = Dataset("us", source, "XNYS").load(tmp_path).panel
    assert whole.symbols == ("NASDAQ", "SP500")
    at = whole.times.get_indexer(panel.times)
    for name, values in panel.fields.items():
        np.testing.assert_array_equal(values, whole.fields[name][at][:, ::-1])


def test_each_symbol_may_close_on_its_own_exchange(tmp_path: Path) -> None:
    rows = pd.concat([WEEK, WEEK.assign(symbol="Gold")])
    loaded = Dataset("d", Fixed(rows), "XBOM", exchange={"Gold": "CMES"}).load(tmp_path)
    close = loaded.panel.fields["close"]
    assert np.isfinite(close[:, 0]).all()
    np.testing.assert_array_equal(np.isnan(close[:, 1]), [True, False, False, False, False])
    assert loaded.health.notes == ("1 bar after the last close of XBOM left out",)
    with pytest.raises(DataError, match="exchange names the symbol 'Glod'; did you mean 'Gold'"):
        Dataset("d", Fixed(rows), "XBOM", exchange={"Glod": "CMES"}).load(tmp_path)


def test_what_happened_to_the_bars_is_noted_on_every_load(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = pd.concat([WEEK, daily("2021-05-01", "2021-05-03"), daily("2021-05-04", close=-1.0)])
    dataset = Dataset("d", Fixed(rows), "XBOM", on_invalid="drop")
    loaded = dataset.load(tmp_path)
    assert loaded.health.notes == (
        "1 bar dated on no session, taken to close at the usual hour",
        "1 bar dropped: price not positive",
        "1 bar merged with another on the same row",
    )
    assert "d: 1 bar dated on no session" in caplog.text
    again = dataset.load(tmp_path, snapshot="latest")
    assert again.health.notes == loaded.health.notes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a/b"}, "dataset.name='a/b' cannot name a folder"),
        ({"name": ""}, "dataset.name='' cannot name a folder"),
        ({"on_invalid": "ignore"}, "dataset.on_invalid=ignore: choose raise or drop"),
        ({"start": "soon"}, "dataset.start=soon is not a date"),
        ({"start": "2020-01-02", "end": "2020-01-01"}, "is before dataset.start=2020-01-02"),
        ({"symbols": [True]}, "YAML reads a symbol as True; put it in quotes"),
        ({"symbols": ["A", "A"]}, "must name some symbols, each once"),
        ({"symbols": []}, "must name some symbols, each once"),
    ],
)
def test_a_config_that_makes_no_sense_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Dataset(**{"name": "d", "source": Fixed(WEEK), "clock": "XBOM", **options})


def test_made_up_bars_say_so_in_the_name() -> None:
    with pytest.raises(ConfigError, match="put 'synthetic' in the name"):
        Dataset("nifty", Synthetic(), "XNYS")
    assert Dataset("synthetic_30", Synthetic(), "XNYS").name == "synthetic_30"


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (WEEK.iloc[:0], {}, "d: a frame has not a single row"),
        (WEEK.assign(close=np.nan), {}, "d: there is not a single row with a close"),
        (WEEK.assign(date=pd.Series([pd.NaT] * 5)), {}, "has a row without a date"),
        (WEEK.drop(columns="date"), {}, "d: a frame gives neither date nor time"),
        (pd.concat([WEEK, WEEK.iloc[2:3]]), {}, "d: A 2021-04-28: this bar occurs twice"),
        (WEEK.assign(close=-1.0), {}, "d: A 2021-04-26: close -1 is not positive"),
        (WEEK, {"symbols": ["B"]}, "d has no bars of the symbol 'B'; known: A"),
        (WEEK, {"clock": "XBOMM"}, "'XBOMM' has no calendar; did you mean 'XBOM'"),
        (WEEK, {"start": "2022-01-01"}, "no bar lands on a session of XBOM from 2022-01-01"),
    ],
)
def test_each_bad_input_ends_in_one_line(
    tmp_path: Path, frame: pd.DataFrame, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as refusal:
        Dataset(**{"name": "d", "source": Fixed(frame), "clock": "XBOM", **options}).load(tmp_path)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_real_us_data_is_refused_and_may_be_cleaned(tmp_path: Path, shared_data: Path) -> None:
    source = Parquet(str(shared_data / "us/sp500_100names_daily_2013_2018.parquet"))
    with pytest.raises(DataError, match=r"^us: AOS 2014-05-19: high 23.595 is below low 23.85"):
        Dataset("us", source, "XNYS").load(tmp_path)
    loaded = Dataset("us", source, "XNYS", on_invalid="drop").load(tmp_path)
    assert loaded.panel.shape == (1259, 100)
    assert "1 bar dropped: high below low" in loaded.health.notes


def test_the_first_seed_s_file_and_its_38_rows_that_mumbai_did_not_trade(
    tmp_path: Path, shared_data: Path
) -> None:
    source = Csv(str(shared_data / "seeds/dataset_combined_2_5yr.csv"))
    loaded = Dataset("seed", source, "XBOM").load(tmp_path)
    assert loaded.panel.shape == (652 - 38, 24)
    assert set(loaded.panel.fields) == {"close"}
    assert (
        f"{38 * 24} bars dated on no session, taken to close at the usual hour; is "
        "dataset.clock=XBOM right? 24/5 fits the dates better" in loaded.health.notes
    )


def test_hourly_bars_of_a_market_that_never_closes_merge_by_day(
    tmp_path: Path, shared_data: Path
) -> None:
    path = shared_data / "crypto/binance_5coins_1h_to_2023_06.parquet"
    source = Parquet(str(path), stamps="open", interval="1h")
    loaded = Dataset("coins", source, "24/7", start="2022-01-01", end="2022-12-31").load(tmp_path)
    assert loaded.panel.shape == (365, 5)
    hours = pd.read_parquet(path)
    day = hours[(hours["symbol"] == "BTCUSDT") & (hours["open_time"].dt.date == pd.Timestamp(
        "2022-03-05").date())]  # fmt: skip
    row = list(loaded.panel.times).index(pd.Timestamp("2022-03-06", tz="UTC"))
    column = loaded.panel.symbols.index("BTCUSDT")
    found = {name: values[row, column] for name, values in loaded.panel.fields.items()}
    assert found["open"] == day["open"].iloc[0]
    assert found["high"] == day["high"].max()
    assert found["close"] == day["close"].iloc[-1]
    assert found["volume"] == pytest.approx(day["volume"].sum())


def test_excluded_symbols_are_left_out(tmp_path: Path) -> None:
    source = Packaged(["SP500", "NASDAQ"])
    loaded = Dataset("us", source, "XNYS", exclude=["NASDAQ"]).load(tmp_path)
    assert loaded.panel.symbols == ("SP500",)
    with pytest.raises(DataError, match="did you mean 'NASDAQ'"):
        Dataset("us", source, "XNYS", exclude=["NASDQ"]).load(tmp_path)
    with pytest.raises(DataError, match="leaves no symbol"):
        Dataset("us", source, "XNYS", exclude=["SP500", "NASDAQ"]).load(tmp_path)

"""Exports: the files that a fetch writes beside its snapshot, all of them or none."""

import json
from pathlib import Path

import marketlab
import pandas as pd
import pytest
from marketlab.data import disk
from marketlab.data.dataset import Dataset
from marketlab.data.sources.source import Fetched, RemoteSource
from marketlab.experiments.configs import compose_config
from marketlab.experiments.exports import Wanted, write_export
from marketlab.experiments.fetch import fetch_config

MADE = ["dataset=synthetic", "dataset.source.symbols=3", "dataset.source.rows=60"]


@pytest.fixture
def export(tmp_path, monkeypatch):
    """Fetch and export below a temporary working folder."""
    monkeypatch.chdir(tmp_path)

    def call(*overrides):
        return fetch_config(compose_config("fetch", [*MADE, *overrides])[0], quiet=True).exported

    return call


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_csv_is_one_file_a_symbol_and_two_of_all(export):
    done = export("export=csv")
    assert names("exports/synthetic") == ["symbols", "synthetic.csv", "synthetic_tidy.csv"]
    assert names("exports/synthetic/symbols") == ["SYN00.csv", "SYN01.csv", "SYN02.csv"]
    assert done.place == Path("exports/synthetic")
    assert done.files[0] == Path("exports/synthetic/symbols/SYN00.csv")
    assert done.notes == ("prices are those of the snapshot, as they came",)
    assert len(pd.read_csv("exports/synthetic/synthetic_tidy.csv")) == 180


def test_json_is_one_cache(export):
    done = export("export=json")
    assert done.files == (Path("exports/synthetic/prediction_data.json"),)
    assert list(json.loads(done.files[0].read_text())["series"]) == ["SYN00", "SYN01", "SYN02"]
    assert export("export=json", "output=here/mine.json").files == (Path("here/mine.json"),)


def test_the_folder_and_the_names_of_the_files_of_all_symbols_can_be_set(export):
    done = export(
        *("export=csv", "output=out", "export_names.combined=dataset_combined_2_5yr.csv"),
        "export_names.tidy=all_assets_6months.csv",
    )
    together = ["all_assets_6months.csv", "dataset_combined_2_5yr.csv"]
    assert names("out") == [*together, "symbols"]
    assert len(done.files) == 5


def test_symbols_and_dates_select_what_is_exported_and_it_is_said(export):
    done = export(
        *("export=csv", "dataset.symbols=[SYN02,SYN00]", "dataset.start=2000-02-01"),
        "dataset.end=2000-02-29",
    )
    wide = pd.read_csv("exports/synthetic/synthetic.csv", index_col=0)
    assert list(wide)[:2] == ["SYN02", "SYN00"]
    assert (len(wide), wide.index[0], wide.index[-1]) == (20, "2000-02-01", "2000-02-29")
    assert names("exports/synthetic/symbols") == ["SYN00.csv", "SYN02.csv"]
    assert done.notes == (
        "2 of the snapshot's 3 symbols",
        "sessions from 2000-02-01 to 2000-02-29",
        "prices are those of the snapshot, as they came",
    )
    done = export("export=json", "dataset.exclude=[SYN01]", "dataset.start=2000-02-01")
    cache = json.loads(done.files[0].read_text())["series"]
    assert list(cache) == ["SYN00", "SYN02"]
    assert cache["SYN00"]["data"][0]["Date"].startswith("2000-02-01")


def test_what_is_left_of_an_older_export_is_named(export):
    export("export=csv")
    done = export("export=csv", "dataset.exclude=[SYN01]")
    assert done.notes[-1].startswith(
        "exports/synthetic/symbols also holds 1 file that is not of this export"
    )


def test_prices_are_exported_adjusted_where_that_is_asked(export, tmp_path):
    (tmp_path / "ratios.csv").write_text("date,symbol,ratio\n2000-02-01,SYN01,2\n")
    export("export=csv", "output=raw")
    mine = ["dataset.ratios=ratios.csv", "dataset.adjust=ratios"]
    done = export("export=csv", "output=mended", *mine)
    assert done.notes == ("prices are adjusted: dataset.adjust=ratios",)
    raw, mended = (
        pd.read_csv(f"{folder}/symbols/SYN01.csv", index_col="Date") for folder in ("raw", "mended")
    )
    quotient = raw["Close"] / mended["Close"]
    assert (quotient[:"2000-01-31"] == 2).all()
    assert (quotient["2000-02-01":] == 1).all()
    # An end before the split keeps what the split did to the prices before it.
    export("export=csv", "output=early", "dataset.end=2000-01-31", *mine)
    early = pd.read_csv("early/symbols/SYN01.csv", index_col="Date")
    pd.testing.assert_frame_equal(early, mended[:"2000-01-31"])


def test_the_folder_of_symbols_is_a_dataset_again(export):
    export("export=csv")
    config, _ = compose_config(
        "fetch", ["dataset=csv", "dataset.source.path=exports/synthetic/symbols"]
    )
    done = fetch_config(config, quiet=True)
    assert done.health.table["rows"].to_dict() == {"SYN00": 60, "SYN01": 60, "SYN02": 60}


def test_an_export_without_a_bar_is_refused(export):
    with pytest.raises(marketlab.MarketlabError, match="bar"):
        export("export=csv", "dataset.start=2030-01-01")
    assert not Path("exports").exists()


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ("export=xlsx", "export=xlsx is no format: choose csv or json"),
        ("output=there", "output=there needs export=csv or export=json"),
        ("export=json output=cache.txt", r"output=cache\.txt: export=json writes .* \.json"),
        ("export=json output=folder.json", r"output=folder\.json is a folder"),
        ("export=csv output=file.txt", r"output=file\.txt is a file; export=csv needs a folder"),
        ("export=csv export_names.tidy=a/b.csv", r"export_names\.tidy=a/b\.csv must be a file's"),
        ("export=csv export_names.tidy=b.txt", r"export_names\.tidy=b\.txt must be"),
        ("export=csv export_names.tidy=SYNTHETIC.csv", "two files one name"),
        ("export=csv export_names=x.csv", "takes the keys combined and tidy"),
        ("export=csv +export_names.wide=x.csv", "it has no wide"),
    ],
)
def test_an_export_that_cannot_be_made_is_refused_before_anything_is_written(
    export, choices, words, tmp_path
):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file.txt").write_text("mine")
    with pytest.raises(marketlab.MarketlabError, match=words) as caught:
        export(*choices.split())
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "exports").exists()
    assert (tmp_path / "file.txt").read_text() == "mine"


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_full_disk_is_one_line_and_leaves_the_last_export(export, kind, tmp_path, monkeypatch):
    export(f"export={kind}")
    before = {p: p.read_bytes() for p in (tmp_path / "exports").rglob("*") if p.is_file()}
    monkeypatch.setattr(disk, "sync", full)
    with pytest.raises(marketlab.MarketlabError, match="No space left on device"):
        export(f"export={kind}", "dataset.source.seed=1")
    assert {p: p.read_bytes() for p in (tmp_path / "exports").rglob("*") if p.is_file()} == before


def full(path):
    raise OSError(28, "No space left on device", str(path))


def test_a_file_in_the_way_is_one_line(export, tmp_path):
    (tmp_path / "exports").write_text("a file where a folder should be")
    with pytest.raises(marketlab.MarketlabError, match="the export cannot be written to"):
        export("export=csv")


class Far(RemoteSource):
    """Three daily bars in New York and one hour in Tokyo, as a provider would answer."""

    description = "far away"
    request = {  # noqa: RUF012
        "zulu": {"ticker": "^Z", "interval": "1d", "period": "5y", "start": None},
        "alpha": {"ticker": "A.T", "interval": "1h"},
    }

    def fetch(self, since, how):
        days = pd.to_datetime(["2024-03-08", "2024-03-11", "2024-03-12"])
        daily = pd.DataFrame({"date": days, "symbol": "zulu", "close": [1.0, 2.0, 3.0]})
        hour = pd.DataFrame({"time": pd.to_datetime(["2024-03-08T01:00Z"]), "symbol": "alpha"})
        return Fetched(pd.concat([daily, hour.assign(close=9.0)], ignore_index=True), {})


def test_what_was_asked_for_names_order_interval_ticker_and_zone(tmp_path):
    dataset = Dataset("far", Far(), "XNYS", exchange={"alpha": "XTKS"})
    snapshot = dataset.fetch(tmp_path / "data")
    write_export(dataset, snapshot, Wanted("json", tmp_path / "x.json", "", ""))
    cache = json.loads((tmp_path / "x.json").read_text())["series"]
    assert list(cache) == ["zulu", "alpha"]
    # The panel holds one of the two lengths of bars; the export both.
    dataset.symbols = ("zulu",)
    done = write_export(dataset, snapshot, Wanted("json", tmp_path / "y.json", "", ""))
    assert list(json.loads((tmp_path / "y.json").read_text())["series"]) == ["zulu", "alpha"]
    assert done.notes[0].startswith("all 2 series, whatever dataset.symbols names for the panel")
    dataset.exclude = ("alpha",)
    write_export(dataset, snapshot, Wanted("json", tmp_path / "y.json", "", ""))
    assert list(json.loads((tmp_path / "y.json").read_text())["series"]) == ["zulu"]
    assert cache["zulu"]["meta"] == {"ticker": "^Z", "interval": "1d", "period": "5y"}
    assert cache["alpha"]["meta"] == {"ticker": "A.T", "interval": "1h"}
    # Clocks in New York were put forward on 10 March.
    dates = ["2024-03-08 00:00:00-05:00", "2024-03-11 00:00:00-04:00", "2024-03-12 00:00:00-04:00"]
    assert [bar["Date"] for bar in cache["zulu"]["data"]] == dates
    assert [bar["Datetime"] for bar in cache["alpha"]["data"]] == ["2024-03-08 09:00:00+09:00"]


def test_intraday_series_are_named_in_a_note(export, shared_data):
    path = shared_data / "seeds" / "prediction_data.json"
    config, _ = compose_config(
        "fetch", ["dataset=json_cache", f"dataset.source.path={path}", "export=csv"]
    )
    done = fetch_config(config, quiet=True).exported
    assert len(done.files) == 15
    assert "nifty_1d_5m, nifty_2d_5m, nifty_3d_5m: intraday" in done.notes[1]

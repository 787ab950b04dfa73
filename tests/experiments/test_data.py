"""data: a dataset's health on a page, and what its provider changed since an older snapshot."""

import os
from pathlib import Path

import marketlab
import numpy as np
import pandas as pd
import pytest
from marketlab.data.snapshots.store import LATEST, read_snapshot, write_snapshot
from marketlab.experiments.data_page import Comparison
from marketlab.experiments.data_page.wording import summary

MADE = ["dataset=synthetic", "dataset.source.symbols=3", "dataset.source.rows=300"]


@pytest.fixture
def look(tmp_path, monkeypatch):
    """Look at a made-up dataset below a temporary working folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *overrides: marketlab.data_health([*MADE, *overrides])


def older(snapshot, change):
    """Write the bars of a snapshot, changed, as the older one."""
    bars, _ = read_snapshot(snapshot.path)
    made = write_snapshot(change(bars), snapshot.path.parent, dict(snapshot.metadata))
    os.utime(made.path, (1, 1))
    (snapshot.path.parent / LATEST).write_text(snapshot.sha256)
    return made


def test_the_page_and_the_suspected_splits_are_written(look, capsys):
    findings = look()
    assert findings.page == Path("exports/synthetic/health.html")
    assert "synthetic" in findings.page.read_text()
    assert findings.suspected_file == Path("exports/synthetic/suspected_splits.csv")
    assert findings.suspected_file.read_text() == "date,symbol,ratio,move\n"
    assert list(findings.health.table["rows"]) == [300, 300, 300]
    assert findings.comparison is None
    assert capsys.readouterr().err == ""
    assert look("output=deep/mine.html").page.is_file()
    assert Path("deep/suspected_splits.csv").is_file()


def split_in_two(table):
    at = (table["symbol"] == "SYN01") & (table.groupby("symbol", observed=True).cumcount() >= 150)
    table.loc[at, ["open", "high", "low", "close"]] /= 2
    return table.assign(symbol=table["symbol"].astype(str))


def test_suspected_splits_are_what_dataset_ratios_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from marketlab.data.sources.synthetic import Synthetic

    split_in_two(Synthetic(symbols=2, rows=300).load()).to_csv("bars.csv", index=False)
    mine = ["dataset=csv", "dataset.source.path=bars.csv"]
    findings = marketlab.data_health(mine)
    assert findings.suspected[["symbol", "ratio"]].to_numpy().tolist() == [["SYN01", 2.0]]
    assert pd.read_csv(findings.suspected_file)["ratio"].tolist() == [2.0]
    mended = marketlab.data_health(
        [
            *mine,
            "dataset.adjust=ratios",
            f"dataset.ratios={findings.suspected_file}",
            "output=b.html",
        ]
    )
    assert mended.suspected.empty
    assert mended.health.table.loc["SYN01", "adjusted"] == 150
    assert "Adjusting changed 150 bars of 1 symbol" in Path("b.html").read_text()


def with_a_split(place):
    from marketlab.data.sources.synthetic import Synthetic

    split_in_two(Synthetic(symbols=2, rows=300).load()).to_csv("bars.csv", index=False)
    return ["dataset=csv", "dataset.source.path=bars.csv"]


def test_the_file_that_dataset_ratios_names_is_never_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = with_a_split(tmp_path)
    written = marketlab.data_health(mine).suspected_file
    own = written.read_text() + "2000-03-01,SYN00,2,0\n"
    written.write_text(own)
    named = f"dataset.ratios={tmp_path / 'exports' / '..' / written}"
    for adjust in ("report", "ratios"):
        findings = marketlab.data_health([*mine, named, f"dataset.adjust={adjust}"])
        assert written.read_text() == own
        assert findings.suspected_file == written.with_name("suspected_splits.new.csv")
        assert findings.suspected_file.read_text().startswith("date,symbol,ratio,move\n")
    other = tmp_path / "ratios.csv"
    other.write_text(own)
    assert marketlab.data_health([*mine, f"dataset.ratios={other}"]).suspected_file == written


def test_what_is_advised_fits_what_is_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = with_a_split(tmp_path)
    findings = marketlab.data_health(mine)
    [said] = [line for line in summary(findings) if "split" in line]
    assert said.startswith("1 move looks like a split: exports/csv/suspected_splits.csv; copy")
    assert said.endswith("then dataset.adjust=ratios dataset.ratios=ratios.csv")
    assert not any("marketlab-data" in note for note in findings.health.notes)
    Path("ratios.csv").write_text("date,symbol,ratio\n2000-03-01,SYN00,2\n")
    mine += ["dataset.ratios=ratios.csv"]
    [said] = [line for line in summary(marketlab.data_health(mine)) if "split" in line][-1:]
    assert "ratios.csv, which dataset.ratios names and which is left as it is" in said
    assert said.endswith("then dataset.adjust=ratios")
    findings = marketlab.data_health([*mine, "dataset.adjust=ratios"])
    assert not any("dataset.adjust=ratios" in line for line in summary(findings))
    assert 'class="command"' not in findings.page.read_text()


def test_splits_and_adjusted_bars_are_those_of_the_range(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = with_a_split(tmp_path)
    found = marketlab.data_health(mine).suspected
    found.to_csv("ratios.csv", index=False)
    day = found["date"].iloc[0]
    before = [*mine, f"dataset.end={(day - pd.Timedelta(days=1)).date()}"]
    after = [*mine, f"dataset.start={day.date()}"]
    assert marketlab.data_health(before).suspected.empty
    assert len(marketlab.data_health(after).suspected) == 1
    late = [*mine, f"dataset.start={(day + pd.Timedelta(days=1)).date()}"]
    findings = marketlab.data_health(late)
    assert findings.suspected.empty
    assert not any("split" in note for note in findings.health.notes)
    ratios = ["dataset.ratios=ratios.csv", "dataset.adjust=ratios"]
    findings = marketlab.data_health([*mine, *ratios, "dataset.start=2000-06-01"])
    rows = findings.health.table.loc["SYN01"]
    assert 0 < rows["adjusted"] < 150
    assert "adjusted" not in marketlab.data_health([*late, *ratios]).health.table


def test_a_snapshot_is_read_in_the_sources_stead(look, monkeypatch):
    from marketlab.data.sources.synthetic import Synthetic

    first = look().snapshot
    monkeypatch.setattr(Synthetic, "load", None)
    for wanted in (first.sha256, first.sha256[:8], str(first.path), "latest"):
        assert look(f"snapshot='{wanted}'").snapshot == first


def rescale(bars):
    early = bars["time"] < bars["time"].quantile(0.5)
    prices = ["open", "high", "low", "close"]
    bars = bars.copy()
    bars.loc[early & (bars["symbol"] == "SYN01"), prices] /= 0.9871
    return bars.drop(index=[5, 700])


def test_what_changed_since_an_older_snapshot_is_told(look):
    snapshot = look().snapshot
    before = older(snapshot, rescale)
    for wanted in ("previous", before.sha256[:10], str(before.path)):
        comparison = look(f"compare='{wanted}'").comparison
        assert isinstance(comparison, Comparison)
        assert comparison.older.sha256 == before.sha256
        table = comparison.differences.table
        assert list(table.index) == ["SYN00", "SYN01", "SYN02"]
        assert table["added"].tolist() == [1, 0, 1]
        assert table.loc["SYN01", "rescaled"].startswith("open, high, low, close before 2000-")
        assert table.loc["SYN01", "rescaled"].endswith("times 0.9871")
    text = Path("exports/synthetic/health.html").read_text()
    assert "What the provider changed" in text
    assert "times 0.9871" in text


def test_identical_bars_are_said_to_be(look):
    snapshot = look().snapshot
    bars, _ = read_snapshot(snapshot.path)
    # Other words about the same bars make another file.
    twin = write_snapshot(bars, snapshot.path.parent, {**snapshot.metadata, "notes": ["x"]})
    assert look(f"compare={twin.sha256}").comparison.differences.identical
    assert "Identical: 900 bars" in Path("exports/synthetic/health.html").read_text()


def test_latest_is_the_one_before_the_source_was_read(look):
    first = look().snapshot
    changed = look("dataset.source.rows=301", "compare=latest")
    assert changed.snapshot != first
    assert changed.comparison.older.sha256 == first.sha256
    assert not changed.comparison.differences.identical


@pytest.mark.parametrize("word", ["latest", "the hash"])
def test_a_snapshot_is_not_compared_with_itself(look, word):
    first = look().snapshot
    word = first.sha256[:9] if word == "the hash" else word
    with pytest.raises(marketlab.MarketlabError, match=r"itself|themselves.* use compare=previous"):
        look(f"compare='{word}'")


@pytest.mark.parametrize("word", ["previous", "latest"])
def test_the_first_look_has_nothing_to_compare_with_and_says_so(look, word):
    findings = look(f"compare={word}")
    assert findings.comparison is None
    said = f"compare={word}: there is no older snapshot to compare with yet"
    assert said in findings.health.notes
    assert said in findings.page.read_text()


def test_previous_is_the_newest_other_snapshot(look):
    snapshot = look().snapshot
    old = older(snapshot, lambda bars: bars[:-1])
    newer = older(snapshot, lambda bars: bars[:-2])
    os.utime(old.path, (9, 9))
    assert look("compare=previous").comparison.older.sha256 == old.sha256
    os.utime(newer.path, (99, 99))
    assert look("compare=previous").comparison.older.sha256 == newer.sha256


def test_of_a_remote_source_the_latest_snapshot_is_read_or_the_fetch_command_said(
    look, monkeypatch
):
    from marketlab.data.sources.synthetic import Synthetic

    monkeypatch.setattr(Synthetic, "remote", True)
    with pytest.raises(marketlab.MarketlabError, match="run: marketlab-fetch dataset=synthetic"):
        look()
    marketlab.fetch(MADE)
    monkeypatch.setattr(Synthetic, "load", None)
    assert np.isfinite(look().panel.fields["close"]).all()


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ("compare=previuos", "compare=previuos is neither previous .*; did you mean 'previous'"),
        ("compare=abcdef123", "compare=abcdef123: no snapshot in .* begins with abcdef123"),
        ("compare=nowhere.parquet", "nowhere.parquet"),
        ("compare=yesterday", "compare=yesterday is neither previous nor latest"),
        ("compare=other", "is of the dataset elsewhere, not of synthetic"),
        ("snapshot=other", "is of the dataset elsewhere, not of synthetic"),
        ("compare=damaged", "is damaged"),
        ("snapshot=damaged", "is damaged"),
        ("output=page.pdf", r"output=page\.pdf must name a file that ends in \.html"),
        ("output=taken/page.html", "the page cannot be written to"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(look, tmp_path, choices, words):
    snapshot = marketlab.fetch(MADE)
    (tmp_path / "taken").write_text("a file where a folder should be")
    bars, _ = read_snapshot(snapshot.path)
    other = write_snapshot(bars[:9], tmp_path / "x", {**snapshot.metadata, "dataset": "elsewhere"})
    damaged = tmp_path / "y" / other.path.name
    damaged.parent.mkdir()
    damaged.write_bytes(other.path.read_bytes()[:-1])
    choices = choices.replace("=other", f"={other.path}").replace("=damaged", f"={damaged}")
    with pytest.raises(marketlab.MarketlabError, match=words) as caught:
        look(choices)
    assert len(str(caught.value).splitlines()) == 1
    assert not Path("exports").exists()

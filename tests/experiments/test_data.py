"""data: a dataset's health on a page, and what its provider changed since an older snapshot."""

import os
from pathlib import Path

import marketlab
import numpy as np
import pandas as pd
import pytest
from marketlab.data.snapshots.store import LATEST, read_snapshot, write_snapshot
from marketlab.experiments.data_page import Comparison

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
    sha = look().snapshot.sha256
    assert look(f"compare={sha}").comparison.differences.identical
    assert "Identical: 900 bars" in Path("exports/synthetic/health.html").read_text()


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
        ("compare=previous", "has no other snapshot"),
        ("compare=abcdef123", "no snapshot in .* begins with abcdef123"),
        ("compare=nowhere.parquet", "nowhere.parquet"),
        ("compare=yesterday", "neither 'latest'"),
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
    damaged = tmp_path / "y" / snapshot.path.name
    damaged.parent.mkdir()
    damaged.write_bytes(snapshot.path.read_bytes()[:-1])
    choices = choices.replace("=other", f"={other.path}").replace("=damaged", f"={damaged}")
    with pytest.raises(marketlab.MarketlabError, match=words) as caught:
        look(choices)
    assert len(str(caught.value).splitlines()) == 1
    assert not Path("exports").exists()

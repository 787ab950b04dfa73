"""The page says what was found, loads nothing, and nests its tags, for one symbol and for many."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from marketlab.data.health.gaps import coverage, longest_gaps
from marketlab.data.health.outliers import largest_moves, longest_standstills
from marketlab.data.health.table import panel_health
from marketlab.data.panel import Panel
from marketlab.data.snapshots.compare import compare_bars
from marketlab.data.snapshots.store import Snapshot
from marketlab.experiments.data_page import Comparison, Findings, render
from marketlab.experiments.data_page.coverage import coverage_map

from html_page import Page

HOSTILE = "<script>alert(1)</script>&\"'"


def bars(shift: float = 1.0) -> pd.DataFrame:
    times = pd.date_range("2020-01-02", periods=5, tz="UTC", unit="ns")
    symbol = pd.Categorical([HOSTILE] * 5)
    return pd.DataFrame({"time": times, "symbol": symbol, "close": np.arange(1.0, 6.0) * shift})


def findings(symbols: tuple[str, ...] = ("A",), rows: int = 900, **other: Any) -> Findings:
    random = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, (rows, len(symbols))), axis=0))
    close[300:310, 0] = np.nan
    close[500:520, 0] = 77.0
    times = pd.date_range("2019-01-01", periods=rows, tz="UTC", unit="ns")
    panel = Panel(times, symbols, {"close": close}, "24/7")
    suspected = pd.DataFrame(columns=["date", "symbol", "ratio", "move"])
    made: dict[str, Any] = {
        "name": "made",
        "source": "here",
        "made_up": False,
        "panel": panel,
        "health": panel_health(panel, ["3 bars dropped"]),
        "snapshot": Snapshot(Path("x.parquet"), "ab" * 32, rows, {}),
        "coverage": coverage(panel),
        "gaps": longest_gaps(panel),
        "moves": largest_moves(panel),
        "standstills": longest_standstills(panel),
        "suspected": suspected,
        "comparison": None,
        "page": Path("health.html"),
        "suspected_file": Path("suspected_splits.csv"),
    }
    return Findings(**{**made, **other})


def test_every_section_is_there_and_every_link_leads_somewhere() -> None:
    page = Page(render(findings()))
    sections = {"summary", "coverage", "prices", "health", "gaps", "moves", "splits", "provenance"}
    assert sections <= set(page.ids)
    assert {link[1:] for link in page.links} <= set(page.ids)
    for words in (
        *("890 bars of 1 symbol", "3 bars dropped", "Longest gap: A, 10 sessions"),
        *("Longest standstill: A, 20 bars alike", "No move looks like a split", "2019"),
    ):
        assert words in page.text


def test_the_page_loads_nothing_and_escapes_what_it_is_told() -> None:
    told = Comparison(
        Snapshot(Path("o.parquet"), "cd" * 32, 5, {}), compare_bars(bars(), bars(shift=2))
    )
    suspected = pd.DataFrame(
        {"date": [pd.Timestamp("2020-01-03")], "symbol": HOSTILE, "ratio": 2.0, "move": -0.5}
    )
    health = panel_health(findings().panel, [HOSTILE])
    text = render(
        findings(
            (HOSTILE, "B"),
            name=HOSTILE,
            source=HOSTILE,
            suspected=suspected,
            comparison=told,
            health=health,
            made_up=True,
        )
    )
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert "http://" not in text
    assert "https://" not in text
    assert re.findall(r"url\((?!#)", text) == []
    assert "default-src 'none'" in text
    assert page.text.count(HOSTILE) > 5
    assert "close throughout times 2" in page.text
    assert "1 move that looks like a split" in page.text
    assert "1 move looks like a split: suspected_splits.csv; copy the rows" in page.text
    assert "These bars are invented" in page.text


def test_the_newest_years_are_in_sight_where_the_page_is_narrow() -> None:
    shares = pd.DataFrame(1.0, index=["A", "A" * 40], columns=range(2000, 2022))
    drawn = str(coverage_map(shares))
    names, years = drawn.split('<div class="newest">')
    assert "2021" not in names
    assert "2021" in years
    assert f"<title>{'A' * 40}</title>" in names
    style = render(findings())
    assert ".newest { overflow-x: auto; direction: rtl" in style


def test_equal_findings_give_equal_pages() -> None:
    assert render(findings(("A", "B"))) == render(findings(("A", "B")))


@pytest.mark.parametrize(("symbols", "charts"), [(12, True), (13, False), (300, False)])
def test_charts_are_drawn_for_few_symbols_only(symbols: int, charts: bool) -> None:
    page = Page(render(findings(tuple(f"S{n}" for n in range(symbols)), rows=700)))
    assert ("prices" in page.ids) == charts
    assert f"{symbols} symbols" in page.text


def test_a_dataset_without_trouble_says_so() -> None:
    flat = np.exp(np.linspace(0, 1, 50))[:, None]
    times = pd.date_range("2019-01-01", periods=50, tz="UTC", unit="ns")
    panel = Panel(times, ("A",), {"close": flat}, "24/7")
    calm = findings(
        panel=panel,
        health=panel_health(panel),
        coverage=coverage(panel),
        gaps=longest_gaps(panel),
        moves=largest_moves(panel)[:0],
        standstills=longest_standstills(panel),
    )
    text = Page(render(calm)).text
    assert "No gap, no large move, no standstill." in text
    assert "Every symbol has a bar on every session" in text


def cells(svg: str) -> SimpleNamespace:
    """Cells of each opacity, and what is written."""
    paths = re.findall(r'<path d="([^"]*)" fill="var\(--model\)" fill-opacity="([^"]*)"', svg)
    found: dict[str, int] = {}
    for path, opacity in paths:
        found[opacity] = found.get(opacity, 0) + path.count("M")
    return SimpleNamespace(shades=found, words=re.findall(r"<text[^>]*>([^<]*)<", svg))


def test_a_cell_is_shaded_by_its_share_and_blank_without_bars() -> None:
    shares = pd.DataFrame(
        [[1.0, 0.995, 0.95], [0.6, 0.1, 0.0]], index=["AAA", "BBB"], columns=[2019, 2020, 2021]
    )
    drawn = cells(coverage_map(shares))
    assert drawn.shades == {"1.0": 1, "0.5": 1, "0.36": 1, "0.22": 1, "0.11": 1}
    assert {"AAA", "BBB", "2019", "2020", "2021", "99%", "95%", "60%", "10%"} == set(drawn.words)


@pytest.mark.parametrize("years", [1, 11, 60])
@pytest.mark.parametrize("symbols", [1, 60, 61, 725])
def test_every_cell_is_drawn_within_the_picture(symbols: int, years: int) -> None:
    shares = pd.DataFrame(
        1.0, index=[f"SYMBOL{n:04}" for n in range(symbols)], columns=range(1970, 1970 + years)
    )
    svg = str(coverage_map(shares))
    assert cells(svg).shades == {"1.0": symbols * years}
    width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', svg)[-1])
    moves = re.findall(r"M([\d.]+) (\d+)h([\d.]+)v(\d+)", svg)
    assert all(float(x) + float(w) <= width and int(y) + int(h) <= height for x, y, w, h in moves)
    assert all(float(w) > 1 for _, _, w, _ in moves)
    assert height < 1500
    assert svg.count("<title>") == symbols
    Page(svg)

"""The worked examples of CONTRIBUTING.md, applied to a copy of the project and trained with."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
FILES = re.findall(r"^`(\S+)`\n\n```(?:python|yaml)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
DIFFS = re.findall(r"^```diff\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package with every example in it, importable as marketlab."""
    root = tmp_path_factory.mktemp("checkout")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, root / name, ignore=ignore)
    for name, text in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        assert not (root / name).exists(), f"{name} is no longer new; choose another example"
        (root / name).write_text(text)
    for diff in DIFFS:
        subprocess.run(["git", "apply", "-"], input=diff, text=True, cwd=root, check=True)
    package = root / "package" / "marketlab"
    shutil.copytree(root / "src", package)
    shutil.copytree(root / "conf", package / "conf")
    return root


def python(copy, *arguments):
    env = {
        **os.environ,
        "PYTHONPATH": str(copy / "package"),
        "NUMBA_CACHE_DIR": str(copy / "numba"),
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=env, capture_output=True, text=True
    )


def test_there_are_three_examples():
    assert len(FILES) == 5
    assert len(DIFFS) == 1


@pytest.mark.slow
def test_the_source_the_operator_and_the_model_train_together(copy):
    rng = np.random.default_rng(0)
    dates = pd.bdate_range("2015-01-01", periods=700)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 700)))
    bars = copy / "bars.jsonl"
    with bars.open("w") as file:
        for date, price in zip(dates, close, strict=True):
            row = {"open": price, "high": price * 1.01, "low": price * 0.99, "close": price}
            file.write(
                json.dumps({"date": str(date.date()), "symbol": "A", "volume": 1, **row}) + "\n"
            )
    done = python(
        copy,
        "-c",
        "from marketlab.experiments.cli import train_command; train_command()",
        "dataset=json_lines",
        f"dataset.source.path={bars}",
        "features=returns",
        "+features.expressions.reach='ts_range(close, 20) / close'",
        "target=next_return",
        "split=chronological",
        "model=conv",
        "trainer=debug",
    )
    assert done.returncode == 0, done.stderr
    assert "conv" in done.stdout
    (run,) = (copy / "outputs" / "us_volatility").iterdir()
    assert "ts_range" in (run / "report.html").read_text()


@pytest.mark.slow
def test_the_models_test_passes(copy):
    done = python(copy, "-m", "pytest", "-q", "-c", os.devnull, "tests/models/nets/test_conv.py")
    assert done.returncode == 0, done.stdout

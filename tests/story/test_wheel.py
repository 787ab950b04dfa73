"""The wheel alone, installed outside the checkout, trains, forecasts and fetches."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT_FROM = ("src", "conf", "pyproject.toml", "setup.py", "README.md", "LICENSE")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the scripts of a venv lie elsewhere on Windows"),
]


def ran(*words, cwd, **settings):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "WANDB"))}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        **settings,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build it from a copy, so that nothing is left in the checkout, and without the network."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    ran(sys.executable, "-m", "build", "--wheel", "--no-isolation", cwd=copy)
    (found,) = (copy / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install it into a new environment that borrows the dependencies of this one."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv = folder / "venv"
    ran(sys.executable, "-m", "venv", "--without-pip", venv, cwd=folder)
    purelib = Path(
        ran(venv / "bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))",
            cwd=folder).strip()
    )  # fmt: skip
    ran(sys.executable, "-m", "pip", "--python", venv / "bin/python", "install", "--no-deps",
        "--no-index", "--quiet", wheel, cwd=folder)  # fmt: skip
    # The path alone: the .pth files of an editable install that lie there are not read.
    (purelib / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = ran(venv / "bin/python", "-c", "import marketlab; print(marketlab.__file__)",
                cwd=folder).strip()  # fmt: skip
    assert Path(where).is_relative_to(purelib)
    return venv


def test_the_wheel_holds_every_module_and_every_config(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for root, package in (("src", "marketlab"), ("conf", "marketlab/conf")):
        for path in (ROOT / root).rglob("*"):
            if path.is_file() and not {"__pycache__"} & set(path.parts):
                if path.parent.name.endswith(".egg-info"):
                    continue
                assert f"{package}/{path.relative_to(ROOT / root).as_posix()}" in names
    assert not [name for name in names if name.startswith(("tests", "src", "conf", "benchmarks"))]


def test_the_commands_work_from_another_folder(installed, tmp_path):
    commands = installed / "bin"
    out = ran(commands / "marketlab-train", "--help", cwd=tmp_path)
    assert "lstm_attention" in out
    assert not list(tmp_path.iterdir())
    out = ran(commands / "marketlab-train", "model=ridge", "trainer=debug", cwd=tmp_path)
    assert "not financial advice" in out
    (run,) = tmp_path.glob("outputs/us_volatility/*")
    assert run.name in out
    out = ran(commands / "marketlab-predict", f"run={run.relative_to(tmp_path)}", cwd=tmp_path)
    assert "NASDAQ" in out
    out = ran(commands / "marketlab-train", f"rerun={run}", cwd=tmp_path)
    assert "identical: " in out
    out = ran(commands / "marketlab-compare", "outputs/us_volatility", "output=all.html",
              cwd=tmp_path)  # fmt: skip
    assert run.name in out
    (tmp_path / "all.html").unlink()
    out = ran(commands / "marketlab-fetch", cwd=tmp_path)
    (snapshot,) = tmp_path.glob("data/us_indices/*.parquet")
    assert re.search(rf"snapshot: \S*{snapshot.name}", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "outputs"]

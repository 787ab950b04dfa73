"""The recipes that the README shows are those of a user's own folder, and they train."""

import re
from pathlib import Path

import pytest
from marketlab.experiments import cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
RECIPES = re.findall(r"^```yaml\n# recipes/(\S+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_recipes_of_the_readme_train(small, tmp_path, monkeypatch, capsys):
    for name, text in RECIPES:
        path = tmp_path / "recipes" / name
        path.parent.mkdir(parents=True)
        path.write_text(f"# Choose it to follow the README.\n{text}")
    chosen = [word for word in small if not word.startswith("features.rows")]
    words = ["--config-dir", str(tmp_path / "recipes"), "features=mine", "target=mine"]
    monkeypatch.setattr("sys.argv", ["marketlab-train", *words, "model=ridge", *chosen])
    cli.train_command()
    out = capsys.readouterr().out
    assert "ret@1 (regression)" in out
    assert "ret@5 (regression)" in out


def test_there_are_recipes():
    assert [name for name, _ in RECIPES] == ["features/mine.yaml", "target/mine.yaml"]


def test_every_choice_is_listed():
    for folder in ("dataset", "features", "target", "split", "scaler", "model", "trainer"):
        row = next(line for line in README.splitlines() if line.startswith(f"| {folder} |"))
        for file in (ROOT / "conf" / folder).glob("*.yaml"):
            assert file.stem in row, f"README does not list {folder}={file.stem}"

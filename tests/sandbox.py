"""A folder with a run of a stranger's, whose every file is watched."""

import json
import re
import shutil
import time
from pathlib import Path

import marketlab
import pytest
import yaml
from marketlab.data.disk import sha256_of
from marketlab.errors import ExpressionError, MarketlabError
from marketlab.experiments.rerun import rerun

from small_runs import small_overrides

SECONDS = 1.0
"""Of this process alone; other work on the machine does not count."""


class Sandbox:
    """A folder with a stranger's run, a snapshot and a file outside of the run to lose."""

    def __init__(self, folder, run):
        self.folder = folder
        self.data = folder / "data"
        self.canary = folder / "canary"
        (folder / "outside.txt").write_text("precious")
        shutil.copytree(run.path.parents[2] / "data", self.data)
        self.run = folder / "theirs" / run.path.name
        shutil.copytree(run.path, self.run)
        self.config = self.run / "config.yaml"

    def change(self, place, value):
        """Set one key of the saved config, and put the hashes right."""
        config = node = yaml.safe_load(self.config.read_text())
        *parents, last = place
        for key in parents:
            node = node[key]
        node[last] = value
        self.write("config.yaml", yaml.safe_dump(config, sort_keys=False))

    def write(self, name, content):
        """Replace a file of the run, and put the hashes right."""
        path = self.run / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.seal(name)

    def seal(self, *names):
        """List files with the hashes that they have."""
        manifest = json.loads((self.run / "manifest.json").read_text())
        for name in names:
            manifest["files"][name] = sha256_of(self.run / name)
        (self.run / "manifest.json").write_text(json.dumps(manifest))

    def manifest(self, **entries):
        """Change entries of the manifest."""
        manifest = json.loads((self.run / "manifest.json").read_text()) | entries
        (self.run / "manifest.json").write_text(json.dumps(manifest))

    def listing(self):
        """Every file with its size and time."""
        return {
            path.relative_to(self.folder).as_posix(): (path.lstat().st_size, path.lstat().st_mtime)
            for path in self.folder.rglob("*")
            if path != self.folder / "mine"  # the outputs of the user's own
        }

    def predict(self, **options):
        return marketlab.predict(self.run, data=self.data, **options)

    def rerun(self):
        folders = [f"paths.data={self.data}", f"paths.outputs={self.folder / 'mine'}"]
        return rerun(self.run, folders, quiet=True)

    def refuses(self, *ways, words=""):
        """Each way ends in one line, at once, and leaves everything as it was."""
        before, lines = self.listing(), []
        for way in ways or (self.predict,):
            started = time.process_time()
            with pytest.raises(MarketlabError) as caught:
                way()
            taken = time.process_time() - started
            lines.append(str(caught.value))
            # An expression stands below its line, with a caret under what is wrong.
            caret = isinstance(caught.value, ExpressionError) and "\n" in lines[-1]
            assert lines[-1].count("\n") == (2 if caret else 0)
            assert len(lines[-1]) < 600
            assert taken < SECONDS, f"{taken:.1f} s: {lines[-1]}"
            assert re.search(words, lines[-1]), lines[-1]
            assert not self.canary.exists()
            assert self.listing() == before
        return lines


def train_small(folder: Path, model: str, target: str) -> marketlab.Run:
    """Train a run that looks back few rows."""
    choices = [f"model={model}", f"target={target}", "trainer=debug"]
    choices += ["~features.expressions.rsi_14"]
    return marketlab.train([*small_overrides(folder), *choices], quiet=True)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Train a run of a model once."""
    runs = {}

    def run_of(model, target="next_return"):
        if (model, target) not in runs:
            folder = tmp_path_factory.mktemp("trained")
            runs[model, target] = train_small(folder, model, target)
        return runs[model, target]

    return run_of


@pytest.fixture
def sandbox(trained, tmp_path, monkeypatch):
    """Make a sandbox of a run, and work inside of it."""

    def make(model="ridge", target="next_return"):
        monkeypatch.chdir(tmp_path)
        return Sandbox(tmp_path, trained(model, target))

    return make

"""What the tests of sweeps share: a recipe whose trials take some hundredths of a second."""

import marketlab.experiments.sweep.search as search_module
import optuna
import pytest
from marketlab.experiments.sweep.search import sweep
from marketlab.experiments.sweep.storage import open_storage

MOODY = [
    "model=ridge",
    "~model.estimator",
    "~model.search",
    "~model.window",
    "model._target_=sweep_models.Moody",
    "+model.mood=fine",
    "+model.alpha=1.0",
    "+model.seconds=0.0",
    "target=next_return",
    "~features.expressions.rsi_14",
]


@pytest.fixture
def moody(small):
    """Overrides of a recipe whose model is `sweep_models.Moody`."""
    return [*small, *MOODY]


@pytest.fixture
def search(moody, monkeypatch):
    """Search in this process; the choice is trained, and the page written, only if asked for."""

    def call(*words, page=False, **settings):
        if not page:
            monkeypatch.setattr(search_module, "write_page", lambda *arguments: None)
        more = [f"sweep.{key}={value}" for key, value in settings.items()]
        return sweep([*moody, "sweep.refit=false", *words, *more], quiet=True)

    return call


@pytest.fixture
def study(tmp_path):
    """Open the journal of the only study below the test's folder."""

    def call():
        (folder,) = (tmp_path / "outputs/sweeps").iterdir()
        return optuna.load_study(study_name=folder.name, storage=open_storage(None, folder))

    return call

"""Every model of conf/model and every trainer of conf/trainer, as a recipe composes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import marketlab
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from marketlab.data.labels import TASKS, Task
from marketlab.errors import ConfigError
from marketlab.models.forecaster import FitLog, TrainerFactory
from omegaconf import OmegaConf

CONF = Path(marketlab.__file__).parents[1] / "conf"
NUMBERS: set[Task] = {"regression"}
CLASSES: set[Task] = {"binary", "classification"}
SERVES: dict[str, tuple[set[Task], set[str]]] = {
    "lstm_attention": (set(TASKS), {"pooled", "joint"}),
    "mlp": (set(TASKS), {"pooled", "joint"}),
    "lightgbm": (set(TASKS), {"pooled"}),
    "ridge": (NUMBERS, {"pooled", "joint"}),
    "logistic": (CLASSES, {"pooled", "joint"}),
    "har": (NUMBERS, {"pooled", "joint"}),
}


def composed(group: str, name: str, *overrides: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(f"{group}/{name}", overrides=list(overrides))[group]


def recipe_trainer(name: str, **changes: Any) -> TrainerFactory:
    node = OmegaConf.merge(composed("trainer", name), changes)

    def build(callbacks: Sequence[Any] = (), **settings: Any) -> Any:
        own = instantiate(node.callbacks)
        rest = {key: value for key, value in node.items() if key != "callbacks"}
        return instantiate(rest, _partial_=True)(callbacks=[*own, *callbacks], **settings)

    return build


@pytest.mark.parametrize("name", SERVES)
@pytest.mark.parametrize("layout", ["pooled", "joint"])
@pytest.mark.parametrize("task", TASKS)
def test_serves_or_refuses(
    market: Any, fit_log: FitLog, tmp_path: Path, name: str, layout: Any, task: Task
) -> None:
    model = instantiate(composed("model", name))
    data = market([task], layout, T=150, N=2)
    tasks, layouts = SERVES[name]
    if task not in tasks or layout not in layouts:
        with pytest.raises(ConfigError) as error:
            model.check(data.train.labels, layout)
        assert "\n" not in str(error.value)
        return
    model.check(data.train.labels, layout)
    model.fit(data, recipe_trainer("debug"), fit_log)
    forecast = model.predict(data.test)
    values = forecast.values[data.test.labels[0].name]
    assert values.shape == (len(data.test) * data.test.n_out, len(data.test.labels[0].quantities))
    assert np.isfinite(values).all()
    model.save(tmp_path)
    again = instantiate(composed("model", name))
    again.load(tmp_path)
    np.testing.assert_array_equal(again.predict(data.test).values[data.test.labels[0].name], values)


def test_the_cpu_trainer_stops_early(market: Any, fit_log: FitLog) -> None:
    model = instantiate(composed("model", "mlp"))
    model.fit(market(signal=0.0, T=200), recipe_trainer("cpu", max_epochs=200), fit_log)
    valid = [entry["valid_loss"] for entry in fit_log.history]
    assert len(valid) == int(np.argmin(valid)) + 6 < 200


def test_the_debug_trainer_sees_one_batch(market: Any, fit_log: FitLog) -> None:
    model = instantiate(composed("model", "mlp"))
    model.fit(market(), recipe_trainer("debug"), fit_log)
    assert len(fit_log.history) == 1


def test_the_gpu_trainer_differs_only_where_it_must() -> None:
    cpu, gpu = composed("trainer", "cpu"), composed("trainer", "gpu")
    assert {key for key in gpu if gpu[key] != cpu.get(key)} == {"_target_", "accelerator"}


@pytest.mark.parametrize("path", sorted((CONF / "trainer").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_trainer_says_when_to_choose_it(path: Path) -> None:
    assert path.read_text().startswith("# ")

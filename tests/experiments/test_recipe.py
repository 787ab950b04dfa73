"""A recipe is resolved, checked and rebuilt from what it saves."""

import pytest
from marketlab.errors import ConfigError
from marketlab.experiments.configs import compose_config
from marketlab.experiments.provenance import available_threads
from marketlab.experiments.recipe import Recipe
from omegaconf import OmegaConf


def recipe(small, *choices):
    return Recipe.of(*compose_config("train", [*small, *choices]))


def test_a_recipe_holds_what_was_chosen(small, tmp_path):
    made = recipe(small, "model=mlp", "target=return_horizons", "windows.layout=joint", "seed=4")
    assert (made.name, made.model_name, made.seed, made.threads) == ("small", "mlp", 4, 1)
    assert made.layout == "joint"
    assert made.data == tmp_path / "data"
    assert made.outputs == tmp_path / "outputs"
    assert made.targets.purge == 22
    assert made.plain()["choices"]["target"] == "return_horizons"
    assert not list(tmp_path.iterdir())


def test_every_core_is_used_unless_told(small):
    made = recipe(small, "model=ridge", "threads=null")
    assert made.threads == available_threads()
    assert made.plain()["threads"] == made.threads  # a rerun uses as many


def test_what_is_saved_makes_the_same_recipe(small):
    made = recipe(small, "model=lightgbm", "target=direction")
    again = Recipe.of(OmegaConf.create(made.plain()), made.choices)
    assert again.plain() == made.plain()
    assert again.targets.labels == made.targets.labels


def test_every_model_is_new(small):
    made = recipe(small, "model=ridge")
    assert made.new_model() is not made.new_model()


def test_every_trainer_is_new_and_adds_callbacks_to_its_own(small, tmp_path):
    from pytorch_lightning.callbacks import Callback, EarlyStopping

    made, more = recipe(small, "trainer.max_epochs=7"), Callback()
    settings = {"logger": False, "default_root_dir": str(tmp_path)}
    first = made.new_trainer(callbacks=[more], **settings)
    second = made.new_trainer(max_epochs=2, **settings)
    assert first is not second
    assert (first.max_epochs, second.max_epochs) == (7, 2)
    assert more in first.callbacks
    assert more not in second.callbacks
    stops = [[c for c in t.callbacks if isinstance(c, EarlyStopping)] for t in (first, second)]
    assert [len(found) for found in stops] == [1, 1]
    assert stops[0][0] is not stops[1][0]


def test_a_trainer_without_callbacks_is_one_too(small, tmp_path):
    made = recipe(small, "trainer.callbacks=null")
    assert made.new_trainer(logger=False, default_root_dir=str(tmp_path)).max_epochs


@pytest.mark.parametrize(("name", "expected"), [("mine", "leaky_mine"), ("leaky_x", "leaky_x")])
def test_a_protocol_that_leaks_is_called_so(small, name, expected):
    made = recipe(small, "model=ridge", "split=leaky_shuffle", f"name={name}")
    assert made.name == expected
    assert made.plain()["name"] == expected


@pytest.mark.parametrize(
    "name", ["..", "a/b", "a\\\\b", ".hidden", "'a b'", "''", "'a:b'", "'*'", "'~'", "'a\tb'"]
)
def test_a_name_is_a_folder_s_name_and_nothing_else(small, name):
    with pytest.raises(ConfigError) as caught:
        recipe(small, "model=ridge", f"name={name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "choice",
    ["threads=0", "threads=1.5", "threads=true", "seed=-1", "seed=x", "windows.batch_size=0"],
)
def test_a_number_that_is_none_is_refused(small, choice):
    with pytest.raises(ConfigError, match=choice.partition("=")[0]) as caught:
        recipe(small, "model=ridge", choice)
    assert "must be a whole number" in str(caught.value)

"""Schemas: what a group cannot take is one line that names the key, before any data is read."""

import pytest
from marketlab.data.dataset import Dataset
from marketlab.errors import MarketlabError
from marketlab.experiments.arguments import _signature
from marketlab.experiments.configs import compose_config, config_files, known_targets
from marketlab.experiments.recipe import Recipe
from marketlab.experiments.schemas import ranges_of

NODE = "a mapping with _target_, the name of the class to build"
WHOLE = "a whole number from 1 up"
RIDGE = "{_target_:sklearn.linear_model.Ridge}"

ROOT = [
    ("+foo=1", "the recipe has no foo"),
    ("+sede=1", "the recipe has no sede; did you mean 'seed'"),
    ("~model", "the recipe lacks a model: choose one with model="),
    ("~seed", "seed is missing"),
    ("seed=-1", "seed=-1 must be a whole number from 0 up"),
    ("seed=1.0", "seed=1.0 must be a whole number"),
    ("seed=1e30", r"seed=1e\+30 must be a whole number"),
    ("seed=99999999999999999999", "seed=9+ must be a whole number from 0 to 2147483647"),
    ("seed='3'", "seed='3' must be a whole number"),
    ("seed=true", "seed=True must be a whole number"),
    ("seed=null", "seed=None must be a whole number"),
    ("threads=0", f"threads=0 must be {WHOLE}"),
    ("threads=[2]", rf"threads=\[2\] must be {WHOLE}"),
    ("refit=1", "refit=1 must be true or false"),
    ("refit=maybe", "refit='maybe' must be true or false"),
    ("name=../x", "name='../x' names a folder"),
    ("name=''", "name='' names a folder"),
]
WINDOWS = [
    ("+windows.rows=3", "the recipe has no windows.rows; known: batch_size, layout, mask"),
    ("+windows.batchsize=3", "the recipe has no windows.batchsize; did you mean 'batch_size'"),
    ("windows.layout=joined", "windows.layout='joined' must be pooled or joint"),
    ("windows.batch_size=0", f"windows.batch_size=0 must be {WHOLE}"),
    ("windows.batch_size=64.0", f"windows.batch_size=64.0 must be {WHOLE}"),
    ("windows.batch_size=nan", f"windows.batch_size=nan must be {WHOLE}"),
    ("windows.mask=yes", "windows.mask='yes' must be true or false"),
    ("~windows.mask", "windows.mask is missing"),
]
PATHS = [
    ("+paths.cache=x", "the recipe has no paths.cache; known: data, outputs"),
    ("paths.data=3", "paths.data=3 must be a folder"),
    ("paths.outputs=null", "paths.outputs=None must be a folder"),
    ("paths.outputs=[a]", r"paths.outputs=\['a'\] must be a folder"),
]
DATASET = [
    ("dataset.source=3", f"dataset.source=3 must be {NODE}"),
    ("dataset.source=null", f"dataset.source=None must be {NODE}"),
    ("+dataset.source._partial_=true", "dataset.source: _partial_ gives no Source"),
    ("dataset.source._target_=sklearn.linear_model.Ridge", "dataset.source: Ridge is no Source"),
    ("dataset._target_=sklearn.linear_model.Ridge", "dataset: Ridge is no Dataset"),
    ("+dataset.sybmols=[A]", "dataset: Dataset has no argument 'sybmols'; did you mean 'symbols'"),
    ("dataset.symbols=SYN00", "dataset.symbols='SYN00' must be a list of names or null"),
    ("dataset.clock=NONSENSE", "dataset.clock: the exchange 'NONSENSE' has no calendar"),
    ("dataset.clock=XNSY", "dataset.clock: .* did you mean 'XNYS'"),
    ("dataset.exchange=NONSENSE", "dataset.exchange: the exchange 'NONSENSE' has no calendar"),
    ("dataset.exchange={SYN00:XX}", "dataset.exchange: the exchange 'XX' has no calendar"),
    ("dataset.start=yesterday", "dataset.start=yesterday is not a date"),
    ("dataset.allow_negative=1", "dataset.allow_negative=1 must be true or false"),
    ("dataset.on_invalid=drp", "dataset.on_invalid='drp' must be raise or drop"),
    ("dataset.adjust=3", "dataset.adjust=3 must be report or"),
    ("dataset.source.rows=1", "dataset.source.rows=1 must be a whole number from 2 up"),
    ("dataset.source.symbols=0", f"dataset.source.symbols=0 must be {WHOLE}"),
    ("dataset.source.planted_r2=1", "dataset.source.planted_r2=1 must be a number from 0 and bel"),
    ("dataset.source.correlation=-0.1", "dataset.source.correlation=-0.1 must be a number from 0"),
]
FEATURES = [
    ("features.rows=0", f"features.rows=0 must be {WHOLE}"),
    ("features.rows=8.5", f"features.rows=8.5 must be {WHOLE}"),
    ("features.rows=99999999999", "features.rows=9+ must be a whole number from 1 to 2147483647"),
    ("+features.row=3", "features: Features has no argument 'row'; did you mean 'rows'"),
    ("features.expressions=3", "features.expressions=3 must be a mapping"),
    ("+features.views={x:3}", "features.views=.* must be a mapping"),
    ("+features.views={x:{rows:0}}", "view 'x': rows=0 must be a whole number from 1 up"),
    ("features.expressions.ret_1=null", "features.expressions=.* must be a mapping|is null"),
    ("+features.expressions.x='ts_maen(close,3)'", "did you mean 'ts_mean'"),
]
TARGET = [
    ("target.targets=3", "target.targets=3 must be a mapping"),
    ("target.targets.ret_next=3", "target.targets=.* must be a mapping"),
    ("+target.targets.ret_next.taks=x", "unknown key 'taks'; did you mean 'task'"),
    ("target.targets.ret_next.task=regresion", "did you mean 'regression'"),
    ("+target.targets.ret_next.horizons=[0]", "horizons=.* from 1 up"),
    ("+target.targets.ret_next.levels=[0.5]", "levels are for the task quantile"),
    ("target=return_quantiles target.targets.ret_next.levels=[0.5,1.5]", "increase between 0 and"),
    ("target=direction target.targets.direction.edges=[nan]", "edges=|finite"),
]
SPLIT = [
    ("split.train=2", "split.train=2 must be a number above 0 and below 1"),
    ("split.train=0", "split.train=0 must be a number above 0 and below 1"),
    ("split.train='0.7'", "split.train='0.7' must be a number above 0 and below 1"),
    ("split.valid=nan", "split.valid=nan must be a number above 0 and below 1"),
    ("split.valid=0.3", "positive shares"),
    ("split.embargo=-1", "split.embargo=-1 must be a whole number from 0 up"),
    ("split.embargo=true", "split.embargo=True must be a whole number from 0 up"),
    ("split.valid_from=soon split.test_from=later", "split: 'soon' is no date"),
    ("split.valid_from=2001-03-01 split.test_from=2001-02-01", "must be before test_from"),
    ("+split.trian=1", "split: Chronological has no argument 'trian'; did you mean 'train'"),
    ("split=walk_forward split.test=0", f"split.test=0 must be {WHOLE}"),
    ("split=walk_forward split.window=roling", "split.window='roling' .* did you mean 'rolling'"),
    ("split=leaky_shuffle split.seed=-1", "split.seed=-1 must be a whole number from 0 up"),
    ("split._target_=marketlab.models.har.HAR", "split: HAR has no argument"),
]
SCALER = [
    ("+scaler.x=1", "scaler: standard has no argument 'x'"),
    ("scaler._partial_=1", "scaler._partial_=1 must be true or false"),
    ("~scaler._partial_", "scaler.values is missing: standard needs it"),
    ("scaler._target_=marketlab.data.scaling.standrd", "no 'marketlab.data.scaling.standrd'"),
    ("scaler=standrd", "did you mean 'standard'"),
]
MODEL = [
    ("model._target_=marketlab.data.splits.Chronological", "model: Chronological is no Forecaster"),
    ("model=mlp model.net=3", f"model.net=3 must be {NODE}"),
    ("model=mlp model.net._partial_=false", "model.net lacks _partial_: true"),
    ("model=mlp model.net.hidden=[64,0]", "model.net.hidden=.* whole numbers from 1 to 65536"),
    ("model=mlp model.net.hidden=64", "model.net.hidden=64 must be a list of whole numbers"),
    ("model=mlp model.net.hidden=['64']", "model.net.hidden=.* must be a list of whole numbers"),
    ("model=mlp model.net.hidden=[1000000000000]", "model.net.hidden=.* from 1 to 65536"),
    ("model=mlp model.net.dropout=1", "model.net.dropout=1 must be a number from 0 and below 1"),
    ("model=mlp +model.net.hiden=3", "model.net: MLP has no argument 'hiden'; did you mean 'hid"),
    ("model=mlp model.optimizer.lr=0", "model.optimizer.lr=0 must be a number above 0"),
    ("model=mlp model.optimizer.lr=-0.0", "model.optimizer.lr=-0.0 must be a number above 0"),
    ("model=mlp model.optimizer.lr=inf", "model.optimizer.lr=inf must be a finite number"),
    ("model=mlp model.optimizer.lr='1e-3'", "model.optimizer.lr='1e-3' must be a number above 0"),
    ("model=mlp +model.optimizer.betas=[0.9,1.0]", "model.optimizer.betas=.* a list of numbers"),
    ("model=mlp model.scheduler.factor=1.5", "model.scheduler.factor=1.5 must be a number above"),
    ("model=mlp model.scheduler.patience=-1", "model.scheduler.patience=-1 must be a whole"),
    ("model=mlp model.threads=0", f"model.threads=0 must be {WHOLE} or null"),
    ("model=mlp +model.batch=0", f"model.batch=0 must be {WHOLE}"),
    ("model=mlp +model.weights={ret_next:-1}", "model.weights=.* a mapping to numbers from 0 up"),
    ("model=lstm_attention model.net.heads=true", "model.net.heads=True must be a whole number"),
    ("model=lightgbm model.rounds=0", f"model.rounds=0 must be {WHOLE}"),
    ("model=lightgbm model.params=3", "model.params=3 must be a mapping"),
    ("model=lightgbm +model.params.num_leavs=3", "'num_leavs'; did you mean 'num_leaves'"),
    ("model=lightgbm model.params.num_leaves=1", "model.params.num_leaves=1: LightGBM wants"),
    ("model=lightgbm model.params.learning_rate=x", "model.params.learning_rate='x': LightGBM"),
    ("model=lightgbm model.params.learning_rate=nan", "model.params.learning_rate=nan must be a"),
    ("model=lightgbm +model.params.seed=3", "model.params.seed is not set here: set seed="),
    ("model=lightgbm +model.params.machines=a:1", "no files and no other machines"),
    ("model=lightgbm +model.params.forcedbins_filename=x", "no files and no other machines"),
    ("model=ridge +model.estimator.alpha=-1", "model.estimator: The 'alpha' parameter of Ridge"),
    ("model=ridge +model.estimator.alpah=1", "Ridge has no argument 'alpah'; did you mean 'alpha'"),
    ("model=ridge model.search.alpha=[1,-1]", "model.search.alpha: The 'alpha' parameter"),
    ("model=ridge +model.search.alpa=[1]", "model.search.alpa: Ridge has no parameter 'alpa'; did"),
    ("model=ridge model.window=lst", "model.window='lst' must be last or flatten; did you mean"),
    ("model=ewma model.alphas=[0,1]", "model.alphas=.* a list of numbers above 0 and below 1"),
    ("model=har +model.x=1", "model: HAR has no argument 'x'"),
]
TRAINER = [
    ("trainer.max_epochs=0", f"trainer.max_epochs=0 must be {WHOLE}"),
    ("trainer.max_epochs=null", f"trainer.max_epochs=None must be {WHOLE}"),
    ("trainer.max_epochs=-1", f"trainer.max_epochs=-1 must be {WHOLE}"),
    ("+trainer.max_epoch=3", "trainer: Trainer has no argument 'max_epoch'; did you mean 'max_ep"),
    ("trainer.accelerator=cpuu", "trainer.accelerator='cpuu' must be .* did you mean 'cpu'"),
    ("trainer.devices=0", f"trainer.devices=0 must be {WHOLE}"),
    ("trainer.deterministic=wran", "trainer.deterministic='wran' must be true or false or warn"),
    ("trainer.gradient_clip_val=-1", "trainer.gradient_clip_val=-1 must be a number from 0 up"),
    ("trainer.callbacks=3", "trainer.callbacks=3 must be a list"),
    ("trainer.callbacks=[3]", r"trainer.callbacks=\[3\] must be a list of mappings with _target_"),
    ("trainer.callbacks.0.monitor=valid_los", "trainer.callbacks.0.monitor=.* did you mean 'vali"),
    ("trainer.callbacks.0.patience=-1", "trainer.callbacks.0.patience=-1 must be a whole number"),
    ("trainer=gpu trainer.max_epochs=x", f"trainer.max_epochs='x' must be {WHOLE}"),
    ("trainer=gpu +trainer.max_epoch=3", "did you mean 'max_epochs'"),
    ("trainer=debug trainer.limit_train_batches=-1", "trainer.limit_train_batches=-1 must be"),
]
TRACKING = [
    ("tracking=wandb tracking.wandb.mode=onlin", "tracking.wandb.mode='onlin' must be online or"),
    ("tracking=wandb tracking.wandb.timeout=0", "tracking.wandb.timeout=0 must be a number above"),
    ("tracking=wandb tracking.wandb.project=[a]", "tracking.wandb.project=.* must be text"),
    ("tracking=wandb +tracking.wandb.porject=a", "did you mean 'project'"),
    ("tracking=csv tracking.csv.file=../x", "tracking.csv.file='../x' must name a file"),
    ("tracking=csv tracking.csv=3", "tracking.csv has no _target_"),
    (f"++tracking={{a:{RIDGE}}}", "tracking.a: Ridge is no tracker"),
    ("tracking=[csv,wandbb]", "did you mean 'wandb'"),
]
CASES = [*ROOT, *WINDOWS, *PATHS, *DATASET, *FEATURES, *TARGET, *SPLIT, *SCALER, *MODEL]
CASES += [*TRAINER, *TRACKING]


@pytest.mark.parametrize(("words", "line"), CASES, ids=lambda value: value[:60])
def test_what_a_group_cannot_take_is_one_line(small, tmp_path, monkeypatch, words, line):
    def never(*_, **__):
        raise AssertionError("data was read")

    for method in ("load", "fetch"):
        monkeypatch.setattr(Dataset, method, never)
    monkeypatch.chdir(tmp_path)
    overrides = [*small, "target=next_return", "model=ridge", *words.split(" ")]
    with pytest.raises(MarketlabError, match=line) as caught:
        Recipe.of(*compose_config("train", overrides))
    if "ts_maen" not in words:  # an expression stands below its line, with a caret
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


MODELS = [name for name in config_files() if name.startswith("model/")]
GOOD = [
    *(f"model={name.removeprefix('model/')}" for name in MODELS if "logistic" not in name),
    "model=logistic target=direction",
    "model=mlp model.net.hidden=[]",
    "model=mlp model.scheduler=null",
    "model=mlp +trainer.precision=bf16-mixed trainer.callbacks=null",
    "model=mlp model.optimizer._target_=torch.optim.SGD +model.optimizer.momentum=0.9",
    "model=lightgbm +model.params.lambda=3 +model.params.monotone_constraints=[1,0]",
    "trainer=gpu",
    "trainer=debug",
    "tracking=[csv,tensorboard,wandb]",
    "tracking=[]",
    "dataset.clock=24/7",
    "dataset.exchange={SYN00:XBOM}",
    "split=walk_forward_rolling",
    "scaler=none",
    "target=return_quantiles model=mlp",
    "seed=2147483647",
    "threads=null",
]


@pytest.mark.parametrize("words", GOOD)
def test_what_a_recipe_may_say_passes(small, words):
    overrides = [*small, "target=next_return", "model=ridge", *words.split(" ")]
    assert Recipe.of(*compose_config("train", overrides)).name == "small"


def test_the_types_of_all_that_ships_are_seen():
    """A name that only type checkers import would hide every type of a signature."""
    for target in known_targets():
        signature, hints = _signature(target)
        assert signature is not None, target
        wanted = [n for n, p in signature.parameters.items() if p.kind not in (2, 4)]
        if target.startswith("marketlab."):
            assert set(wanted) <= hints.keys(), target


def test_ranges_are_of_arguments_that_there_are():
    for target in ("pytorch_lightning.Trainer", "pytorch_lightning.callbacks.EarlyStopping"):
        signature, _ = _signature(target)
        assert ranges_of(target)
        assert ranges_of(target).keys() <= signature.parameters.keys()

"""Any torch net as a Forecaster: a fold's windows in, a Forecast out; Lightning only trains.

Lightning takes seconds to import and is not needed to forecast, so it is imported inside `fit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ..errors import ConfigError, MarketlabError, RunError
from ..ranges import Count, NotNegative
from .forecast import in_own_units
from .forecaster import Forecaster
from .heads import Heads
from .lightning_quiet import interruptible, quiet
from .samples import present
from .spec import (
    ARRAYS_FILE,
    Spec,
    describe,
    fitted,
    read_arrays,
    read_spec,
    require_shape,
    write_arrays,
)

if TYPE_CHECKING:
    from ..data.datamodule import MarketDataModule
    from ..data.labels import Label
    from ..data.windows import Windows
    from .forecast import Forecast
    from .forecaster import FitLog, TrainerFactory


class LightningForecaster(Forecaster):
    """Train a net from ``nets/`` with Lightning and keep the weights of its best epoch.

    Serves every task and both layouts: the last layer is as wide as its labels need (`Heads`). A
    symbol of a joint layout without any label in the train rows gets no forecast of it: its outputs
    were never trained.

    Parameters
    ----------
    net : (inputs, outputs) -> nn.Module
        Built anew for each fit; `inputs` is view -> shape of one sample, `outputs` a number.
    optimizer : parameters -> Optimizer
    scheduler : Optimizer -> learning-rate scheduler, optional
        Stepped once an epoch, on the validation loss where it asks for a metric.
    weights : label or target name -> number, optional
        What a label's loss counts in the total, 1 unless named.
    batch : int
        Samples a forward pass when forecasting. The last bits of a forecast depend on it.
    device : str
        Where forecasts are computed. The CPU by default, wherever the net was trained, so that a
        run gives the same numbers on a machine without a GPU.
    threads : int, optional
        CPU threads of the net; None leaves torch's own. One is right for small nets: a second gains
        a fifth on idle cores and, where other work wants them, costs several times as much.
    """

    def __init__(
        self,
        net: Callable[..., nn.Module],
        optimizer: Callable[..., torch.optim.Optimizer],
        scheduler: Callable[..., Any] | None = None,
        weights: Mapping[str, NotNegative] | None = None,
        batch: Count = 1024,
        device: str = "cpu",
        threads: Count | None = None,
    ) -> None:
        self._build = net
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._weights = weights
        self._batch = batch
        self._device = device
        self._threads = threads
        self._net: nn.Module | None = None
        self._spec: Spec | None = None

    def check_views(self, inputs: Mapping[str, tuple[int, ...]], labels: Sequence[Label]) -> None:
        """Build a net, its optimizer and its schedule once, so that what they refuse shows early.

        Raises
        ------
        ConfigError
        """
        try:
            net = self._build(inputs=dict(inputs), outputs=Heads(labels, 1, self._weights).outputs)
            optimizer = self._optimizer(net.parameters())
            if self._scheduler is not None:
                self._scheduler(optimizer)
        except (TypeError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigError(f"model: it cannot be built ({reason}): mend model.*") from error

    def fit(self, data: MarketDataModule, trainer: TrainerFactory, log: FitLog) -> None:
        """Train until the trainer stops, then restore the epoch of the lowest ``valid_loss``.

        The weights, the dropout and the order of samples follow from ``data.seed``.

        Raises
        ------
        DataError
            If a label is missing from all train or all validation rows.
        ConfigError
            If the trainer runs no epoch or no validation.
        MarketlabError
            If the loss stops being a finite number.
        """
        taught = present(data.train, "train").any(0)
        present(data.valid, "validation")
        untaught = np.flatnonzero(~taught).tolist()
        spec = describe(type(self).__name__, data.train, untaught=untaught)
        with quiet(), interruptible(), torch_threads(self._threads):
            net = self._trained(data, trainer, log, spec)
        self._net, self._spec = net.float().to(self._device).eval(), spec

    def _trained(
        self, data: MarketDataModule, trainer: TrainerFactory, log: FitLog, spec: Spec
    ) -> nn.Module:
        """Train a new net, from its checkpoint if there is one; see `fit`."""
        from .lightning_callbacks import BestWeights, Narrator
        from .lightning_checkpoints import EpochCheckpoints, PlainCheckpointIO
        from .lightning_module import NetModule

        heads = Heads(data.train.labels, data.train.n_out, self._weights)
        torch.manual_seed(data.seed)
        net = self._build(inputs=spec.inputs, outputs=heads.outputs)
        module = NetModule(net, heads, self._optimizer, self._scheduler)
        best = BestWeights()
        checkpoints = None if log.checkpoint is None else EpochCheckpoints(log.checkpoint, log)
        fitting = _new_trainer(trainer, log, [best, Narrator(log), *filter(None, [checkpoints])])
        fitting.strategy.checkpoint_io = PlainCheckpointIO()
        resumed = checkpoints is not None and checkpoints.path.is_file()
        try:
            fitting.fit(module, datamodule=data, ckpt_path=log.checkpoint if resumed else None)
        except (MarketlabError, LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            if checkpoints is None or not resumed or checkpoints.began:
                raise
            # Damaged, or of another net: nothing was trained yet, so begin again without it.
            checkpoints.path.unlink()
            log.history.clear()
            return self._trained(data, trainer, log, spec)
        if not best.weights:
            raise ConfigError(
                "the net was stopped before its first validation, by which weights are picked: "
                "allow more trainer.max_steps or trainer.max_time"
            )
        net.load_state_dict(best.weights)
        return net

    def predict(self, windows: Windows) -> Forecast:
        """Forecast every sample of `windows`; see `Forecaster.predict`."""
        spec = fitted(self._spec, type(self).__name__)
        spec.expect(windows)
        assert self._net is not None
        heads = Heads(windows.labels, windows.n_out)
        raw = torch.empty(len(windows), heads.outputs)
        start = 0
        with torch.inference_mode(), torch_threads(self._threads):
            for batch in windows.batches(self._batch, device=self._device):
                outputs = self._net(batch.x)
                raw[start : start + len(outputs)] = outputs
                start += len(outputs)
        quantities = heads.quantities(raw)
        for column in spec.extra["untaught"]:
            symbol, k = divmod(column, len(windows.labels))
            quantities[windows.labels[k].name][:, symbol] = np.nan
        return in_own_units(windows, quantities)

    def save(self, directory: Path) -> None:
        """Write ``model.safetensors`` and ``spec.json`` into an existing folder."""
        fitted(self._spec, type(self).__name__).write(directory)
        assert self._net is not None
        state = self._net.state_dict()
        write_arrays(directory, {name: value.cpu().numpy() for name, value in state.items()})

    def load(self, directory: Path) -> None:
        """Build the net from the saved spec and fill in its weights.

        Raises
        ------
        RunError
            If a file is missing or broken, or its weights do not fit the net of this config.
        """
        spec = read_spec(directory, type(self).__name__)
        arrays = read_arrays(directory)
        untaught = spec.extra.get("untaught")
        columns = range(spec.n_out * len(spec.labels))
        if not isinstance(untaught, list) or not all(
            type(c) is int and c in columns for c in untaught
        ):
            raise RunError(f"{directory} does not say which columns were taught: fit it again")
        outputs = spec.n_out * sum(len(names) for names in spec.quantities)
        # Of its shapes alone: a stranger's may be too large for any memory.
        with torch.device("meta"):
            sizes = self._build(inputs=spec.inputs, outputs=outputs).state_dict()
        for name in sizes.keys() & arrays.keys():
            require_shape(arrays, name, tuple(sizes[name].shape), directory)
        if missing := sorted(sizes.keys() - arrays.keys()):
            require_shape(arrays, missing[0], tuple(sizes[missing[0]].shape), directory)
        net = self._build(inputs=spec.inputs, outputs=outputs)
        state = net.state_dict()
        for name in sorted(arrays.keys() - state.keys()):
            raise RunError(
                f"{directory / ARRAYS_FILE} holds {name!r}, which the net of this config has not: "
                "load it with the config that it was fitted with"
            )
        for name, value in state.items():
            array = require_shape(arrays, name, tuple(value.shape), directory)
            if not np.isfinite(array).all():
                raise RunError(
                    f"{directory / ARRAYS_FILE} holds no finite {name!r}: fit the model again"
                )
            state[name] = torch.from_numpy(array)
        net.load_state_dict(state)
        self._net, self._spec = net.to(self._device).eval(), spec


def _new_trainer(trainer: TrainerFactory, log: FitLog, callbacks: list[Any]) -> Any:
    """Build the recipe's Trainer and refuse one that can pick no weights."""
    from pytorch_lightning.loggers import CSVLogger

    fitting = trainer(
        logger=CSVLogger(log.directory, name="", version=""),
        callbacks=callbacks,
        default_root_dir=str(log.directory),
    )
    if fitting.world_size > 1:
        # Lightning would start this very command again for each of the others.
        raise ConfigError(
            f"a net trains on one device, not {fitting.world_size}: set trainer.devices=1"
        )
    epochs = fitting.max_epochs
    if not isinstance(epochs, int):
        raise ConfigError(f"trainer.max_epochs={epochs!r} must be a whole number from 1 up")
    if not epochs or not fitting.limit_val_batches:
        raise ConfigError(
            "a net needs an epoch and its validation to pick weights by: set "
            "trainer.max_epochs, and trainer.limit_val_batches, above 0"
        )
    return fitting


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Give torch so many CPU threads for a while; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

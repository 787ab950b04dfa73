"""Hydra's way in: the words behind ``-m`` in; a search, or runs in turn, out.

Words with an interval or a choice, or with ``sweep=``, are a search; any others are what they are
to Hydra itself: a grid of whole runs.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from yaml import YAMLError

from ...errors import ConfigError
from ..configs import compose_config, folder, one_line, resolved, without_hydra
from ..pages.wording import opened
from ..provenance import available_threads
from .plan import Compose, Composed, Plan, split_words
from .search import Found, run_search
from .space import is_search
from .study import known_space, open_queue
from .table import best_table
from .worker import work

DEFAULT = "sweep=default"
PLUGIN = "hydra_plugins.marketlab"
ROOT = "train"
NOT_ADVICE = "For research, not financial advice."


class OptunaSweeper(Sweeper):
    """Search with Optuna, or run a grid.

    Hydra builds it from ``conf/hydra/sweeper/marketlab.yaml``.

    Parameters
    ----------
    asked : bool
        The user chose ``sweep=``: a search even without an interval or a choice.
    """

    def __init__(self, asked: bool = False) -> None:
        self.asked = asked
        self.config: DictConfig | None = None
        self.context: HydraContext | None = None
        self.task: TaskFunction | None = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what `sweep` needs."""
        self.config, self.context, self.task = config, hydra_context, task_function

    def sweep(self, arguments: list[str]) -> Any:
        """Run what the words ask for."""
        assert self.config is not None
        assert self.context is not None
        assert self.task is not None
        searched, words, own = split_words(arguments)
        if not self.asked and own in ([], [DEFAULT]) and not is_search(searched):
            # Hydra's scan for plugins makes this class anew: an earlier import would be stale.
            from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

            grid = BasicSweeper(max_batch_size=None)
            grid.setup(hydra_context=self.context, task_function=self.task, config=self.config)
            return grid.sweep([word for word in arguments if word != DEFAULT])
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.context, task_function=self.task, config=self.config
        )
        loader = self.context.config_loader
        compose = composer(loader, list(self.config.hydra.overrides.hydra))
        node = resolved(without_hydra(self.config, self.config.hydra)[0])["sweep"]
        node["workers"] = _workers(node.get("workers"), self.config.hydra.launcher)
        inline = {o.get_key_element(): o.get_value_string() for o in searched}
        plan = Plan.of(words, node, compose, inline, loader)
        found = run_search(plan, lambda plan: _launch(launcher, plan, [*words, *own]))
        show(found, plan)
        return found


def prepare_words(arguments: Sequence[str]) -> list[str]:
    """Make Hydra ready for a command line with ``-m``, and return what it is to read.

    Raises
    ------
    ConfigError
        In better words than Hydra's, where it would not even reach the sweeper.
    """
    register()
    overrides = [word for word in arguments if "=" in word and not word.startswith("-")]
    _, words, own = split_words(overrides)
    if not any(word.startswith(("sweep=", "+sweep=")) for word in own):
        arguments, own = [*arguments, DEFAULT], [DEFAULT, *own]
    else:
        arguments = [*arguments, "hydra.sweeper.asked=true"]
    if not any(word.startswith("--config") for word in arguments):
        hydra_words = [w for w in words if w.startswith(("hydra.", "hydra/", "+hydra"))]
        compose_config(ROOT, [word for word in [*words, *own] if word not in hydra_words])
    return list(arguments)


def register() -> None:
    """Tell Hydra of the sweeper.

    Hydra takes plugins from the package ``hydra_plugins`` alone, and does not see into an editable
    install: this module gets a second name there.
    """
    if importlib.util.find_spec("hydra_plugins") is None:
        sys.modules["hydra_plugins"] = ModuleType("hydra_plugins")
    sys.modules[PLUGIN] = sys.modules[__name__]
    plugins = Plugins.instance()
    plugins.register(OptunaSweeper)
    plugins.class_name_to_class[f"{PLUGIN}.{OptunaSweeper.__name__}"] = OptunaSweeper


def run_job(config: DictConfig, overrides: Sequence[str]) -> None:
    """Do a launcher's job: run trials of the study until none is left.

    Parameters
    ----------
    config : DictConfig
        Of the job, without Hydra's node; ``sweep.worker`` is set.
    overrides : words
        The job's.
    """
    _, words, _ = split_words(overrides)
    loader = GlobalHydra.instance().config_loader()
    compose = composer(loader, list(HydraConfig.get().overrides.hydra))
    plain = resolved(config)
    # Part of the space may have come with words that were not passed on; the study knows all of it.
    space = known_space(plain["sweep"], folder(plain, "outputs"))
    plan = Plan.of(words, {**plain["sweep"], "space": {}}, compose, space, loader)
    work(plan, open_queue(plan))


def composer(loader: Any, hydra_words: Sequence[str]) -> Compose:
    """Return what composes words as the command line does, its own folders included."""

    def compose(words: Sequence[str]) -> Composed:
        try:
            config = loader.load_configuration(
                ROOT, [*hydra_words, *words], run_mode=RunMode.RUN, from_shell=False
            )
            return without_hydra(config, config.hydra)
        except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
            raise ConfigError(one_line(error)) from error

    return compose


def _launch(launcher: Launcher, plan: Plan, words: Sequence[str]) -> None:
    settings = plan.settings
    jobs = [
        [
            *words,
            f"sweep.name={plan.name}",
            f"sweep.workers={settings.workers}",
            f"++sweep.worker={worker}",
            *([f"++sweep.deadline={settings.deadline!r}"] if settings.deadline else []),
        ]
        for worker in range(settings.workers or 1)
    ]
    for job in launcher.launch(jobs, initial_job_idx=0):
        if job.status == JobStatus.FAILED:
            raise job._return_value  # the property would print the job's words first


def _workers(asked: Any, launcher: DictConfig) -> Any:
    """Return how many jobs to launch: what was asked for, or what suits the launcher."""
    target = str(launcher.get("_target_", ""))
    if target.endswith("BasicLauncher"):
        if asked not in (None, 1):
            raise ConfigError(
                f"sweep.workers={asked} needs a launcher that runs jobs at once: add "
                "hydra/launcher=joblib or hydra/launcher=ray"
            )
        return 1
    if asked is not None:
        return asked
    cores = available_threads()
    jobs = launcher.get("n_jobs") if "joblib" in target else None
    if isinstance(jobs, int) and jobs != 0:
        return jobs if jobs > 0 else max(1, cores + 1 + jobs)
    return cores


def show(found: Found, plan: Plan) -> None:
    """Print what a search found, and its run as a run is printed."""
    from ..cli_saved import show as show_run

    console = Console()
    console.print(best_table(found.trials, found.chosen, plan.settings))
    console.print(f"sweep: {found.page}", soft_wrap=True, highlight=False)
    if found.run is not None:
        show_run(found.run)
        return
    if found.grown is not None:
        console.print(f"{opened(found.grown)} Its report was made before.", style="dim")
    if found.path is not None:
        console.print(f"report: {found.path / 'report.html'}", soft_wrap=True, highlight=False)
    elif plan.settings.refit:
        print("another process trains the chosen recipe", file=sys.stderr)
    console.print(NOT_ADVICE, style="dim")

"""The command line: arguments in; a table and status 0 out, or one line and status 2.

Plain overrides go straight to the function that a notebook calls. Flags (``--help``, ``--cfg``,
``--multirun``, ...) go through ``hydra.main``, whose own messages are made one line as well.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from yaml import YAMLError

from ..errors import ConfigError, MarketlabError
from .configs import compose_config, folder, one_line, resolved, without_hydra

Job = Callable[[DictConfig, Mapping[str, str], Sequence[str]], None]
SAVED = ("rerun=", "resume=")
NOT_ADVICE = "For research, not financial advice."


def train_command() -> None:
    """Run ``marketlab-train``."""
    _command("train", _train)


def predict_command() -> None:
    """Run ``marketlab-predict``."""
    _command("predict", _predict)


def fetch_command() -> None:
    """Run ``marketlab-fetch``."""
    _command("fetch", _fetch)


def compare_command() -> None:
    """Run ``marketlab-compare``: words that are neither KEY=VALUE nor flags are runs."""
    runs = [word for word in sys.argv[1:] if not re.match(r"-|[a-z_]+=", word)]
    sys.argv[1:] = [word for word in sys.argv[1:] if word not in runs]
    _command("compare", partial(_compare, runs))


def data_command() -> None:
    """Run ``marketlab-data``."""
    _command("data", _data)


def _train(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> None:
    if config.get("sweep") is not None:
        if config.sweep.get("worker") is None:
            raise ConfigError("sweep= searches by many trainings: add -m")
        from .sweep.sweeper import run_job

        run_job(config, overrides)
        return
    # The libraries below take some seconds to import; say at once that something happens.
    print(f"{config.name}: {choices.get('model')} on {choices.get('dataset')}", file=sys.stderr)
    from .cli_saved import show
    from .train import train_config

    show(train_config(config, choices, overrides))


def _predict(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> None:
    from .predict import check_output, predict, save_table
    from .predictions import render

    plain = resolved(config)
    output = None if plain["output"] is None else Path(str(plain["output"]))
    if output is not None:
        check_output(output)
    allow = plain["allow"]
    if not isinstance(allow, list):
        raise ConfigError(f"allow={allow} must be a list, as in [{allow}]")
    table = predict(
        str(plain["run"]),
        since=None if plain["since"] is None else str(plain["since"]),
        snapshot=None if plain["snapshot"] is None else str(plain["snapshot"]),
        data=folder(plain, "data"),
        allow=allow,
        quiet=False,
    )
    console = Console()
    console.print(render(table))
    if output is not None:
        save_table(table, output)
        console.print(f"saved: {output}", soft_wrap=True, highlight=False)
    console.print(NOT_ADVICE, style="dim")


def _fetch(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> None:
    from .fetch import fetch_config

    done = fetch_config(config)
    console = Console()
    console.print(done.health.render())
    console.print(f"snapshot: {done.snapshot.path}", soft_wrap=True, highlight=False)
    if done.exported is None:
        return
    files = done.exported.files
    where = str(done.exported.place) + (f" ({len(files)} files)" if len(files) > 1 else "")
    console.print(f"exported: {where}", soft_wrap=True, highlight=False)
    for note in done.exported.notes:
        console.print(f"note: {note}", soft_wrap=True, highlight=False, markup=False)


def _data(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]) -> None:
    from .data import data_config
    from .data_page.wording import said_of, summary
    from .data_table import comparison_table

    findings = data_config(config)
    console = Console()
    console.print(findings.health.render())
    lines = summary(findings)
    if findings.comparison is not None:
        if (table := comparison_table(findings.comparison)) is not None:
            console.print(table)
        lines += said_of(findings.comparison)
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(f"snapshot: {findings.snapshot.path}", soft_wrap=True, highlight=False)
    console.print(f"page: {findings.page}", soft_wrap=True, highlight=False)


def _compare(
    runs: Sequence[str],
    config: DictConfig,
    choices: Mapping[str, str],
    overrides: Sequence[str],
) -> None:
    from .cli_saved import show_comparison

    show_comparison(runs, resolved(config))


def _command(root: str, job: Job) -> None:
    """Run a job and turn what the user can mend into one line and status 2."""
    # Read when torch is first imported. Where other work wants the same cores, OpenMP threads
    # lose most of their time spinning; asleep at once, they are slow on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")
    arguments = sys.argv[1:]
    try:
        if any(argument.startswith("-") for argument in arguments):
            _through_hydra(root, job, arguments)
        elif root == "train" and any(word.startswith(SAVED) for word in arguments):
            from .cli_saved import saved_command

            sys.exit(saved_command(arguments))
        else:
            config, choices = compose_config(root, arguments)
            job(config, choices, arguments)
    except MarketlabError as error:
        _fail(str(error))
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        _fail(one_line(error))
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _through_hydra(root: str, job: Job, arguments: list[str]) -> None:
    _check_flags(arguments)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us instead of being printed at length
    # Hydra's parser wants the overrides side by side, but one may stand on either side of a flag.
    sys.argv[1:] = sorted(arguments, key=_is_override)
    if root == "train" and not {"-m", "--multirun"}.isdisjoint(arguments):
        from .sweep.sweeper import prepare_words

        sys.argv[1:] = prepare_words(sys.argv[1:])
    if {word for word in arguments if word.startswith("-")} <= {"--help", "-h", "--cfg", "-c"}:
        compose_config(root, [word for word in arguments if "=" in word])  # for its better errors

    def task(config: DictConfig) -> None:
        hydra_config = HydraConfig.get()
        plain, choices = without_hydra(config, hydra_config)
        job(plain, choices, list(hydra_config.overrides.task))

    hydra.main(config_path="pkg://marketlab.conf", config_name=root, version_base="1.3")(task)()


def _check_flags(arguments: list[str]) -> None:
    """Refuse a flag that Hydra does not have in one line, where its parser prints its usage."""
    parser = get_args_parser()

    def refuse(message: str) -> NoReturn:
        raise ConfigError(f"{message}; --help shows what there is")

    parser.error = refuse
    parser.parse_args(sorted(arguments, key=_is_override))


def _is_override(word: str) -> bool:
    return not word.startswith("-") and ("=" in word or (word[:1] == "~" and "/" not in word))


def _fail(line: str) -> None:
    print(f"error: {line}", file=sys.stderr)
    sys.exit(2)

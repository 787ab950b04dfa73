"""Lightning without its small talk: its tips and hints are held back, its errors are not.

Needs no Lightning itself: it is a context in which a Trainer is built and run.
"""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# The parents of every logger through which Lightning says what hardware there is, why a fit ended,
# and which of its products to try.
_LOGGERS = ("pytorch_lightning", "lightning_fabric", "lightning_utilities")

_NOISE = (
    # The recipe chose the CPU.
    "GPU available but not used",
    # The loaders gather from memory, which workers would slow down.
    r".*does not have many workers",
    # Nothing is logged by step.
    r"The number of training batches \(\d+\) is smaller than the logging interval",
    # A resumed fold writes over the log of the attempt that was killed.
    r"Experiment logs directory .* exists and is not empty",
    r"Checkpoint directory .* exists and is not empty",
    # Lightning 2.6 uses what torch 2.13 deprecates.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # On a cluster the user decides how to start processes.
    r"The `srun` command is available on your system but is not used",
)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back Lightning's information and the warnings that are noise here."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for message in _NOISE:
            warnings.filterwarnings("ignore", message=message)
        try:
            for logger in loggers:
                logger.setLevel(max(logger.level, logging.WARNING))
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C arrive as KeyboardInterrupt.

    Lightning answers it with ``sys.exit(1)`` and leaves the signal ignored, so that whoever called
    the fit can neither tidy up nor be interrupted again.
    """
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGINT, handler)

from __future__ import annotations

import logging
import signal
import sys
import warnings

import pytest
from marketlab.models.lightning_quiet import interruptible, quiet


def test_holds_back_small_talk_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    with quiet():
        with pytest.warns(UserWarning, match="something is wrong"):
            warnings.warn("something is wrong", UserWarning, stacklevel=1)
        logger.info("GPU available: False")
        logger.warning("trouble")
    assert [record.getMessage() for record in caplog.records] == ["trouble"]
    assert logger.level == level


def test_known_noise_is_no_warning() -> None:
    with quiet():
        warnings.warn("GPU available but not used. You can", UserWarning, stacklevel=1)


def end_as_lightning_does() -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(1)


def test_an_interrupt_arrives_as_one_and_can_be_repeated() -> None:
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible():
        end_as_lightning_does()
    assert signal.getsignal(signal.SIGINT) is handler


def test_another_exit_stays_one() -> None:
    with pytest.raises(SystemExit), interruptible():
        raise SystemExit(3)

"""Ctrl-C between two steps, not in the middle of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def unbroken() -> Iterator[None]:
    """Hold back the first Ctrl-C until the block is done; a second one breaks it off.

    Half an optimiser step leaves some parameters moved and others not. Where signals cannot be caught (in a
    thread, under a foreign handler) the block runs as it is.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is None:
        yield
        return
    held_back = []

    def hold_back(number: int, frame: FrameType | None) -> None:
        if held_back:
            raise KeyboardInterrupt
        held_back.append(number)

    signal.signal(signal.SIGINT, hold_back)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if held_back:
        signal.raise_signal(signal.SIGINT)

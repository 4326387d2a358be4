"""SIGINT and SIGTERM end every command: with clean-up if that is quick, and at the latest after some seconds.

This module imports nothing heavy, so that it works before anything else is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 8.0
"""How long the clean-up may take; with the time Python needs, the end takes less than ten seconds."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked: list[int] = []


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def code(self) -> int:
        """The exit code that shells use for this signal."""
        return 128 + self.number


def at_once() -> None:
    """End at once at the first signal: while modules are loaded there is nothing to clean up."""
    for number in _SIGNALS:
        signal.signal(number, lambda number, _: os._exit(128 + number))


def in_order() -> None:
    """Raise `Stopped` in the main thread at the first signal; end the process later if it is still there."""

    def raised(number: int, _frame: object) -> None:
        _asked.append(number)
        # Only once: a second signal must not interrupt the clean-up.
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    def unheard(lost: sys.UnraisableHookArgs) -> None:
        # A `Stopped` inside a finalizer is lost; `raise_if_asked` raises it again.
        if not isinstance(lost.exc_value, Stopped):
            sys.__unraisablehook__(lost)

    sys.unraisablehook = unheard
    on_signal(end_later)
    for number in _SIGNALS:
        signal.signal(number, raised)


def raise_if_asked() -> None:
    """Raise `Stopped` again if a signal has come.

    A `Stopped` that is raised inside a finalizer, or inside a callback of a library, is lost there.

    Raises
    ------
    Stopped
        If a signal has come.
    """
    if _asked:
        raise Stopped(_asked[0])


def end_later(number: int) -> None:
    """End the process after `SECONDS` if it is still there."""
    time.sleep(SECONDS)
    os._exit(128 + number)


def on_signal(act: Callable[[int], None]) -> None:
    """Call `act` with the number of the first signal, in its own thread.

    Python's own handlers wait for the main thread, which may be inside a call to Kafka.
    """
    # Not imported at the top, so that `at_once` runs as early as possible.
    import socket
    import threading

    receiver, sender = socket.socketpair()
    sender.setblocking(False)

    def wait() -> None:
        act(receiver.recv(1)[0])

    threading.Thread(target=wait, name="signals", daemon=True).start()
    signal.set_wakeup_fd(sender.detach())
